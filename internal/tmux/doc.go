// Package tmux runs one program in a terminal that can be looked at: a tmux server of its own, with one pane. Keys go in as from a
// keyboard; what is on the screen, where the cursor is, and every byte that the program wrote come out.
//
// It is for tests (parleytest.OpenTmux) and for the pictures and the recording in docs, which drive the same terminal: so it imports no testing, and what
// can't go on is told to a Reporter.
//
//   - tmux.go: the server, its start and its end
//   - hand.go: what a person does: types, pastes, resizes
//   - eye.go: what a person sees, and waits to see
package tmux
