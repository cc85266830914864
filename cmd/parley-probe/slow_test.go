package main

var slowTwins = []twin{}

var slowMutations = []mutation{}
