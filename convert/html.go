package convert

import (
	"errors"
	"io"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"maunium.net/go/mautrix/id"
)

const (
	// maxHTML is how much HTML is read, in bytes. An event has up to 65,536 in all.
	maxHTML = 256 << 10
	// maxDepth is how deep elements may be in one another, those that lie deeper are passed over, not what is in them. The
	// specification advises clients to show 100.
	maxDepth = 100
)

// element is an element of HTML with what is in it, or a piece of text.
type element struct {
	tag  atom.Atom // 0 for text
	text string
	// attributes are those that are looked at.
	attributes map[string]string
	inside     []*element
	// hidden says that it is not for people to see here.
	hidden bool
}

// parseHTML reads HTML as far as it is well-formed, and what is not as text. The time is linear, unlike that of a parser
// which mends everything as browsers do.
func parseHTML(source string) *element {
	p := &htmlReader{open: []*element{{}}}
	tokens := html.NewTokenizer(strings.NewReader(source))
	for {
		switch kind := tokens.Next(); kind {
		case html.ErrorToken:
			if err := tokens.Err(); !errors.Is(err, io.EOF) {
				p.add(&element{text: string(tokens.Raw())})
			}
			return p.open[0]
		case html.TextToken:
			p.add(&element{text: string(tokens.Text())})
		case html.StartTagToken, html.SelfClosingTagToken:
			p.start(tokens)
		case html.EndTagToken:
			name, _ := tokens.TagName()
			p.end(nameOf(name))
		}
	}
}

// htmlReader has the elements that are open, from the root.
type htmlReader struct {
	open   []*element
	passed int // elements that are too deep
}

func (p *htmlReader) add(e *element) {
	in := p.open[len(p.open)-1]
	in.inside = append(in.inside, e)
}

func (p *htmlReader) start(tokens *html.Tokenizer) {
	name, more := tokens.TagName()
	e := &element{tag: nameOf(name)}
	e.hidden = isHidden(e.tag)
	for count := 0; more; count++ {
		var key, value []byte
		key, value, more = tokens.TagAttr()
		const mostAttributes = 32
		if count < mostAttributes && isRead(string(key)) {
			if e.attributes == nil {
				e.attributes = map[string]string{}
			}
			if _, twice := e.attributes[string(key)]; !twice {
				e.attributes[string(key)] = string(value)
			}
		}
	}
	p.closeImplied(e.tag)
	switch e.tag {
	case atom.Br, atom.Hr, atom.Img, atom.Input, atom.Wbr, atom.Meta, atom.Link, atom.Col, atom.Source, atom.Area, atom.Base, atom.Embed:
		p.add(e)
		return
	}
	if len(p.open) > maxDepth {
		p.passed++
		return
	}
	p.add(e)
	p.open = append(p.open, e)
}

// isRead reports whether an attribute says something to people who see no colours.
func isRead(name string) bool {
	switch name {
	case "href", "alt", "title", "start", "type", "checked", "data-mx-spoiler", "data-mx-maths":
		return true
	}
	return false
}

// closeImplied ends elements that the beginning of another one ends.
func (p *htmlReader) closeImplied(tag atom.Atom) {
	var ended, within []atom.Atom
	switch tag {
	case atom.Li:
		ended, within = []atom.Atom{atom.Li}, []atom.Atom{atom.Ul, atom.Ol}
	case atom.Tr:
		ended, within = []atom.Atom{atom.Tr}, []atom.Atom{atom.Table}
	case atom.Td, atom.Th:
		ended, within = []atom.Atom{atom.Td, atom.Th}, []atom.Atom{atom.Tr, atom.Table}
	case atom.P, atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Ul, atom.Ol, atom.Pre, atom.Blockquote, atom.Table:
		ended, within = []atom.Atom{atom.P}, []atom.Atom{atom.Li, atom.Blockquote, atom.Div, atom.Td, atom.Th, atom.Details}
	default:
		return
	}
	for n := len(p.open) - 1; n > 0; n-- {
		if is(p.open[n].tag, ended) {
			p.open = p.open[:n]
			return
		}
		if is(p.open[n].tag, within) {
			return
		}
	}
}

func is(tag atom.Atom, any []atom.Atom) bool {
	for _, one := range any {
		if tag == one {
			return true
		}
	}
	return false
}

// end ends an element, if it is open, with those in it.
func (p *htmlReader) end(tag atom.Atom) {
	if p.passed > 0 {
		p.passed--
		return
	}
	if tag == atom.Br {
		p.add(&element{tag: atom.Br})
		return
	}
	for n := len(p.open) - 1; n > 0; n-- {
		if p.open[n].tag == tag {
			p.open = p.open[:n]
			return
		}
	}
}

// words is all text in an element.
func (e *element) words() string {
	var out strings.Builder
	e.walk(func(e *element) { out.WriteString(e.text) })
	return out.String()
}

// walk visits an element and all in it, but what is not for people.
func (e *element) walk(visit func(*element)) {
	if e.hidden {
		return
	}
	visit(e)
	for _, inner := range e.inside {
		inner.walk(visit)
	}
}

// isHidden reports whether an element is not for people to see here.
func isHidden(tag atom.Atom) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Head, atom.Title, atom.Template, atom.Iframe, atom.Noscript, atom.Object, reply:
		return true
	}
	return false
}

// What HTML does not know: the element that quotes what a message answers (Client-Server API up to v1.12, "Rich
// replies", fallbacks), and all others.
const (
	reply atom.Atom = 1<<32 - 1 - iota
	unknown
)

func nameOf(tag []byte) atom.Atom {
	if string(tag) == "mx-reply" {
		return reply
	}
	if known := atom.Lookup(tag); known != 0 {
		return known
	}
	return unknown
}

// pillsIn lists the users that are mentioned in HTML.
func pillsIn(source string) []id.UserID {
	if len(source) > maxHTML {
		return nil
	}
	var list []id.UserID
	parseHTML(source).walk(func(e *element) {
		if user := userOf(e.attributes["href"]); e.tag == atom.A && user != "" {
			list = append(list, user)
		}
	})
	return list
}
