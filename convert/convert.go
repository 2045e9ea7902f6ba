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
// for people gives nil. Whom it mentions stays a number: ToMatrixNaming knows them.
func ToMatrix(msg *waE2E.Message) *event.MessageEventContent { return ToMatrixNaming(msg, nil) }

// ToMatrixNaming converts a WhatsApp message that mentions people (MentionedOnWhatsApp).
func ToMatrixNaming(msg *waE2E.Message, people People) *event.MessageEventContent {
	msg = unwrap(msg)
	content := shown(msg)
	if content == nil {
		return nil
	}
	people = people.mentionedBy(msg)
	for _, text := range []string{textOf(msg), captionOf(msg)} {
		if text != "" && content.Body == text {
			setFormat(content, text, people)
			break
		}
	}
	content.Mentions = mentions(msg, people)
	content.BeeperLinkPreviews = previewToMatrix(msg)
	return content
}

// shown is the content that shows a message, its text as it came.
func shown(msg *waE2E.Message) *event.MessageEventContent {
	if text := textOf(msg); text != "" {
		return textToMatrix(text)
	}
	if content := mediaToMatrix(msg); content != nil {
		return content
	}
	if poll, ok := PollFromWhatsApp(msg); ok {
		return textToMatrix(poll.Text())
	}
	for _, kind := range []func(*waE2E.Message) *event.MessageEventContent{
		snapshotToMatrix, contactsToMatrix, cardsWithoutFile, locationToMatrix, choiceToMatrix, businessToMatrix,
		gatheringToMatrix, invitedEventToMatrix, invitationToMatrix, richToMatrix, namedToMatrix,
	} {
		if content := kind(msg); content != nil {
			return content
		}
	}
	return unsupportedToMatrix(msg)
}

// ToWhatsApp converts a Matrix message. The error is an Unsupported, a Refusal or ErrEmpty. Nobody is mentioned by it:
// ToWhatsAppNaming knows who is on WhatsApp.
func ToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	return ToWhatsAppNaming(content, nil)
}

// ToWhatsAppNaming converts a Matrix message that may mention people (MentionedOnMatrix).
func ToWhatsAppNaming(content *event.MessageEventContent, accounts Accounts) (*waE2E.Message, error) {
	switch content.MsgType {
	case event.MsgText, event.MsgNotice, event.MsgEmote:
		return textToWhatsApp(content, accounts)
	case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile:
		return mediaToWhatsApp(content, accounts)
	case event.MsgLocation:
		return locationToWhatsApp(content)
	}
	return nil, unsupportedFromMatrix(content)
}

// StickerToWhatsApp converts a Matrix sticker, which is an event of its own type. The error is an Unsupported.
func StickerToWhatsApp(content *event.MessageEventContent) (*waE2E.Message, error) {
	sticker := *content
	sticker.MsgType = ""
	return mediaToWhatsApp(&sticker, nil)
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
		msg.GetPollCreationMessageV4(), msg.GetAssociatedChildMessage(), msg.GetSpoilerMessage(), msg.GetQuestionMessage(), msg.GetQuestionReplyMessage(),
		msg.GetBotForwardedMessage(), msg.GetEventCoverImage(), msg.GetPollCreationOptionImageMessage(),
	} {
		if wrapped.GetMessage() != nil {
			inner = wrapped.GetMessage()
		}
	}
	return inner
}
