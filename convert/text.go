package convert

import (
	"fmt"
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

// Split makes several contents of one whose body is too long for an event. Together their bodies are the body. They are
// plain: HTML that is cut is none, and WhatsApp's formatting can be read in plain text.
func Split(content *event.MessageEventContent) []*event.MessageEventContent {
	var parts []*event.MessageEventContent
	if content.FormattedBody != "" && jsonSize(content.Body)+jsonSize(content.FormattedBody) > maxBody {
		plain := *content
		plain.Format, plain.FormattedBody = "", ""
		content = &plain
	}
	for rest := content.Body; rest != "" || len(parts) == 0; {
		cut := fitting(rest)
		part := *content
		part.Body = rest[:cut]
		if len(parts) > 0 { // nobody is to be notified twice
			part.BeeperLinkPreviews, part.Mentions = nil, &event.Mentions{}
		}
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

// maxText is how long a text on WhatsApp may be, in characters.
const maxText = 65536

// tooLong refuses a text that WhatsApp does not take.
func tooLong(length int) Refusal {
	return Refusal{Code: "too_long", Text: fmt.Sprintf(
		"This was not sent to WhatsApp, which takes texts of up to %d characters: this one has %d. Send it in several messages.", maxText, length)}
}

// speech is what an event says.
type speech struct {
	text string
	// about says who is mentioned; nil when nobody is.
	about *waE2E.ContextInfo
}

// speechOf reads what an event says, with WhatsApp's formatting. The error is ErrEmpty or a Refusal.
func speechOf(content *event.MessageEventContent, accounts Accounts) (speech, error) {
	text, mentioned := written(content, accounts)
	if strings.TrimSpace(text) == "" {
		return speech{}, ErrEmpty
	}
	if length := utf8.RuneCountInString(text); length > maxText {
		return speech{}, tooLong(length)
	}
	return speech{text, mentionsToWhatsApp(content, accounts, mentioned)}, nil
}

// written is the text of an event, and whom it mentions: that of its HTML if it has any, else the plain one.
func written(content *event.MessageEventContent, accounts Accounts) (string, []Account) {
	var of style
	if content.MsgType == event.MsgEmote { // WhatsApp has none; the line would be an item of a list with the usual "* "
		of = italic
	}
	if content.Format == event.FormatHTML && len(content.FormattedBody) <= maxHTML {
		w := &textWriter{accounts: accounts, style: of}
		if named := content.Mentions; named != nil {
			users := make(map[string]bool, len(named.UserIDs))
			for _, user := range named.UserIDs {
				users[user.String()] = true
			}
			w.named = func(user string) bool { return users[user] }
		}
		w.element(parseHTML(clean(content.FormattedBody)))
		w.flush()
		if text := w.text(); strings.TrimSpace(text) != "" {
			return everybodyToWhatsApp(content, text), w.mentioned
		}
	}
	body := content.Body
	if content.RelatesTo.GetNonFallbackReplyTo() != "" {
		body = withoutReplyFallback(body)
	}
	body, mentioned := mentionInText(clean(body), content, accounts)
	if of != 0 {
		var lines []string
		for line := range strings.SplitSeq(body, "\n") {
			lines = append(lines, writeLine([]run{{line, of}}))
		}
		body = strings.Join(lines, "\n")
	}
	return everybodyToWhatsApp(content, body), mentioned
}

func textToWhatsApp(content *event.MessageEventContent, accounts Accounts) (*waE2E.Message, error) {
	said, err := speechOf(content, accounts)
	if err != nil {
		return nil, err
	}
	msg := &waE2E.Message{Conversation: proto.String(said.text)}
	if said.about != nil {
		msg = &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: proto.String(said.text), ContextInfo: said.about}}
	}
	return previewToWhatsApp(content, msg), nil
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
