package main

var floodStages = []stage{}
