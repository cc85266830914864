package main

var guessTwins = []twin{
	{stage: "bcrypt-storm", flags: []string{"--bcrypt-workers", "64", "--bcrypt-queue", "1024", "--bcrypt-cost", "10"}, slow: true},
	{stage: "names-text"},
	{stage: "names-time", flags: []string{"--bcrypt-cost", "10"}, without: "names-time", slow: true},
	{stage: "guessing", flags: []string{"--login-rate", "0"}, slow: true},
	{stage: "guessing", flags: []string{"--login-rate-address", "0"}, slow: true},
}

var guessMutations = []mutation{
	{"auth/signin.go", "if !known {\n\t\ta.Hash = s.dummy", `if !known && without("names-text") { t.renewed = []byte{} }
		if !known {
			a.Hash = s.dummy`},
	{"auth/signin.go", "if err != nil {\n\t\treturn err\n\t}\n\treturn ErrDenied", `if err == nil && t.renewed != nil { err = &WeakError{"there is no such account"} }
		if err != nil {
			return err
		}
		return ErrDenied`},
	{"auth/signin.go", "ok := matches(a.Hash, t.password) && known &&", `ok := (known || !without("names-time")) && matches(a.Hash, t.password) && known &&`},
	{"auth/signin.go", "err := sleep(ctx, s.refusal(t.took)-time.Since(t.began))", `hidden := s.refusal(t.took)
		if without("names-time") { hidden = 0 }
		err := sleep(ctx, hidden-time.Since(t.began))`},
}
