package convert

import (
	"strings"
	"unicode"
)

// style says how a piece of text is formatted.
type style uint8

// The ways to format that WhatsApp knows, the outermost first where two of them are as long.
const (
	bold style = 1 << iota
	italic
	struck
	code
)

// run is a piece of a line that is formatted alike.
type run struct {
	text  string
	style style
}

// character is what WhatsApp's programs format so by.
func (s style) character() byte {
	switch s {
	case bold:
		return '*'
	case italic:
		return '_'
	case struck:
		return '~'
	}
	return '`'
}

// piece is what a line is put together of: text, or one side of a mark.
type piece struct {
	text string
	// pair is the number of the mark, from 1; 0 for text.
	pair int
	kind byte
}

// writeLine writes a line for WhatsApp's programs. A mark that they would not take for one, as in the middle of a word, is
// left out: the words can be read without. Characters of the text itself are never changed, even if they format.
func writeLine(runs []run) string {
	var pieces []piece
	pairs := 0
	compose(split(runs), bold|italic|struck|code, &pieces, &pairs)
	dropped := make([]bool, pairs+1)
	const tries = 4
	for try := 0; ; try++ {
		line, wrong := check(pieces, dropped)
		if len(wrong) == 0 {
			return line
		}
		for pair := range dropped {
			dropped[pair] = dropped[pair] || try == tries
		}
		for _, pair := range wrong {
			dropped[pair] = true
		}
	}
}

// split parts the spaces from the words, and takes the style from those at the ends of what is formatted: WhatsApp's
// programs format nothing that begins or ends with a space.
func split(runs []run) []run {
	var out []run
	for _, r := range runs {
		if r.style&code != 0 {
			out = append(out, r)
			continue
		}
		inner := strings.TrimLeftFunc(r.text, unicode.IsSpace)
		if before := len(r.text) - len(inner); before > 0 {
			out = append(out, run{r.text[:before], r.style})
		}
		words := strings.TrimRightFunc(inner, unicode.IsSpace)
		if words != "" {
			out = append(out, run{words, r.style})
		}
		if len(words) < len(inner) && words != "" {
			out = append(out, run{inner[len(words):], r.style})
		}
	}
	for _, s := range []style{bold, italic, struck} {
		for i := range out {
			if strings.TrimSpace(out[i].text) == "" && (i == 0 || out[i-1].style&s == 0) {
				out[i].style &^= s
			}
		}
		for i := len(out) - 1; i >= 0; i-- {
			if strings.TrimSpace(out[i].text) == "" && (i == len(out)-1 || out[i+1].style&s == 0) {
				out[i].style &^= s
			}
		}
	}
	return out
}

// compose puts marks around runs, of those styles that are still to be written: around the longest first.
func compose(runs []run, styles style, pieces *[]piece, pairs *int) {
	for i := 0; i < len(runs); {
		longest, by := 0, style(0)
		for _, s := range []style{bold, italic, struck, code} {
			if styles&s == 0 {
				continue
			}
			n := i
			for n < len(runs) && runs[n].style&s != 0 {
				n++
			}
			if n-i > longest {
				longest, by = n-i, s
			}
		}
		if by == 0 {
			*pieces = append(*pieces, piece{text: runs[i].text})
			i++
			continue
		}
		*pairs++
		side := piece{text: string(by.character()), pair: *pairs, kind: by.character()}
		if by == code {
			side.text = ticks(runs[i : i+longest])
		}
		*pieces = append(*pieces, side)
		compose(runs[i:i+longest], styles&^by, pieces, pairs)
		*pieces = append(*pieces, side)
		i += longest
	}
}

// ticks are what code is written between.
func ticks(runs []run) string {
	for _, r := range runs {
		if strings.Contains(r.text, "`") {
			return fence
		}
	}
	return "`"
}

// check writes a line without the marks that are dropped, and lists those of the others which are none to WhatsApp's
// programs.
func check(pieces []piece, dropped []bool) (line string, wrong []int) {
	var out strings.Builder
	starts := make([]int, len(dropped))
	wanted := map[mark]int{}
	for _, p := range pieces {
		if p.pair == 0 {
			out.WriteString(p.text)
			continue
		}
		if dropped[p.pair] {
			continue
		}
		if starts[p.pair] == 0 {
			starts[p.pair] = out.Len() + 1
			out.WriteString(p.text)
			continue
		}
		out.WriteString(p.text)
		wanted[mark{p.kind, starts[p.pair] - 1, out.Len(), len(p.text)}] = p.pair
	}
	line = out.String()
	if len(wanted) == 0 {
		return line, nil
	}
	for _, m := range marks(line) {
		delete(wanted, m)
	}
	for _, pair := range wanted {
		wrong = append(wrong, pair)
	}
	return line, wrong
}
