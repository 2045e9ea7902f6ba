package convert

import (
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// RevokeWindow is how long after its sending WhatsApp's own programs let a message be deleted for everyone: two days and
// a half. Later ones are passed over by those who get them.
const RevokeWindow = 60 * time.Hour

// RedactionFromWhatsApp reads which message is taken back for everyone; it reports false for anything else.
func RedactionFromWhatsApp(msg *waE2E.Message) (Target, bool) {
	change := unwrap(msg).GetProtocolMessage()
	target, ok := targetOf(change.GetKey())
	return target, ok && change.Type != nil && change.GetType() == waE2E.ProtocolMessage_REVOKE
}

// RedactionToWhatsApp makes the message that takes another back, which is an own one or, by an admin of a group, anybody's
// (as whatsmeow's BuildRevoke does).
func RedactionToWhatsApp(chat types.JID, target Target) *waE2E.Message {
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Type: waE2E.ProtocolMessage_REVOKE.Enum(), Key: keyTo(chat, target),
	}}
}
