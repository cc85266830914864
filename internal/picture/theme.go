package picture

import (
	"fmt"
	"image/color"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// theme is what a terminal's owner chooses: the text, the screen, the window around it, and the first 16 colours.
type theme struct {
	text, screen, frame, edge string
	colours                   [16]string
}

var (
	light = theme{"#24292f", "#ffffff", "#f0f2f4", "#c8ccd1", [16]string{
		"#24292f", "#cf222e", "#116329", "#8a5a00", "#0969da", "#8250df", "#1b7c83", "#6e7781",
		"#57606a", "#a40e26", "#1a7f37", "#9a6700", "#218bff", "#a475f9", "#3192aa", "#ffffff",
	}}
	dark = theme{"#d8dee4", "#14181d", "#20262d", "#3a424b", [16]string{
		"#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4",
		"#7d8590", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc",
	}}
)

// Classes of the style sheet.
const (
	textClass   = "t"
	screenClass = "s"
)

// css are the classes of a theme.
func (t *theme) css() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".%s{fill:%s}.%s{fill:%s}.w{fill:%s;stroke:%s}.e{fill:%[6]s}", textClass, t.text, screenClass, t.screen, t.frame, t.edge)
	for i, c := range t.colours {
		fmt.Fprintf(&b, ".c%d{fill:%s}", i, c)
	}
	return b.String()
}

// fill is the attribute that paints in a colour: of the theme for the first 16, and for none, which is otherwise.
func fill(c color.Color, otherwise string) string {
	switch c := c.(type) {
	case nil:
		return fmt.Sprintf(`class="%s"`, otherwise)
	case ansi.BasicColor:
		return fmt.Sprintf(`class="c%d"`, c)
	case ansi.IndexedColor:
		if c < 16 {
			return fmt.Sprintf(`class="c%d"`, c)
		}
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf(`fill="#%02x%02x%02x"`, r>>8, g>>8, b>>8)
}
