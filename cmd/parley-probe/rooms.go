package main

var roomStages = []stage{}
