package main

var slowStages = []stage{}
