package convert

import (
	"strconv"
	"strings"

	"golang.org/x/net/html/atom"
)

// block writes an element that has lines of its own; it reports false for others.
func (w *textWriter) block(e *element) bool {
	const line, paragraph = 1, 2
	switch e.tag {
	case atom.P:
		w.between(paragraph, func() { w.inside(e) })
	case atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Caption:
		w.between(paragraph, func() { w.styled(bold, func() { w.inside(e) }) })
	case atom.Summary:
		w.between(line, func() { w.styled(bold, func() { w.inside(e) }) })
	case atom.Div, atom.Section, atom.Article, atom.Header, atom.Footer, atom.Figure, atom.Figcaption, atom.Address, atom.Dl, atom.Dt:
		if reason, hidden := e.attributes["data-mx-spoiler"]; hidden {
			w.between(line, func() { w.spoiler(reason, e) })
			return true
		}
		w.between(line, func() { w.inside(e) })
	case atom.Details:
		w.between(paragraph, func() { w.inside(e) })
	case atom.Dd:
		w.between(line, func() { w.within(prefix{"  ", "  "}, func() { w.inside(e) }) })
	case atom.Hr:
		w.between(line, func() { w.piece("———") })
	case atom.Blockquote:
		w.between(line, func() {
			list := w.list
			w.list = 0
			w.within(prefix{"> ", "> "}, func() { w.inside(e); w.apart(0) })
			w.list = list
		})
	case atom.Ul, atom.Ol:
		w.items(e)
	case atom.Li:
		w.between(line, func() { w.within(item(0), func() { w.inside(e); w.apart(0) }) })
	case atom.Pre:
		w.between(line, func() { w.verbatim(e) })
	case atom.Table:
		w.between(paragraph, func() { w.inside(e) })
	case atom.Tr:
		w.between(line, func() { w.row(e) })
	default:
		return false
	}
	return true
}

// between writes something with so many ends of lines before and after it.
func (w *textWriter) between(gap int, write func()) {
	w.apart(gap)
	write()
	w.apart(gap)
}

// items writes a list.
func (w *textWriter) items(e *element) {
	number := 0
	if e.tag == atom.Ol {
		number = 1
		if start, err := strconv.Atoi(e.attributes["start"]); err == nil && start > 0 && start < 1e6 {
			number = start
		}
	}
	w.apart(1)
	w.list++
	for _, inner := range e.inside {
		if inner.tag != atom.Li {
			if inner.tag != 0 || strings.TrimSpace(inner.text) != "" {
				w.element(inner)
			}
			continue
		}
		w.between(1, func() { w.within(item(number), func() { w.inside(inner); w.apart(0) }) })
		if number > 0 {
			number++
		}
	}
	w.list--
	w.apart(1)
}

// verbatim writes code of several lines. Where a fence cannot be, in a list, in a quotation or around another one, each line
// is code of its own.
func (w *textWriter) verbatim(e *element) {
	text := clean(strings.Trim(strings.ReplaceAll(e.words(), "\r\n", "\n"), "\n"))
	if strings.TrimSpace(text) == "" {
		return
	}
	if len(w.prefixes) == 0 && !w.flat && !strings.Contains(text, "`") {
		w.begin()
		w.out.WriteString(fence + text + fence)
		return
	}
	for line := range strings.SplitSeq(text, "\n") {
		w.styled(code, func() { w.piece(line) })
		w.end()
	}
}

// row writes a row of a table as a line.
func (w *textWriter) row(e *element) {
	flat := w.flat
	w.flat = true
	defer func() { w.flat = flat }()
	first := true
	for _, cell := range e.inside {
		if cell.tag != atom.Td && cell.tag != atom.Th {
			w.element(cell)
			continue
		}
		if !first {
			w.space = false
			w.piece(" | ")
		}
		first = false
		w.space = false
		if cell.tag == atom.Th {
			w.styled(bold, func() { w.inside(cell) })
			continue
		}
		w.inside(cell)
	}
	w.space = false
}
