package main

var floodTwins = []twin{}

var floodMutations = []mutation{}
