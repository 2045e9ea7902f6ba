// Package convert turns the content of messages into the other side's form. It is pure: data in, data out; no
// database, no network, no clock.
//
// A file is a kind of content and holds both directions.
package convert

import (
	"errors"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
)

// Unsupported is the error for content that the other side has no form for, or that cannot be converted yet.
type Unsupported struct {
	Kind string // for people: "an image", "a poll"
}

func (u Unsupported) Error() string { return "cannot convert " + u.Kind }

// ErrEmpty says that there is nothing in a message that could be sent.
var ErrEmpty = errors.New("the message has no text")

// ToMatrix converts a WhatsApp message. What cannot be shown becomes a notice that says so; a message without content
// for people gives nil.
func ToMatrix(msg *waE2E.Message) *event.MessageEventContent {
	msg = unwrap(msg)
	if text := textOf(msg); text != "" {
		return textToMatrix(text)
	}
	if content := mediaToMatrix(msg); content != nil {
		return content
	}
	if poll, ok := PollFromWhatsApp(msg); ok {
		return textToMatrix(poll.Text())
	}
	if content := snapshotToMatrix(msg); content != nil {
		return content
	}
	return unsupportedToMatrix(msg)
}

// ToWhatsApp converts a Matrix message. The error is an Unsupported or ErrEmpty.
func ToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	switch content.MsgType {
	case event.MsgText, event.MsgNotice, event.MsgEmote:
		return textToWhatsApp(content)
	case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile:
		return mediaToWhatsApp(content)
	}
	return nil, unsupportedFromMatrix(content)
}

// StickerToWhatsApp converts a Matrix sticker, which is an event of its own type. The error is an Unsupported.
func StickerToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	sticker := *content
	sticker.MsgType = ""
	return mediaToWhatsApp(&sticker)
}

// unwrap takes a message out of the envelopes that only say how it is to be treated.
func unwrap(msg *waE2E.Message) *waE2E.Message {
	for range 5 { // an envelope in an envelope is normal, a Russian doll is not
		inner := unwrapOne(msg)
		if inner == nil {
			return msg
		}
		msg = inner
	}
	return msg
}

// unwrapOne takes a message out of its outermost envelope; nil when it is in none.
func unwrapOne(msg *waE2E.Message) *waE2E.Message {
	inner := msg.GetDeviceSentMessage().GetMessage()
	for _, wrapped := range []*waE2E.FutureProofMessage{
		msg.GetEphemeralMessage(), msg.GetDocumentWithCaptionMessage(), msg.GetGroupMentionedMessage(), msg.GetBotInvokeMessage(),
		msg.GetViewOnceMessage(), msg.GetViewOnceMessageV2(), msg.GetViewOnceMessageV2Extension(), msg.GetLottieStickerMessage(),
		msg.GetPollCreationMessageV4(),
	} {
		if wrapped.GetMessage() != nil {
			inner = wrapped.GetMessage()
		}
	}
	return inner
}
