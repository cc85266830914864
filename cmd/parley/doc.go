// Command parley is the client that people use: it asks where to in a form at first, talks on the full screen or line by line,
// says one thing from a script, or follows a room.
//
//   - main.go: the command line; chat.go: which of its faces a person gets; address.go: USER@HOST[:PORT]; exit.go: errors into
//     sentences and exit codes
//   - connect.go: whom to trust, which credential to use, and how to leave; ask.go: prompts without echo
//   - profiles.go: what is kept of where one signs in, and as whom; profilefile.go: the file that it is kept in
//   - firstrun.go: the form that asks for it; form.go: its fields, and how one moves among them; formview.go: what is seen of it;
//     attempt.go: reaching the server and signing in, beside it
//   - talker.go: carries out what a person types, whatever shows it; commands.go: the table of /commands, and in rooms.go and messages.go
//     those about these; style.go: how things look
//   - linemode.go: line mode; screen.go: its terminal
//   - fullscreen.go: the full screen, from sign-in to the end; feed.go: how what happens gets there; model.go: its state, and
//     questions.go: what it asks the server; saying.go: what becomes of a line that was typed; errand.go: a command while it is carried
//     out
//   - keys.go: the table of keys; input.go: what is typed, with editor.go and complete.go
//   - view.go: the screen as a whole; sidebar.go, statusline.go, overlay.go: its parts; rows.go: messages as rows; scroll.go: which of
//     them are shown; notify.go: calling for a person who does not look
//   - lines.go: what is piped in, said line by line; send.go, tail.go: the one-shot commands
//   - manual.go: what the manual page has beside the command line
//
// Everything that comes from elsewhere (texts, names, room names, the server's explanations) goes through protocol.Printable, or is
// JSON without a control character, before it is shown.
package main
