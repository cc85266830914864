package main

var lineStages = []stage{}
