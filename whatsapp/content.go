package whatsapp

import (
	"errors"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// errIncomplete says that a key which came with a message could not be stored, so the message is not taken either.
var errIncomplete = errors.New("what came with the message could not be stored")

// forPeople reports whether a message may have something in it for people, and is not only the programs' own business.
// When in doubt it has: what to make of it is decided later, and nothing is dropped in silence.
func forPeople(e *events.Message) bool {
	if e.Info.Chat == types.StatusBroadcastJID {
		return false // status updates are not bridged
	}
	if p := e.Message.GetProtocolMessage(); p != nil {
		return protocolForPeople(p.GetType())
	}
	m := e.Message.ProtoReflect()
	found := len(m.GetUnknown()) > 0 // a kind that this version does not know
	m.Range(func(field protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		switch field.Name() {
		case "senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "messageContextInfo":
			return true // how to read messages, not one itself
		}
		found = true
		return false
	})
	return found
}

// protocolForPeople reports whether a protocol message of that type does something that people see.
func protocolForPeople(t waE2E.ProtocolMessage_Type) bool {
	switch t {
	case waE2E.ProtocolMessage_REVOKE,
		waE2E.ProtocolMessage_MESSAGE_EDIT,
		waE2E.ProtocolMessage_EPHEMERAL_SETTING:
		return true
	}
	return false
}
