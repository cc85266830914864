package picture

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"image/color"
	"strconv"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
)

// Screen is what is on a screen.
type Screen struct {
	Title         string    // of the window
	About         string    // the picture in words, for who can't see it
	Width, Height int       // cells
	Lines         []uv.Line // a wide character is one cell, of width 2
	Column, Row   int       // of the cursor
	Cursor        bool      // it is shown
}

// In pixels. A cell is as wide as the digits of common monospaced fonts; at this height their frames of box-drawing characters close.
const (
	fontSize   = 14
	cellWidth  = 8.4
	cellHeight = 16
	baseline   = 12 // below a cell's top
	margin     = 12
	bar        = 28 // the window's title
)

// SVG draws the screen as a window, in the colours that the reader's system prefers. It holds no script, and loads nothing.
func (p *Screen) SVG() []byte {
	var b bytes.Buffer
	p.begin(&b, "")
	for y, line := range p.Lines {
		drawLine(&b, line, y)
	}
	p.drawCursor(&b)
	b.WriteString("</g>\n</svg>\n")
	return b.Bytes()
}

// begin writes all that is around the screen, and css of the caller's.
func (p *Screen) begin(b *bytes.Buffer, css string) {
	w, h := float64(p.Width)*cellWidth+2*margin, float64(p.Height*cellHeight+bar+2*margin)
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img">`+"\n", px(w), px(h))
	fmt.Fprintf(b, "<title>%s</title>\n", escape(p.About))
	fmt.Fprintf(b, "<style>text{font-size:%dpx;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace;white-space:pre}\n%s\n"+
		"@media (prefers-color-scheme:dark){%s}%s</style>\n", fontSize, light.css(), dark.css(), css)
	fmt.Fprintf(b, `<rect class="w" x=".5" y=".5" width="%s" height="%s" rx="8"/>`+"\n", px(w-1), px(h-1))
	fmt.Fprintf(b, `<path class="%s" d="M1 %dH%sV%sa7 7 0 0 1-7 7H8a7 7 0 0 1-7-7z"/>`+"\n", screenClass, bar, px(w-1), px(h-8))
	for i := range 3 {
		fmt.Fprintf(b, `<circle class="e" cx="%d" cy="%d" r="5"/>`, 18+18*i, bar/2)
	}
	fmt.Fprintf(b, "\n"+`<text class="%s" x="%s" y="%d" text-anchor="middle" opacity=".75">%s</text>`+"\n", textClass, px(w/2), bar/2+5, escape(p.Title))
	fmt.Fprintf(b, `<g transform="translate(%d %d)" xml:space="preserve">`+"\n", margin, bar+margin)
}

func drawLine(b *bytes.Buffer, line uv.Line, row int) {
	for _, sp := range spans(line) {
		sp.draw(b, row*cellHeight)
	}
}

func (p *Screen) drawCursor(b *bytes.Buffer) {
	if p.Cursor {
		fmt.Fprintf(b, `<rect class="%s" x="%s" y="%d" width="%s" height="%d" opacity=".6"/>`+"\n",
			textClass, px(float64(p.Column)*cellWidth), p.Row*cellHeight, px(cellWidth), cellHeight)
	}
}

// span are cells beside one another that are drawn as one.
type span struct {
	column, width int
	text          string
	style         uv.Style
}

// spans cuts a line where the look changes, and where a font may not have a character in the width of the others: these stand alone.
func spans(line uv.Line) (all []span) {
	column := 0
	for i, c := range line {
		if n := len(all) - 1; n >= 0 && c.Style.Equal(&line[i-1].Style) && together(line[i-1], c) {
			all[n].width += c.Width
			all[n].text += c.Content
		} else {
			all = append(all, span{column, c.Width, c.Content, c.Style})
		}
		column += c.Width
	}
	return all
}

func together(a, b uv.Cell) bool {
	return a.Width == 1 && b.Width == 1 && (a.Content == b.Content || isLatin(a.Content) && isLatin(b.Content))
}

func isLatin(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > 'ɏ' })
}

// wideBlank is a blank of two columns, U+3000. It stands alone in its span.
const wideBlank = "\u3000"

// draw draws the span in a line of which top is the upper edge.
func (sp *span) draw(b *bytes.Buffer, top int) {
	front, back := fill(sp.style.Fg, textClass), fill(sp.style.Bg, screenClass)
	has := func(attr uint8) bool { return sp.style.Attrs&attr != 0 }
	painted := sp.style.Bg != color.Color(nil)
	if has(uv.AttrReverse) {
		front, back, painted = back, front, true
	}
	if painted {
		fmt.Fprintf(b, `<rect %s x="%s" y="%d" width="%s" height="%d" shape-rendering="crispEdges"/>`+"\n",
			back, px(float64(sp.column)*cellWidth), top, px(float64(sp.width)*cellWidth), cellHeight)
	}
	text, column, width := sp.text, sp.column, sp.width
	decorations := ""
	if sp.style.Underline != uv.UnderlineNone {
		decorations = " underline"
	}
	if has(uv.AttrStrikethrough) {
		decorations += " line-through"
	}
	if decorations == "" { // blanks at the ends need no ink
		text = strings.TrimRight(text, " ")
		width -= len(sp.text) - len(text)
		begin := strings.TrimLeft(text, " ")
		column += len(text) - len(begin)
		width -= len(text) - len(begin)
		text = begin
	}
	if text == "" || text == wideBlank || has(uv.AttrConceal) {
		return
	}
	fmt.Fprintf(b, `<text %s x="%s" y="%d" textLength="%s" lengthAdjust="spacingAndGlyphs"`,
		front, px(float64(column)*cellWidth), top+baseline, px(float64(width)*cellWidth))
	for _, look := range []struct {
		on   bool
		attr string
	}{
		{has(uv.AttrBold), `font-weight="bold"`},
		{has(uv.AttrItalic), `font-style="italic"`},
		{has(uv.AttrFaint), `opacity=".65"`},
		{decorations != "", `text-decoration="` + strings.TrimSpace(decorations) + `"`},
	} {
		if look.on {
			b.WriteString(" " + look.attr)
		}
	}
	fmt.Fprintf(b, ">%s</text>\n", escape(text))
}

// px writes pixels, to a tenth.
func px(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

func escape(text string) string {
	var b bytes.Buffer
	xml.EscapeText(&b, []byte(text)) // into memory; what XML can't hold becomes U+FFFD
	return b.String()
}
