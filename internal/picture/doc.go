// Package picture draws what is on a terminal's screen, as SVG: still, or moving. It is for the pictures in docs.
//
//   - svg.go: a screen, drawn; theme.go: its colours
//   - film.go: screens one after the other, as one picture that moves
package picture
