//go:build race

package parleytest

const raceEnabled = true
