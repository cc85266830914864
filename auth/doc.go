// Package auth decides who somebody is: by password, or by a resume token.
//
// # Rooms
//
//   - store.go: what is kept, and what [Store] promises. A store in memory and
//     the suite that every store passes are in auth/authtest.
//   - service.go: [Service], [Options], and how long a refusal takes.
//   - signin.go: signing in by password.
//   - token.go: resume tokens: [Service.Issue], [Service.Resume] and their rules.
//   - accounts.go: what people and operators change: passwords, accounts.
//   - password.go: how a password becomes a hash, and the forms kept.
//   - rules.go: which passwords are taken: [Rules].
//   - pool.go: how many processors bcrypt may use, and who may wait for one.
//   - throttle.go, table.go: who must wait before the next try.
//   - notice.go: what services on several machines tell each other of that.
//   - secret.go: [Secret], a string that never shows.
//
// # What is promised
//
// A sign-in that fails tells nothing: an unknown, removed or disabled account
// and a wrong password cost one real comparison each, and are answered by the
// same [ErrDenied], a fixed time after the try's turn began. The dummy hash that stands
// in for an unknown name is made by [New], at the live cost.
//
// Guessing is slow and dear for who guesses, not for the server: bcrypt runs in a
// pool of few workers with a short queue, and failures are counted by account and
// address, and by address. Nobody is ever locked out for good, a valid token is
// never throttled, and faults of the server count for nobody.
//
// Nothing here keeps a goroutine: all work is done in the caller's, so whoever
// calls owns it. [Service.Close] waits for the hashing under way.
package auth
