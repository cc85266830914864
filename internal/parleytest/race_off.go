//go:build !race

package parleytest

// Race says whether the tests, and so the programs they build, run under the race detector.
const Race = false
