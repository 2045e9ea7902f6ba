package convert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// mark is a pair of the characters by which WhatsApp's programs format a part of a line: *bold*, _italic_, ~struck~,
// `code` or ```code```. Positions are of bytes.
type mark struct {
	kind byte // '*', '_', '~' or '`'
	// start is where the first character stands, end is behind the last one; width is how many there are on each side.
	start, end, width int
}

// fence begins and ends code that may have several lines.
const fence = "```"

// kinds are the characters that format, other than those of code.
const kinds = "*_~"

// marks finds what is formatted in a line, as WhatsApp's programs do: the first character stands at the beginning of a
// word, the last one at the end of one, neither next to a space inside, and all in one line. Pairs of different
// characters may be in one another; in code there are none. They are in the order in which they begin. The time is linear.
func marks(line string) []mark {
	if !strings.ContainsAny(line, kinds+"`") {
		return nil
	}
	r := &lineReader{line: line, literal: make([]bool, len(line)), codes: map[int]mark{}}
	r.readAddresses()
	r.readCode()
	for n := range kinds {
		r.readEnds(n)
	}
	r.scan(0, len(line), "")
	return r.found
}

// lineReader finds the marks of one line.
type lineReader struct {
	line string
	// literal are the bytes that format nothing: those of addresses and of code.
	literal []bool
	codes   map[int]mark // by their beginning
	ends    [len(kinds)][]int32
	found   []mark
}

// readAddresses makes web addresses literal, but for what formats the whole of them.
func (r *lineReader) readAddresses() {
	for from := 0; ; {
		at := strings.Index(r.line[from:], "://")
		if at < 0 {
			return
		}
		at += from
		end := at + strings.IndexFunc(r.line[at:]+" ", unicode.IsSpace)
		address := strings.TrimRight(r.line[at:end], kinds+"`")
		for i := range address {
			r.literal[at+i] = true
		}
		from = end
		if from >= len(r.line) {
			return
		}
	}
}

// readCode finds code, in which nothing else is formatted.
func (r *lineReader) readCode() {
	ticks, unclosed := r.ticks(), false
	for n := 0; n < len(ticks); {
		start := ticks[n]
		end, width := 0, 1
		if strings.HasPrefix(r.line[start:], fence) {
			width = len(fence)
			at := 0
			if !unclosed {
				at = strings.Index(r.line[start+width:], fence)
			}
			if unclosed = unclosed || at < 0; at > 0 {
				end = start + width + at + width
			}
		} else if r.opens(start) {
			end = r.codeEnd(ticks[n+1:])
		}
		if end == 0 {
			n += width
			continue
		}
		if strings.TrimSpace(r.line[start+width:end-width]) != "" {
			r.codes[start] = mark{'`', start, end, width}
			for i := start; i < end; i++ {
				r.literal[i] = true
			}
		}
		for n < len(ticks) && ticks[n] < end {
			n++
		}
	}
}

// codeEnd finds where code of single ticks ends; 0 when it does not. Only the next few ticks are looked at.
func (r *lineReader) codeEnd(ticks []int) int {
	const patience = 16
	for _, at := range ticks[:min(len(ticks), patience)] {
		if r.closes(at) {
			return at + 1
		}
	}
	return 0
}

func (r *lineReader) ticks() (all []int) {
	for i := range len(r.line) {
		if r.line[i] == '`' && !r.literal[i] {
			all = append(all, i)
		}
	}
	return all
}

// readEnds finds, for each position, the next one at which a character can end what it formats.
func (r *lineReader) readEnds(n int) {
	if strings.IndexByte(r.line, kinds[n]) < 0 {
		return
	}
	next := make([]int32, len(r.line)+1)
	next[len(r.line)] = -1
	for i := len(r.line) - 1; i >= 0; i-- {
		next[i] = next[i+1]
		if r.line[i] == kinds[n] && !r.literal[i] && r.closes(i) {
			next[i] = int32(i)
		}
	}
	r.ends[n] = next
}

// scan finds the marks between two positions, other than those of the kinds that are open there.
func (r *lineReader) scan(from, to int, open string) {
	for i := from; i < to; i++ {
		if code, ok := r.codes[i]; ok && code.end <= to {
			r.found = append(r.found, code)
			i = code.end - 1
			continue
		}
		n := strings.IndexByte(kinds, r.line[i])
		if n < 0 || r.literal[i] || strings.IndexByte(open, r.line[i]) >= 0 || !r.opens(i) || i+2 > to {
			continue
		}
		end := int(r.ends[n][i+2])
		if end < 0 || end >= to {
			continue
		}
		r.found = append(r.found, mark{kinds[n], i, end + 1, 1})
		r.scan(i+1, end, open+kinds[n:n+1])
		i = end
	}
}

// opens reports whether a character can begin what it formats.
func (r *lineReader) opens(i int) bool {
	before, _ := utf8.DecodeLastRuneInString(r.line[:i])
	after, _ := utf8.DecodeRuneInString(r.line[i+1:])
	return (i == 0 || !isWord(before)) && i+1 < len(r.line) && !unicode.IsSpace(after) && after != rune(r.line[i])
}

// closes reports whether a character can end what it formats.
func (r *lineReader) closes(i int) bool {
	before, _ := utf8.DecodeLastRuneInString(r.line[:i])
	after, _ := utf8.DecodeRuneInString(r.line[i+1:])
	return i > 0 && !unicode.IsSpace(before) && before != rune(r.line[i]) && (i+1 == len(r.line) || !isWord(after))
}

// isWord reports whether a character belongs to a word.
func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r) }

// listItem reads a line of a list: its number, or 0 where there is none, and what it says.
func listItem(line string) (number int, text string, ok bool) {
	for _, bullet := range []string{"- ", "* "} {
		if rest, found := strings.CutPrefix(line, bullet); found && strings.TrimSpace(rest) != "" {
			return 0, rest, true
		}
	}
	const mostDigits = 3
	digits := 0
	for digits < len(line) && digits < mostDigits && line[digits] >= '0' && line[digits] <= '9' {
		number = number*10 + int(line[digits]-'0')
		digits++
	}
	rest, found := strings.CutPrefix(line[digits:], ". ")
	return number, rest, digits > 0 && number > 0 && found && strings.TrimSpace(rest) != ""
}

// quoted reads a line of a quotation.
func quoted(line string) (text string, ok bool) {
	rest, ok := strings.CutPrefix(line, "> ")
	return rest, ok && strings.TrimSpace(rest) != ""
}

// cutFence divides a text at the first code of several lines. What is fenced in one line belongs to that line.
func cutFence(text string) (before, code, after string, ok bool) {
	for from := 0; ; {
		start := strings.Index(text[from:], fence)
		if start < 0 {
			return text, "", "", false
		}
		start += from
		inner := text[start+len(fence):]
		end := strings.Index(inner, fence)
		if end < 0 {
			return text, "", "", false
		}
		if strings.Contains(inner[:end], "\n") && strings.TrimSpace(inner[:end]) != "" {
			return text[:start], inner[:end], inner[end+len(fence):], true
		}
		from = start + len(fence) + end + len(fence)
	}
}
