package convert

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"golang.org/x/net/html"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// quick is how long anything that fits into a message may take, many times what it takes here: what grows with the square
// of the length takes minutes.
const quick = 5 * time.Second

func within(t *testing.T, what string, do func()) {
	t.Helper()
	start := time.Now()
	do()
	if took := time.Since(start); took > quick {
		t.Errorf("%s took %s", what, took)
	}
}

// wellFormed checks that HTML opens and closes its elements in order, and returns what it shows as text.
func wellFormed(t *testing.T, source string) string {
	t.Helper()
	var open []string
	var text strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(source))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			if len(open) > 0 {
				t.Fatalf("%q leaves %v open", source, open)
			}
			return text.String()
		case html.TextToken:
			text.Write(tokens.Text())
		case html.StartTagToken:
			name, _ := tokens.TagName()
			if string(name) != "br" {
				open = append(open, string(name))
			}
		case html.EndTagToken:
			name, _ := tokens.TagName()
			if len(open) == 0 || open[len(open)-1] != string(name) {
				t.Fatalf("%q closes %q in %v", source, name, open)
			}
			open = open[:len(open)-1]
		}
	}
}

// letters are what people read of a text, without what formats it.
func letters(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(kinds+"`>-.\u00a0", r) || r <= ' ' || r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

func formatted(text string, people People) *event.MessageEventContent {
	content := textToMatrix(text)
	setFormat(content, text, people)
	return content
}

func FuzzFormatToMatrix(f *testing.F) {
	for _, seed := range []string{"*a* _b_ ~c~ `d` ```e```", "- a\n* b\n1. c\n> d", "```x\ny```", "*a _b* c_", "https://a_b_c *x*", "@4911 *@4911*", "  a  b", "\u202e*x*", "*\xff*", "<b>&"} {
		f.Add(seed)
	}
	people := People{types.NewJID("4911", types.DefaultUserServer): {User: "@c:x", Name: "C"}}
	f.Fuzz(func(t *testing.T, text string) {
		text = clean(text)
		content := formatted(text, people)
		if content.FormattedBody == "" {
			return
		}
		shown := wellFormed(t, content.FormattedBody)
		if !strings.Contains(text, "@4911") && letters(shown) != letters(text) {
			t.Fatalf("%q shows %q", text, shown)
		}
		// What comes back is shown alike, from then on.
		accounts := Accounts{"@c:x": {JID: types.NewJID("4911", types.DefaultUserServer)}}
		content.Mentions = nil
		back, _ := written(content, accounts)
		if letters(back) != letters(text) && utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }) {
			t.Fatalf("%q came back as %q", text, back)
		}
	})
}

func FuzzHTMLToWhatsApp(f *testing.F) {
	for _, seed := range []string{"<b>a</b>", "<ul><li>a<ol><li>b</ul>", "<blockquote><p>a</p><pre>b\nc</pre></blockquote>", "<table><tr><td>a<td>b</table>", "<a href=\"https://a.b\">c</a>",
		"<span data-mx-spoiler=\"x\">y</span>", "<mx-reply>x</mx-reply>y", "a<br>b", "<b><i><s><code>x*y_z</code></s></i></b>", "<p", "&#0;&#xffffff;", "\xff<b>"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		content := &event.MessageEventContent{MsgType: event.MsgText, Format: event.FormatHTML, FormattedBody: source}
		text, _ := written(content, nil)
		if !utf8.ValidString(text) || strings.Contains(text, "\x00") {
			t.Fatalf("%q became %q", source, text)
		}
		const growth = 40 // prefixes and labels
		if len(text) > growth*(len(source)+10) {
			t.Fatalf("%d bytes became %d", len(source), len(text))
		}
		shown := formatted(text, nil)
		if shown.FormattedBody != "" {
			wellFormed(t, shown.FormattedBody)
		}
	})
}

// FuzzLine checks that every mark that is written is one to WhatsApp's programs.
func FuzzLine(f *testing.F) {
	f.Add("a", "b", "c", uint8(1), uint8(3), uint8(8))
	f.Add("a ", " b*", "`c", uint8(1), uint8(0), uint8(15))
	f.Fuzz(func(t *testing.T, a, b, c string, sa, sb, sc uint8) {
		const all = bold | italic | struck | code
		runs := []run{{joined(clean(a)), style(sa) & all}, {joined(clean(b)), style(sb) & all}, {joined(clean(c)), style(sc) & all}}
		line := writeLine(runs)
		plain := runs[0].text + runs[1].text + runs[2].text
		found := marks(line)
		width := 0
		for _, m := range found {
			width += 2 * m.width
		}
		if added := len(line) - len(plain); added < 0 || added > width {
			t.Fatalf("%q with %d bytes of marks for %q", line, width, plain)
		}
	})
}

func TestHostileTexts(t *testing.T) {
	t.Parallel()
	const long = 70_000
	for name, unit := range map[string]string{
		"openers": " *a", "all openers": " *a _b ~c `d", "ticks": "`", "fences": "``` ", "pairs": "*a* ", "nested": "*_~", "closers": "a* ", "quotes": "> a\n", "list": "- a\n",
		"numbers": "1. a\n", "mentions": "@4911", "ats": "@", "addresses": "://", "spaces": "  ", "lines": "\n", "fence lines": "```\n", "turned": "\u202e*a* ", "emoji": "👩‍👧*", "tick words": "`a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Repeat(unit, long/len(unit)+1)
			people := People{types.NewJID("4911", types.DefaultUserServer): {User: "@c:x", Name: strings.Repeat("n", 100)}}
			within(t, name, func() {
				content := formatted(text, people)
				if content.FormattedBody != "" {
					wellFormed(t, content.FormattedBody)
				}
				checkParts(t, content)
			})
		})
	}
}

func TestHostileHTML(t *testing.T) {
	t.Parallel()
	const long = 70_000
	for name, unit := range map[string]string{
		"bold": "<b>", "list": "<ul><li>", "items": "<li>a", "quotations": "<blockquote>a", "ends": "</b>", "tables": "<table><tr><td>a", "breaks": "<br>", "rules": "<hr>", "entities": "&amp;",
		"attributes": "<a b=c d=e>", "open": "<", "comments": "<!--", "pre": "<pre>a\n", "code": "<code>a</code>", "styled": "<b>a</b> ", "spoilers": "<span data-mx-spoiler>", "unknown": "<x>", "words": "a<b>b</b>",
		"links": "<a href=\"https://a.b\">", "mixed": "<i>a <b>*b</b> _c</i> ", "one tag": "<a ", "cells": "<td>", "crossed": "<b><i></b></i>a", "replies": "<mx-reply>",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := strings.Repeat(unit, long/len(unit)+1)
			within(t, name, func() {
				content := &event.MessageEventContent{MsgType: event.MsgText, Body: "plain", Format: event.FormatHTML, FormattedBody: source}
				text, _ := written(content, nil)
				if len(text) > 20*len(source) {
					t.Errorf("%d bytes became %d", len(source), len(text))
				}
				MentionedOnMatrix(content)
			})
		})
	}
}

func TestTooMuchHTMLIsNotRead(t *testing.T) {
	t.Parallel()
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: "plain", Format: event.FormatHTML, FormattedBody: strings.Repeat("<b>x</b>", maxHTML)}
	if msg, err := ToWhatsApp(content); err != nil || msg.GetConversation() != "plain" {
		t.Errorf("got %.50s, %v", msg.GetConversation(), err)
	}
}

func TestTextTooLongForWhatsApp(t *testing.T) {
	t.Parallel()
	for length, refused := range map[int]bool{maxText: false, maxText + 1: true} {
		for _, kind := range []event.MessageType{event.MsgText, event.MsgImage} {
			content := &event.MessageEventContent{MsgType: kind, Body: strings.Repeat("é", length), FileName: "x.jpg", URL: "mxc://a/b"}
			_, err := ToWhatsApp(content)
			var tooLong Refusal
			if errors.As(err, &tooLong) != refused || refused && tooLong.Code != "too_long" {
				t.Errorf("%d characters of %s: %v", length, kind, err)
			}
		}
	}
}

func TestManyMentionsFromWhatsApp(t *testing.T) {
	t.Parallel()
	const many = 10_000
	about, people := &waE2E.ContextInfo{}, People{}
	var text strings.Builder
	for n := range 2 * many {
		jid := types.NewJID(fmt.Sprint(491700000000+n), types.DefaultUserServer)
		about.MentionedJID = append(about.MentionedJID, jid.String(), jid.String())
		people[jid] = Person{User: id.UserID("@whatsapp_" + jid.User + ":example.com"), Name: "Somebody", Real: n == many-1}
		fmt.Fprintf(&text, "@%s ", jid.User)
	}
	msg := &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(text.String()), ContextInfo: about}}
	within(t, "many mentions", func() {
		if n := len(MentionedOnWhatsApp(msg)); n != many/2 {
			t.Errorf("%d are mentioned", n)
		}
		people[types.NewJID(fmt.Sprint(491700000000+many/2-1), types.DefaultUserServer)] = Person{User: "@alice:example.com", Name: "Alice", Real: true}
		content := ToMatrixNaming(msg, people)
		checkParts(t, content)
		if content.Mentions.UserIDs[0] != "@alice:example.com" {
			t.Error("who is on Matrix is not the first")
		}
		if size := jsonSize(fmt.Sprint(content.Mentions.UserIDs)); size > maxMentionSize+8192 {
			t.Errorf("the mentions have %d bytes", size)
		}
	})
}

func TestManyMentionsFromMatrix(t *testing.T) {
	t.Parallel()
	const many = 20_000
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: strings.Repeat("x @whatsapp_1:example.com ", 2000), Mentions: &event.Mentions{}}
	accounts := Accounts{}
	for n := range many {
		user := id.UserID(fmt.Sprintf("@whatsapp_%d:example.com", n))
		content.Mentions.UserIDs = append(content.Mentions.UserIDs, user)
		accounts[user] = Account{JID: types.NewJID(fmt.Sprint(n), types.HiddenUserServer), Name: "N"}
	}
	within(t, "many mentions", func() {
		if n := len(MentionedOnMatrix(content)); n != maxMentions {
			t.Errorf("%d may be mentioned", n)
		}
		msg, err := ToWhatsAppNaming(content, accounts)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(contextOf(msg).GetMentionedJID()); n != maxMentions {
			t.Errorf("%d are mentioned", n)
		}
	})
}

func TestCaptionsAreFormattedAndMention(t *testing.T) {
	t.Parallel()
	accounts := Accounts{"@c:x": {JID: types.NewJID("77", types.HiddenUserServer), Name: "C"}}
	for _, kind := range []event.MessageType{event.MsgImage, event.MsgVideo, event.MsgFile} {
		msg, err := ToWhatsAppNaming(&event.MessageEventContent{MsgType: kind, Body: "C", FileName: "x", URL: "mxc://a/b", Format: event.FormatHTML,
			FormattedBody: `<b>see</b> <a href="https://matrix.to/#/@c:x">C</a>`}, accounts)
		if err != nil {
			t.Fatal(err)
		}
		if captionOf(unwrap(msg)) != "*see* @77" || len(MentionedOnWhatsApp(msg)) != 1 {
			t.Errorf("%s: got %v", kind, msg)
		}
		answer := ReplyToWhatsApp(msg, Reply{ID: "A", Participant: types.NewJID("1", types.HiddenUserServer), Quote: "q"})
		if len(MentionedOnWhatsApp(answer)) != 1 || contextOf(unwrap(answer)).GetStanzaID() != "A" {
			t.Errorf("the answer %v", answer)
		}
	}
}

func TestLongFormattedTextsStayPlain(t *testing.T) {
	t.Parallel()
	content := formatted(strings.Repeat("*a* ", maxBody/5), nil)
	if content.FormattedBody != "" {
		t.Errorf("the HTML has %d bytes beside %d", len(content.FormattedBody), len(content.Body))
	}
	checkParts(t, content)
	short := formatted(strings.Repeat("*a* ", maxBody/50), nil)
	if short.FormattedBody == "" {
		t.Fatal("there is no HTML")
	}
	checkParts(t, short)
	long := preface(short, strings.Repeat("x", maxBody), strings.Repeat("x", maxBody))
	for _, part := range Split(long) {
		if part.FormattedBody != "" || part.Format != "" {
			t.Error("a part has HTML")
		}
	}
}
