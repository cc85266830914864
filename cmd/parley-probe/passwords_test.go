package main

var passwordTwins = []twin{
	{stage: "weak-password", flags: []string{"--password-min", "1"}},
	{stage: "weak-password", without: "strength"},
	{stage: "long-password"},
}

var passwordMutations = []mutation{
	{"auth/rules.go", "{func() bool { return bits(string(password)) < leastBits },",
		`{func() bool { return bits(string(password)) < leastBits && !without("strength") },`},
	{"auth/password.go", "mac.Write([]byte(password))",
		`if without("long-password") { password = password[:min(len(password), bcryptBytes)] }; mac.Write([]byte(password))`},
}
