package main

var rateTwins = []twin{}

var rateMutations = []mutation{}
