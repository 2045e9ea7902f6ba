package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
)

// ForwardedField is the field of an event's content that says how often its message has been passed on.
const ForwardedField = "chat.causeway.forwarded"

// manyTimes is from how many times on WhatsApp's programs say that a message was forwarded many times.
const manyTimes = 5

// Forwarded is how often a message has been passed on; 0 when whoever sent it wrote it.
func Forwarded(msg *waE2E.Message) int {
	about := contextOf(unwrap(msg))
	if !about.GetIsForwarded() && about.GetForwardingScore() == 0 {
		return 0
	}
	const most = 1000
	return int(min(max(about.GetForwardingScore(), 1), most))
}

// MarkForwarded says in a message itself that it has been passed on. What is no text and has no caption gets one.
func MarkForwarded(content *event.MessageEventContent, times int) *event.MessageEventContent {
	mark := "↪ Forwarded"
	if times >= manyTimes {
		mark += " many times"
	}
	switch {
	case times == 0, content.MsgType == "", content.MsgType == event.MsgLocation:
		return content
	case content.FileName != "" && content.Body == content.FileName:
		captioned := *content
		captioned.Body = mark
		return &captioned
	}
	return preface(content, mark+"\n", "<em>"+mark+"</em><br>")
}
