package convert

import (
	"cmp"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
)

// EditWindow is how long after its sending WhatsApp lets a message be edited (whatsmeow, EditWindow).
const EditWindow = 20 * time.Minute

// Edit is a message that takes the place of an earlier one of the same sender.
type Edit struct {
	Target  types.MessageID
	Message *waE2E.Message
}

// EditFromWhatsApp reads an edit; it reports false for anything else.
func EditFromWhatsApp(msg *waE2E.Message) (Edit, bool) {
	msg = unwrap(msg)
	if inner := msg.GetEditedMessage().GetMessage(); inner != nil {
		msg = unwrap(inner)
	}
	change := msg.GetProtocolMessage()
	target, ok := targetOf(change.GetKey())
	if !ok || change.GetType() != waE2E.ProtocolMessage_MESSAGE_EDIT || change.GetEditedMessage() == nil {
		return Edit{}, false
	}
	return Edit{Target: target.ID, Message: change.GetEditedMessage()}, true
}

// EditToWhatsApp makes the message that replaces an own earlier one (as whatsmeow's BuildEdit does).
func EditToWhatsApp(chat types.JID, target types.MessageID, msg *waE2E.Message, at time.Time) *waE2E.Message {
	return &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key:           keyTo(chat, Target{ID: target, FromMe: true}),
		Type:          waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
		EditedMessage: msg,
		TimestampMS:   milliseconds(at),
	}}}}
}

// maxFallback is how much of a new text clients are shown that know no edits, in bytes: the whole would be in the event
// twice, and the event may have no more than 65,536 bytes.
const maxFallback = 1 << 10

// EditToMatrix makes the content of an event that replaces another (Client-Server API, "Event replacements"). The event
// to replace is still to be filled in.
func EditToMatrix(content *event.MessageEventContent) *event.MessageEventContent {
	edit := *content
	if edit.MsgType == "" { // a sticker: what takes its place is an event of another type
		edit.MsgType = event.MsgImage
	}
	inner := edit
	inner.RelatesTo = nil
	edit.NewContent = &inner
	edit.Body = "* " + clip(content.Body, maxFallback)
	edit.BeeperLinkPreviews = nil
	edit.Mentions = &event.Mentions{} // WhatsApp notifies nobody of an edit (Client-Server API, "Mentioning the replaced event")
	if len(content.FormattedBody) > maxFallback {
		edit.Format, edit.FormattedBody = "", ""
	} else if content.FormattedBody != "" {
		edit.FormattedBody = "* " + content.FormattedBody
	}
	edit.RelatesTo = &event.RelatesTo{Type: event.RelReplace}
	return &edit
}

// MarkEdited says in a message itself that it takes the place of an earlier one, for where nothing can be replaced.
func MarkEdited(content *event.MessageEventContent) *event.MessageEventContent {
	return preface(content, "Edited: ", "Edited: ")
}

// NewContent returns what an edit says now, or the content itself when it is no edit; nil when an edit says nothing.
func NewContent(content *event.MessageEventContent) *event.MessageEventContent {
	if content.RelatesTo.GetReplaceID() == "" {
		return content
	}
	if content.NewContent == nil {
		return nil
	}
	inner := *content.NewContent
	inner.MsgType = cmp.Or(inner.MsgType, content.MsgType)
	inner.RelatesTo = nil
	return &inner
}

// clip shortens a text to a number of bytes, and says so.
func clip(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	end := limit
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
