package convert

import (
	"html"
	"regexp"
	"strings"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// textOf returns the text of a message that is nothing but text; "" when it is something else or empty.
func textOf(msg *waE2E.Message) string {
	if text := msg.GetConversation(); text != "" {
		return clean(text)
	}
	return clean(msg.GetExtendedTextMessage().GetText())
}

// clean removes what a text must not hold: Postgres, and so homeservers, take no NUL, and JSON is UTF-8.
func clean(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
}

func textToMatrix(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: text, Mentions: &event.Mentions{}}
}

// maxBody is the size of a body in bytes, as canonical JSON, above which it becomes several events. An event may have
// 65,536 bytes in all (Client-Server API, "Size limits"), of which the homeserver needs some for itself; a text on
// WhatsApp may have as many characters.
const maxBody = 48 << 10

// Split makes several contents of one whose body is too long for an event. Together their bodies are the body.
func Split(content *event.MessageEventContent) []*event.MessageEventContent {
	var parts []*event.MessageEventContent
	for rest := content.Body; rest != "" || len(parts) == 0; {
		cut := fitting(rest)
		part := *content
		part.Body = rest[:cut]
		if len(parts) > 0 && part.Info != nil { // of a long caption: the file goes with its beginning
			part = event.MessageEventContent{MsgType: event.MsgText, Body: part.Body, Mentions: part.Mentions}
		}
		parts = append(parts, &part)
		rest = rest[cut:]
	}
	return parts
}

// fitting returns how much of a text fits into a body, up to the end of a word if there is one in its last quarter.
func fitting(text string) int {
	size, end, word := 0, 0, 0
	for end < len(text) {
		r, width := utf8.DecodeRuneInString(text[end:])
		if size += weight(r, width); size > maxBody {
			if word > end*3/4 {
				return word
			}
			return end
		}
		end += width
		if r == ' ' || r == '\n' {
			word = end
		}
	}
	return end
}

// weight is the size of a character in canonical JSON.
func weight(r rune, width int) int {
	switch {
	case r == '"', r == '\\', r == '\n':
		return 2
	case r < ' ':
		return 6
	}
	return width
}

// TextToWhatsApp makes the message of a text of the bridge's own.
func TextToWhatsApp(text string) *waE2E.Message {
	return &waE2E.Message{Conversation: proto.String(text)}
}

// textToWhatsApp sends the plain body. An emote has no form on WhatsApp but the one that people type themselves.
func textToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	body := content.Body
	if content.RelatesTo.GetNonFallbackReplyTo() != "" {
		body = withoutReplyFallback(body)
	}
	if strings.TrimSpace(body) == "" && content.Format == event.FormatHTML {
		body = textOfHTML(content.FormattedBody)
	}
	body = clean(body)
	if strings.TrimSpace(body) == "" {
		return nil, ErrEmpty
	}
	if content.MsgType == event.MsgEmote {
		body = "* " + body
	}
	return &waE2E.Message{Conversation: proto.String(body)}, nil
}

// withoutReplyFallback removes the quotation that older clients put before a reply (Client-Server API up to v1.12,
// "Rich replies", fallbacks): lines that start with "> <@", up to the first line that is no quotation.
func withoutReplyFallback(body string) string {
	if !strings.HasPrefix(body, "> <@") && !strings.HasPrefix(body, "> * <@") {
		return body
	}
	lines := strings.Split(body, "\n")
	for len(lines) > 0 && strings.HasPrefix(lines[0], ">") {
		lines = lines[1:]
	}
	if len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	return strings.Join(lines, "\n")
}

// What is told apart in HTML when there is no plain body.
var (
	quotedHTML = regexp.MustCompile(`(?s)^\s*<mx-reply>.*?</mx-reply>`)
	lineEnd    = regexp.MustCompile(`(?i)<br\s*/?>|</(?:p|div|li|tr|blockquote|pre|h[1-6])>`)
	anyTag     = regexp.MustCompile(`<[^>]*>`)
)

// textOfHTML returns the words of a message that came without a plain body, which the specification demands but not
// every client writes.
func textOfHTML(markup string) string {
	markup = lineEnd.ReplaceAllString(quotedHTML.ReplaceAllString(markup, ""), "\n")
	return strings.TrimSpace(html.UnescapeString(anyTag.ReplaceAllString(markup, "")))
}
