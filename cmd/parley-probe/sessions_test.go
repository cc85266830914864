package main

var sessionTwins = []twin{}

var sessionMutations = []mutation{}
