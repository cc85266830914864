package main

var lineTwins = []twin{}

var lineMutations = []mutation{}
