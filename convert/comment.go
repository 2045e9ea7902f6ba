package convert

import (
	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
)

// CommentFromWhatsApp reads a comment on a message in a community's announcements: what it says, and on what. For
// anything else it returns the message itself, and reports false.
func CommentFromWhatsApp(msg *waE2E.Message) (*waE2E.Message, Target, bool) {
	comment := unwrap(msg).GetCommentMessage()
	target, ok := targetOf(comment.GetTargetMessageKey())
	if comment.GetMessage() == nil || !ok {
		return msg, Target{}, false
	}
	return comment.GetMessage(), target, true
}

// ThreadToMatrix puts a message into the thread of another (Client-Server API, "Threading"), whose event is still to be
// filled in. Clients without threads show it as an answer.
func ThreadToMatrix(content *event.MessageEventContent) *event.MessageEventContent {
	comment := *content
	comment.RelatesTo = &event.RelatesTo{Type: event.RelThread, InReplyTo: &event.InReplyTo{}, IsFallingBack: true}
	return &comment
}
