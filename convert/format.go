package convert

import (
	"html"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// setFormat shows a text of WhatsApp as its programs do: with its formatting as HTML, and with people where they are
// mentioned. What has neither stays plain.
func setFormat(content *event.MessageEventContent, text string, people People) {
	w := &htmlWriter{people: people.byDigits()}
	content.Body = w.named(text)
	if !w.special && !mayFormat(text) {
		return
	}
	w.text(text)
	if formatted := w.out.String(); w.special && jsonSize(content.Body)+jsonSize(formatted) <= maxBody {
		content.Format, content.FormattedBody = event.FormatHTML, formatted
	}
}

// mayFormat reports quickly that there is nothing to format in a text.
func mayFormat(text string) bool { return strings.ContainsAny(text, kinds+"`>-.") }

// htmlWriter writes the HTML of a text.
type htmlWriter struct {
	people map[string]Person // by the digits that mention them
	out    strings.Builder
	// special says that there is something in it that plain text cannot show.
	special bool
	// open is the element of the lines that are being written, "" for none; number is the last one's in a list.
	open   string
	number int
	// broken says that the last thing written was a line, which a further one must be broken from.
	broken bool
}

func (w *htmlWriter) text(text string) {
	for {
		before, code, after, ok := cutFence(text)
		if !ok {
			w.lines(before)
			return
		}
		if before = strings.TrimSuffix(before, "\n"); before != "" {
			w.lines(before)
		}
		w.special, w.broken = true, false
		w.out.WriteString("<pre><code>" + html.EscapeString(strings.Trim(code, "\n")) + "</code></pre>")
		if text = strings.TrimPrefix(after, "\n"); text == "" {
			return
		}
	}
}

// lines writes lines without code of several lines among them.
func (w *htmlWriter) lines(text string) {
	for line := range strings.SplitSeq(text, "\n") {
		w.oneLine(line)
	}
	w.begin("")
}

func (w *htmlWriter) oneLine(line string) {
	if said, ok := quoted(line); ok {
		if w.open == "blockquote" {
			w.out.WriteString("<br>")
		}
		w.begin("blockquote")
		w.inline(said)
		return
	}
	if number, said, ok := listItem(line); ok {
		list := "ul"
		if number > 0 {
			list = "ol"
		}
		if w.open == "ol" && number != w.number+1 {
			w.begin("")
		}
		w.number = number
		w.begin(list)
		w.out.WriteString("<li>")
		w.inline(said)
		w.out.WriteString("</li>")
		return
	}
	w.begin("")
	if w.broken {
		w.out.WriteString("<br>")
	}
	w.inline(line)
	w.broken = true
}

// begin opens the element that the next line belongs to, and closes another one.
func (w *htmlWriter) begin(element string) {
	if element == w.open {
		return
	}
	if w.open != "" {
		w.out.WriteString("</" + w.open + ">")
	}
	w.open = element
	if element == "" {
		return
	}
	w.special, w.broken = true, false
	if element == "ol" && w.number != 1 {
		element += ` start="` + strconv.Itoa(w.number) + `"`
	}
	w.out.WriteString("<" + element + ">")
}

// elementOf is the HTML element of a mark.
func elementOf(kind byte) string {
	switch kind {
	case '*':
		return "strong"
	case '_':
		return "em"
	case '~':
		return "del"
	}
	return "code"
}

// inline writes what is in a line.
func (w *htmlWriter) inline(line string) {
	at := 0
	var open []mark
	closeUntil := func(position int) {
		for len(open) > 0 && open[len(open)-1].end <= position {
			last := open[len(open)-1]
			open = open[:len(open)-1]
			w.words(line, at, last.end-last.width, last.kind == '`')
			w.out.WriteString("</" + elementOf(last.kind) + ">")
			at = last.end
		}
	}
	for _, m := range marks(line) {
		closeUntil(m.start)
		w.words(line, at, m.start, false)
		w.out.WriteString("<" + elementOf(m.kind) + ">")
		w.special, at = true, m.start+m.width
		open = append(open, m)
	}
	closeUntil(len(line))
	w.words(line, at, len(line), false)
}

// words writes a part of a line without marks in it.
func (w *htmlWriter) words(line string, from, to int, code bool) {
	if code {
		w.out.WriteString(html.EscapeString(line[from:to]))
		return
	}
	eachMention(line[from:to], w.people, func(text string, who *Person) {
		if who != nil {
			w.special = true
			w.out.WriteString(pill(*who))
			return
		}
		text = html.EscapeString(text)
		if strings.Contains(text, "  ") || strings.HasPrefix(text, " ") && from == 0 {
			text = strings.ReplaceAll(text, "  ", "\u00a0 ")
			if from == 0 && strings.HasPrefix(text, " ") {
				text = "\u00a0" + text[1:]
			}
		}
		w.out.WriteString(text)
	})
}

// named writes people's names where they are mentioned.
func (w *htmlWriter) named(text string) string {
	if len(w.people) == 0 {
		return text
	}
	var out strings.Builder
	eachMention(text, w.people, func(text string, who *Person) {
		if who != nil {
			w.special = true
			text = who.Name
		}
		out.WriteString(text)
	})
	return out.String()
}

// pill is how clients show a person who is mentioned (Client-Server API, "User and room mentions").
func pill(who Person) string {
	return `<a href="` + html.EscapeString(id.UserID(who.User).URI().MatrixToURL()) + `">` + html.EscapeString(who.Name) + `</a>`
}

// jsonSize is the size of a text in canonical JSON.
func jsonSize(text string) (size int) {
	for _, r := range text {
		size += weight(r, len(string(r)))
	}
	return size
}
