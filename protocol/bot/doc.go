// Package bot is for programs that take part in a chat: each message said in their rooms is handed to a function of theirs, and what they
// answer is said once.
//
//	b, err := bot.Connect(ctx, bot.Config{
//		Server: "chat.example.org:7443", CA: "ca.pem",
//		Name: "echo", Password: bot.PasswordFile("password.txt"),
//		Rooms: []string{"lobby"}, Dir: "/var/lib/echo",
//	})
//	if err != nil {
//		return err
//	}
//	defer b.Close()
//	return b.Run(ctx, func(ctx context.Context, m *bot.Message) error {
//		return m.Reply(ctx, "you said: "+m.Text)
//	})
//
// What it promises, whenever the server, the network or the bot itself is killed:
//
//   - No message is missed: every one said in the rooms after the first start is handled, in each room in order. Where the bot is, it keeps in
//     [Config.Dir]; what was said meanwhile it reads from the history.
//   - A message is handled twice only if the bot was killed while it handled that very one.
//   - What is said by [Message.Reply] and [Message.Say] is said once even then, as long as the bot is back within 24 hours: it goes out under a
//     key made of the message's id, and the server says nothing twice under one key.
//   - It keeps to the server's rates, waits as the server asks, and tries again with growing pauses.
//
// The server is trusted by its certificate alone; nothing turns that off. docs/bots.md tells how to write the same in any language.
//
//   - bot.go: connecting, and the loop
//   - message.go: what was said, and saying something
//   - state.go: where the bot is, over restarts
package bot
