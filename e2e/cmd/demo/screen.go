package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/skip2/go-qrcode"
)

// screen writes the showing for a person, with colours where there are any, and as plain lines elsewhere.
type screen struct {
	out     io.Writer
	live    bool
	pending string
	since   time.Time
}

func newScreen(out *os.File) *screen {
	return &screen{out: out, live: isatty.IsTerminal(out.Fd()) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Styles, as the codes of a terminal.
const (
	bold  = "1"
	dim   = "2"
	green = "32"
	red   = "31"
	cyan  = "36"
)

func (s *screen) style(code, text string) string {
	if !s.live {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s *screen) text(text string) { _, _ = fmt.Fprintln(s.out, text) }

func (s *screen) title(name, what string) {
	s.text("\n  " + s.style(bold, name) + s.style(dim, "  "+what))
}

func (s *screen) heading(text string) { s.text("\n  " + s.style(bold, text)) }

// begin ends the step before, as done, and names the next.
func (s *screen) begin(step string) {
	if strings.HasSuffix(step, " s") && strings.Contains(step, ": done in ") {
		return // the duration stands behind the step anyway
	}
	s.done(true)
	s.pending, s.since = step, time.Now()
	if s.live {
		_, _ = fmt.Fprint(s.out, "    "+s.style(dim, "· "+step))
	}
}

// done ends the step that is under way, if one is.
func (s *screen) done(well bool) {
	if s.pending == "" {
		return
	}
	mark := s.style(green, "✓")
	if !well {
		mark = s.style(red, "✗")
	}
	if s.live {
		_, _ = fmt.Fprint(s.out, "\r\x1b[K")
	}
	took := ""
	if d := time.Since(s.since); d >= time.Second {
		took = s.style(dim, fmt.Sprintf("  %.0f s", d.Seconds()))
	}
	s.text("    " + mark + " " + s.pending + took)
	s.pending = ""
}

func (s *screen) failed(err error) {
	s.done(false)
	s.text("\n  " + s.style(red, "It did not work: ") + err.Error() + "\n")
}

// spoken is one line of the conversation: who, where, and what.
func (s *screen) spoken(who, where, text string) {
	place := fmt.Sprintf("%-8s", where)
	s.text(fmt.Sprintf("    %s %s %s", s.style(bold, fmt.Sprintf("%-6s", who)), s.style(dim, place), text))
}

// arrived says where and how fast the line above was read.
func (s *screen) arrived(where string, after time.Duration) {
	s.text(fmt.Sprintf("    %-6s %-8s %s", "", "", s.style(cyan, fmt.Sprintf("→ on %s after %d ms", where, after.Milliseconds()))))
}

// fact is a line of a table.
func (s *screen) fact(name, value string) {
	s.text(fmt.Sprintf("    %s %s", s.style(dim, fmt.Sprintf("%-11s", name)), value))
}

// code draws a QR code, where somebody is there to see it.
func (s *screen) code(text string) {
	if !s.live {
		return
	}
	drawn, err := qrcode.New(text, qrcode.Low)
	if err != nil {
		return
	}
	// Light modules are drawn, so that it reads on dark ground: two rows to a line.
	blocks := map[[2]bool]string{{true, true}: " ", {true, false}: "▄", {false, true}: "▀", {false, false}: "█"}
	dots := drawn.Bitmap()
	dots = dots[3 : len(dots)-3]
	for y := 0; y < len(dots); y += 2 {
		var line strings.Builder
		for x := 3; x < len(dots[y])-3; x++ {
			below := true
			if y+1 < len(dots) {
				below = dots[y+1][x]
			}
			line.WriteString(blocks[[2]bool{dots[y][x], below}])
		}
		s.text("           " + line.String())
	}
}
