package main

var passwordStages = []stage{}

// passwordTail makes a password longer than bcrypt's 72 bytes.
const passwordTail = " put back by parley-probe: seventy-two bytes are what bcrypt looks at, and no more"
