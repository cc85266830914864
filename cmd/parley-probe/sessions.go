package main

var sessionStages = []stage{}
