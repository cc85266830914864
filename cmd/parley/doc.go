// Command parley is the client that people use: it asks where to in a form at first, talks line by line, says one thing from a script, or follows a room.
//
//   - main.go: the command line; address.go: USER@HOST[:PORT]; exit.go: errors into sentences and exit codes
//   - connect.go: whom to trust, which credential to use, and how to leave; ask.go: prompts without echo
//   - profiles.go: what is kept of where one signs in, and as whom; profilefile.go: the file that it is kept in
//   - firstrun.go: the form that asks for it; form.go: its fields, and how one moves among them; formview.go: what is seen of it;
//     attempt.go: reaching the server and signing in, beside it; editor.go: what is typed
//   - chat.go: line mode on a terminal; commands.go: its table of /commands, and in rooms.go and messages.go those about these;
//     screen.go: the terminal; style.go: how things look
//   - lines.go: what is piped in, said line by line; send.go, tail.go: the one-shot commands
//   - manual.go: what the manual page has beside the command line
//
// Everything that comes from elsewhere (texts, names, room names, the server's explanations) goes through protocol.Printable, or is
// JSON without a control character, before it is shown.
package main
