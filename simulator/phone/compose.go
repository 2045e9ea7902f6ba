package phone

import (
	"fmt"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waCommon"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// Values of the edit attribute of a message stanza.
const (
	editMessage = "1"
	editRevoke  = "7"
	editAdmin   = "8"
)

// Reaction is an emoji on a message; an empty emoji takes it back.
type Reaction struct {
	ID    string
	Emoji string
}

// Outgoing is a message to send. Text, Message, Media, Revoke, React, Vote, Attend and Pin exclude each other; Edit goes with Text, Message
// or Media.
type Outgoing struct {
	// Chat is a number in digits, a JID, a LID or a group JID.
	Chat    string
	Text    string
	Message *waE2E.Message
	Media   *Media
	// ID is chosen if empty, and Timestamp is now if zero.
	ID        string
	Timestamp time.Time
	// ReplyTo, Edit and Revoke are IDs of messages in the chat that the phone knows.
	ReplyTo, Edit, Revoke string
	React                 *Reaction
	Vote                  *Vote
	Attend                *Attendance
	Pin                   *Pin
	// CommentOn is the ID of a message that a text is a comment on, as in the announcements of a community: it travels sealed.
	CommentOn string
	// Sealed makes an edit or a reaction travel sealed with the secret of the message that it is about.
	Sealed bool
	// Dress goes with texts and captions.
	Dress Dress
	// Parent is the message that this one belongs to, if any. It goes with Message or Media.
	Parent *Parent
	// Expiration is after how many seconds the message disappears; 0 is never.
	Expiration uint32
}

func (o Outgoing) check() error {
	content := 0
	for _, set := range []bool{o.Text != "", o.Message != nil, o.Media != nil, o.Revoke != "", o.React != nil, o.Vote != nil, o.Attend != nil, o.Pin != nil} {
		if set {
			content++
		}
	}
	if content != 1 {
		return fmt.Errorf("%w message: exactly one of text, message, media, revoke, react, vote, attend and pin", account.ErrInvalid)
	}
	if (o.Edit != "" || o.ReplyTo != "") && (o.Text == "" && o.Message == nil && o.Media == nil) {
		return fmt.Errorf("%w message: edit and reply_to go with text, message or media only", account.ErrInvalid)
	}
	if !o.Dress.isPlain() && o.Text == "" && o.Message == nil && o.Media == nil {
		return fmt.Errorf("%w message: mentions, forwarded and preview go with text, message or media only", account.ErrInvalid)
	}
	if o.ReplyTo != "" && o.Text == "" {
		return fmt.Errorf("%w message: reply_to goes with text only; another message carries its own context", account.ErrInvalid)
	}
	return nil
}

// compose makes the protobuf of a message and the attributes of its stanza.
func (p *Phone) compose(chat, pn types.JID, out Outgoing) (*waE2E.Message, wire.Attrs, error) {
	if err := out.check(); err != nil {
		return nil, nil, err
	}
	switch {
	case out.Revoke != "":
		return p.composeRevoke(chat, pn, out)
	case out.React != nil:
		return p.composeReaction(chat, pn, out)
	case out.Pin != nil:
		return p.composePin(chat, pn, *out.Pin)
	case out.Vote != nil:
		return p.composeVote(chat, pn, *out.Vote)
	case out.Attend != nil:
		return p.composeAttendance(chat, pn, *out.Attend)
	}
	body, err := out.Message, error(nil)
	switch {
	case out.Media != nil:
		if body, err = p.composeMedia(*out.Media); err != nil {
			return nil, nil, err
		}
	case body == nil:
		body = &waE2E.Message{Conversation: proto.String(out.Text)}
	}
	if out.ReplyTo != "" {
		quoted, ok := p.find(pn, out.ReplyTo)
		if !ok {
			return nil, nil, unknownMessage(out.ReplyTo)
		}
		body = &waE2E.Message{ExtendedTextMessage: &waE2E.ExtendedTextMessage{Text: &out.Text, ContextInfo: &waE2E.ContextInfo{
			StanzaID: &out.ReplyTo, Participant: proto.String(quoted.SenderLID.ToNonAD().String()), QuotedMessage: quoted.Message}}}
	}
	if body, err = p.dress(body, out.Dress); err != nil {
		return nil, nil, err
	}
	if body, err = p.fit(chat, pn, out, body); err != nil {
		return nil, nil, err
	}
	switch {
	case out.CommentOn != "":
		return p.composeComment(chat, pn, out.CommentOn, body)
	case out.Edit == "":
		addSecret(body)
		return body, wire.Attrs{}, nil
	case out.Sealed:
		return p.composeSealedEdit(chat, pn, out.Edit, body)
	}
	edited, ok := p.find(pn, out.Edit)
	if !ok || !edited.FromMe {
		return nil, nil, unknownMessage(out.Edit)
	}
	return &waE2E.Message{EditedMessage: &waE2E.FutureProofMessage{Message: &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{
		Key: p.key(chat, edited), Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(), EditedMessage: body,
		TimestampMS: proto.Int64(time.Now().UnixMilli())}}}}, wire.Attrs{"edit": editMessage}, nil
}

func unknownMessage(id string) error {
	return fmt.Errorf("%w message %s: the phone has no such message of its owner's in the chat", account.ErrUnknown, id)
}

// key names a message for others, by LID.
func (p *Phone) key(chat types.JID, m Message) *waCommon.MessageKey {
	key := &waCommon.MessageKey{RemoteJID: proto.String(chat.String()), FromMe: proto.Bool(m.FromMe), ID: &m.ID}
	if chat.Server == types.GroupServer && !m.FromMe {
		key.Participant = proto.String(m.SenderLID.ToNonAD().String())
	}
	return key
}

func (p *Phone) composeRevoke(chat, pn types.JID, out Outgoing) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, out.Revoke)
	if !ok || !m.FromMe && chat.Server != types.GroupServer {
		return nil, nil, unknownMessage(out.Revoke)
	}
	attrs := wire.Attrs{"edit": editRevoke}
	if !m.FromMe {
		attrs["edit"] = editAdmin
	}
	return &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: p.key(chat, m), Type: waE2E.ProtocolMessage_REVOKE.Enum()}}, attrs, nil
}

func (p *Phone) composeReaction(chat, pn types.JID, out Outgoing) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, out.React.ID)
	if !ok {
		return nil, nil, unknownMessage(out.React.ID)
	}
	attrs := wire.Attrs{}
	if out.React.Emoji == "" {
		attrs["edit"] = editRevoke
	}
	if out.Sealed {
		return p.composeSealedReaction(chat, m, out.React.Emoji)
	}
	return &waE2E.Message{ReactionMessage: &waE2E.ReactionMessage{Key: p.key(chat, m), Text: &out.React.Emoji,
		SenderTimestampMS: proto.Int64(time.Now().UnixMilli())}}, attrs, nil
}
