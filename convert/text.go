package convert

import (
	"strings"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// textOf returns the text of a message that is nothing but text.
func textOf(msg *waE2E.Message) (string, bool) {
	if msg.Conversation != nil {
		return msg.GetConversation(), true
	}
	if msg.ExtendedTextMessage != nil {
		return msg.GetExtendedTextMessage().GetText(), true
	}
	return "", false
}

func textToMatrix(text string) *event.MessageEventContent {
	return &event.MessageEventContent{MsgType: event.MsgText, Body: text, Mentions: &event.Mentions{}}
}

// textToWhatsApp sends the plain body. An emote has no form on WhatsApp but the one that people type themselves.
func textToWhatsApp(content *event.MessageEventContent) *waE2E.Message {
	body := content.Body
	if content.RelatesTo.GetNonFallbackReplyTo() != "" {
		body = withoutReplyFallback(body)
	}
	if content.MsgType == event.MsgEmote {
		body = "* " + body
	}
	return &waE2E.Message{Conversation: proto.String(body)}
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
