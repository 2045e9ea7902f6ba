package convert

import (
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/html/atom"
)

// maxPrefixes is how many lists and quotations in one another are shown as such. What is deeper has no mark of its own.
const maxPrefixes = 6

// prefix is what the lines of a list's item or a quotation begin with: the first of them, and the rest.
type prefix struct {
	first, rest string
}

// textWriter writes HTML as a text with WhatsApp's formatting.
type textWriter struct {
	accounts Accounts
	// named are the users whom m.mentions names; nil when there is no m.mentions, and every pill mentions.
	named func(user string) bool
	out   strings.Builder
	line  []run
	style style
	// space says that there was one which is still to be written; gap is how many lines are to be ended before the next
	// one, in the prefixes up to inner.
	space      bool
	spaced     style // how that space is formatted
	gap, inner int
	prefixes   []prefix
	// blocked says that what was written last was a block, which ends its line by itself.
	blocked bool
	// flat says that all has to be in one line, as in the cell of a table; list is in how many lists we are.
	flat bool
	list int
	// mentioned are those who are mentioned, by the digits in the text.
	mentioned []Account
}

func (w *textWriter) text() string { return w.out.String() }

// element writes an element and what is in it.
func (w *textWriter) element(e *element) {
	switch {
	case e.hidden:
		return
	case e.tag == 0 && e.text != "":
		w.words(e.text)
		return
	}
	if w.inline(e) || w.block(e) {
		return
	}
	w.inside(e)
}

func (w *textWriter) inside(e *element) {
	for _, inner := range e.inside {
		w.element(inner)
	}
}

// inline writes an element that is a part of a line; it reports false for others.
func (w *textWriter) inline(e *element) bool {
	if formula, ok := e.attributes["data-mx-maths"]; ok && formula != "" {
		w.styled(code, func() { w.piece(formula) })
		return true
	}
	switch e.tag {
	case atom.B, atom.Strong:
		w.styled(bold, func() { w.inside(e) })
	case atom.I, atom.Em, atom.Cite, atom.Dfn, atom.Var:
		w.styled(italic, func() { w.inside(e) })
	case atom.S, atom.Del, atom.Strike:
		w.styled(struck, func() { w.inside(e) })
	case atom.Code, atom.Kbd, atom.Samp, atom.Tt:
		w.styled(code, func() { w.inside(e) })
	case atom.A:
		w.link(e)
	case atom.Img:
		w.piece(clean(firstOf(e.attributes["alt"], e.attributes["title"])))
	case atom.Br:
		w.end()
	case atom.Input:
		if e.attributes["type"] == "checkbox" {
			box := "☐ "
			if _, checked := e.attributes["checked"]; checked {
				box = "☑ "
			}
			w.piece(box)
		}
	case atom.Span:
		reason, hidden := e.attributes["data-mx-spoiler"]
		if !hidden {
			return false
		}
		w.spoiler(reason, e)
	default:
		return false
	}
	return true
}

// styled writes something formatted.
func (w *textWriter) styled(s style, write func()) {
	before := w.style
	w.style |= s
	write()
	w.style = before
}

// spoiler writes what clients hide until it is asked for. WhatsApp hides nothing, so it says what it is.
func (w *textWriter) spoiler(reason string, e *element) {
	label := "[Spoiler: "
	if reason = strings.TrimSpace(withoutTurns(joined(clean(reason)))); reason != "" {
		label = "[Spoiler (" + clip(reason, maxQuote) + "): "
	}
	w.piece(label)
	w.inside(e)
	w.piece("]")
}

// link writes a link: its text, and its address if that says more. One to a user mentions them.
func (w *textWriter) link(e *element) {
	address := clean(strings.TrimSpace(e.attributes["href"]))
	text := strings.TrimSpace(e.words())
	user := userOf(address)
	if account, ok := w.accounts[user]; ok && user != "" && (w.named == nil || w.named(user.String())) {
		w.mention(account)
		return
	}
	flat := w.flat
	w.flat = true
	defer func() { w.flat = flat }()
	if user != "" || !isAddress(address) || sameAddress(text, address) {
		w.inside(e)
		return
	}
	if text == "" {
		w.piece(address)
		return
	}
	w.words(withoutTurns(text))
	w.piece(" (" + address + ")")
}

// mention writes the digits by which WhatsApp's programs know who is meant.
func (w *textWriter) mention(account Account) {
	w.piece("@" + account.JID.User)
	w.mentioned = append(w.mentioned, account)
	w.line = append(w.line, run{}) // so that what follows is told apart
}

// isAddress reports whether a link leads somewhere that people can go.
func isAddress(address string) bool {
	scheme, _, ok := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "http", "https", "mailto", "tel", "ftp", "magnet", "matrix", "geo", "xmpp", "sip":
		return ok && !strings.ContainsFunc(address, unicode.IsSpace)
	}
	return false
}

// sameAddress reports whether a text is an address, as clients write the links that they make of those.
func sameAddress(text, address string) bool {
	plain := func(s string) string {
		for _, scheme := range []string{"https://", "http://", "mailto:", "tel:"} {
			s = strings.TrimPrefix(s, scheme)
		}
		return strings.TrimSuffix(s, "/")
	}
	return plain(text) == plain(address)
}

// words writes text in which all spaces are alike, as in HTML.
func (w *textWriter) words(text string) {
	text = clean(text)
	for text != "" {
		end := strings.IndexAny(text, " \t\n\r\f")
		if end < 0 {
			end = len(text)
		}
		if end > 0 {
			w.piece(strings.ReplaceAll(text[:end], "\u00a0", " "))
		}
		rest := strings.TrimLeft(text[end:], " \t\n\r\f")
		if len(rest) < len(text)-end && !w.space {
			w.space, w.spaced = true, w.style
		}
		text = rest
	}
}

// piece writes text as it is, without what ends a line.
func (w *textWriter) piece(text string) {
	if text == "" {
		return
	}
	w.blocked = false
	text = joined(text)
	if w.space && len(w.line) > 0 {
		w.run(" ", w.spaced)
	}
	w.space = false
	w.run(text, w.style)
}

// run adds text to the line.
func (w *textWriter) run(text string, s style) {
	n := len(w.line)
	if n > 0 && w.line[n-1].style == s && w.line[n-1].text != "" {
		w.line[n-1].text += text
		return
	}
	if n > 1 && w.line[n-1].text == "" && text[0] >= '0' && text[0] <= '9' {
		text = " " + text // or else it would be somebody else who is mentioned
	}
	w.line = append(w.line, run{text, s})
}

func joined(text string) string {
	return strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(text)
}

// withoutTurns removes what turns the direction of the text around it, where text of the bridge's own is beside it.
func withoutTurns(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return -1
		}
		return r
	}, text)
}

func firstOf(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// end ends a line, which may be empty.
func (w *textWriter) end() {
	w.space = false
	if w.flat {
		w.space, w.spaced = true, 0
		return
	}
	switch {
	case len(w.line) > 0:
		w.flush()
		w.ask(1)
	case w.blocked:
		w.ask(max(w.gap, 2))
	default:
		w.ask(w.gap + 1)
	}
	w.blocked = false
}

// apart ends a line, if there is something in it, and asks for so many ends of lines before the next.
func (w *textWriter) apart(gap int) {
	if w.flat {
		w.space, w.spaced = true, 0
		return
	}
	w.space = false
	w.flush()
	if w.list > 0 {
		gap = min(gap, 1)
	}
	w.ask(max(gap, w.gap))
	w.blocked = true
}

// maxGap is how many lines may be left empty, and one more.
const maxGap = 4

func (w *textWriter) ask(gap int) {
	if w.out.Len() == 0 {
		return
	}
	if w.gap == 0 {
		w.inner = len(w.prefixes)
	}
	w.gap = min(gap, maxGap)
}

// flush writes the line.
func (w *textWriter) flush() {
	if len(w.line) == 0 {
		return
	}
	text := strings.TrimRight(writeLine(w.line), " ")
	w.line = nil
	w.begin()
	w.out.WriteString(text)
}

// begin writes what is before a line: the ends of those before it, and the prefixes.
func (w *textWriter) begin() {
	for n := range w.gap {
		if n > 0 {
			for _, p := range w.prefixes[:min(w.inner, len(w.prefixes))] {
				w.out.WriteString(p.rest)
			}
		}
		w.out.WriteByte('\n')
	}
	w.gap = 0
	for n := range w.prefixes {
		p := &w.prefixes[n]
		w.out.WriteString(p.first)
		p.first = p.rest
	}
}

// within writes something with a prefix.
func (w *textWriter) within(p prefix, write func()) {
	if len(w.prefixes) >= maxPrefixes || w.flat {
		write()
		return
	}
	w.prefixes = append(w.prefixes, p)
	write()
	w.prefixes = w.prefixes[:len(w.prefixes)-1]
	w.inner = min(w.inner, len(w.prefixes))
}

// item is the prefix of the item of a list.
func item(number int) prefix {
	if number == 0 {
		return prefix{"- ", "  "}
	}
	first := strconv.Itoa(number) + ". "
	return prefix{first, strings.Repeat(" ", len(first))}
}
