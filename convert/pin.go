package convert

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// Pin says that a message is to stand at the top of its chat, or not any more.
type Pin struct {
	Target Target
	On     bool
	For    time.Duration // how long; 0 when it is not said
	At     time.Time     // as its sender says; zero when it is not said
}

// PinLifetime is for how long the bridge pins a message on WhatsApp: the longest of the times that its programs offer.
const PinLifetime = 30 * 24 * time.Hour

// PinFromWhatsApp reads that a message is pinned for everyone; it reports false for anything else.
func PinFromWhatsApp(msg *waE2E.Message) (Pin, bool) {
	pin := unwrap(msg).GetPinInChatMessage()
	target, ok := targetOf(pin.GetKey())
	out := Pin{Target: target, On: pin.GetType() == waE2E.PinInChatMessage_PIN_FOR_ALL}
	out.For = time.Duration(messageContext(msg).GetMessageAddOnDurationInSecs()) * time.Second
	if at := pin.GetSenderTimestampMS(); at > 0 {
		out.At = time.UnixMilli(at)
	}
	return out, ok && (out.On || pin.GetType() == waE2E.PinInChatMessage_UNPIN_FOR_ALL)
}

// PinToWhatsApp makes the message that pins another for everyone, or does so no longer.
func PinToWhatsApp(chat types.JID, p Pin) *waE2E.Message {
	kind, seconds := waE2E.PinInChatMessage_UNPIN_FOR_ALL, uint32(0)
	if p.On {
		kind, seconds = waE2E.PinInChatMessage_PIN_FOR_ALL, uint32(p.For/time.Second)
	}
	return &waE2E.Message{
		PinInChatMessage:   &waE2E.PinInChatMessage{Key: keyTo(chat, p.Target), Type: kind.Enum(), SenderTimestampMS: milliseconds(p.At)},
		MessageContextInfo: &waE2E.MessageContextInfo{MessageAddOnDurationInSecs: proto.Uint32(seconds)},
	}
}

// Keep says that a message is to stay although its time is up, or not any more.
type Keep struct {
	Target Target
	On     bool
}

// KeepFromWhatsApp reads that a disappearing message is kept for everyone; it reports false for anything else.
func KeepFromWhatsApp(msg *waE2E.Message) (Keep, bool) {
	keep := unwrap(msg).GetKeepInChatMessage()
	target, ok := targetOf(keep.GetKey())
	on := keep.GetKeepType() == waE2E.KeepType_KEEP_FOR_ALL
	return Keep{Target: target, On: on}, ok && (on || keep.GetKeepType() == waE2E.KeepType_UNDO_KEEP_FOR_ALL)
}

// messageContext finds what stands beside the content of a message, in whichever envelope it is.
func messageContext(msg *waE2E.Message) *waE2E.MessageContextInfo {
	inner := unwrap(msg)
	if about := inner.GetMessageContextInfo(); about != nil {
		return about
	}
	return msg.GetMessageContextInfo()
}
