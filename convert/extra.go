package convert

import (
	"encoding/base64"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// MessageField is the field of an event's content that keeps, as base64, the WhatsApp message that the bridge can only
// name, so that it can be shown when it can.
const MessageField = "chat.causeway.message"

// maxKept is how large such a message may be, in bytes: with the rest of its event it must fit into 65,536 as base64.
const maxKept = 16 << 10

// Extra are further fields of the event that shows a message, which has been sent at a time. They have no place among
// those that mautrix knows.
func Extra(msg *waE2E.Message, at time.Time) map[string]any {
	msg = unwrap(msg)
	if place, ok := PlaceFromWhatsApp(msg); ok {
		return locationFields(place, at)
	}
	if content := shown(msg); content == nil || content.MsgType != event.MsgNotice {
		return nil
	}
	kept, ok := proto.Clone(msg).(*waE2E.Message)
	if !ok {
		return nil
	}
	kept.MessageContextInfo = nil // it has the secret that answers are sealed with
	raw, err := proto.Marshal(kept)
	if err != nil || len(raw) > maxKept {
		return nil
	}
	return map[string]any{MessageField: base64.StdEncoding.EncodeToString(raw)}
}
