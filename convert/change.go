package convert

import (
	"strings"
	"time"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// Target names an earlier message as WhatsApp's message keys do: from the sight of whoever sent the key.
type Target struct {
	ID types.MessageID
	// FromMe says that whoever sent the key wrote the message.
	FromMe bool
	// Participant is who else wrote it; empty in direct chats, where there is only one other.
	Participant types.JID
}

// targetOf reads a message key; it reports false when no message is named.
func targetOf(key *waCommon.MessageKey) (Target, bool) {
	t := Target{ID: key.GetID(), FromMe: key.GetFromMe()}
	if !t.FromMe {
		t.Participant = person(key.GetParticipant())
	}
	return t, isName(t.ID)
}

// maxIDLength is how long the ID of a message or the name of a person may be, in bytes. WhatsApp's have up to 50.
const maxIDLength = 255

// isName reports whether a text can be the ID of a message or the name of a person: what every database can index. Whoever
// writes a message may put anything there.
func isName(text string) bool {
	return text != "" && len(text) <= maxIDLength && utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}

// person reads the JID of a person, whichever of their devices it names; empty when it is none.
func person(text string) types.JID {
	jid, err := types.ParseJID(text)
	if err != nil || jid.User == "" || !isName(text) || jid.Server != types.DefaultUserServer && jid.Server != types.HiddenUserServer {
		return types.EmptyJID
	}
	return jid.ToNonAD()
}

// keyTo writes a message key for a chat (as whatsmeow's BuildMessageKey does).
func keyTo(chat types.JID, t Target) *waCommon.MessageKey {
	key := &waCommon.MessageKey{RemoteJID: proto.String(chat.String()), FromMe: proto.Bool(t.FromMe), ID: proto.String(t.ID)}
	if !t.FromMe && chat.Server == types.GroupServer {
		key.Participant = proto.String(t.Participant.ToNonAD().String())
	}
	return key
}

func milliseconds(at time.Time) *int64 { return proto.Int64(at.UnixMilli()) }
