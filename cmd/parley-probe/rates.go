package main

var rateStages = []stage{}
