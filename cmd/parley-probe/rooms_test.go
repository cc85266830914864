package main

var roomTwins = []twin{}

var roomMutations = []mutation{}
