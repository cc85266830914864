package main

var passwordTwins = []twin{}

var passwordMutations = []mutation{}
