package phone

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
)

// The purposes that keys of sealed answers and changes are derived for.
const (
	purposeVote      = "Poll Vote"
	purposeEvent     = "Event Response"
	purposeEventEdit = "Event Edit"
	purposePollEdit  = "Poll Edit"
	purposeEdit      = "Message Edit"
	purposeComment   = "Enc Comment"
	purposeReaction  = "Enc Reaction"
)

// secretSize is the size of a message's secret and of the keys derived from it, in bytes.
const secretSize = 32

// Vote is a vote in a poll: the texts of the chosen options.
type Vote struct {
	// ID is the poll's.
	ID      string
	Options []string
}

// Attendance is the answer to an event: GOING, NOT_GOING or MAYBE.
type Attendance struct {
	// ID is the event's.
	ID       string
	Response string
	Guests   int32
}

// aead is what an answer of by to a message is sealed with, and what is authenticated beside it.
func aead(m Message, by types.JID, purpose string) (cipher.AEAD, []byte, error) {
	secret := unwrap(m.Message).GetMessageContextInfo().GetMessageSecret()
	if secret == nil {
		secret = m.Message.GetMessageContextInfo().GetMessageSecret()
	}
	if len(secret) != secretSize {
		return nil, nil, fmt.Errorf("answer message %s: %w: it came without a secret", m.ID, account.ErrRefused)
	}
	author, own := m.SenderLID.ToNonAD().String(), by.ToNonAD().String()
	key, err := hkdf.Key(sha256.New, secret, nil, m.ID+author+own+purpose, secretSize)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if purpose != purposeVote && purpose != purposeEvent {
		return gcm, nil, err
	}
	return gcm, []byte(m.ID + "\x00" + own), err
}

// sealed is an answer as it travels.
type sealed struct {
	payload, iv []byte
}

func (p *Phone) seal(m Message, purpose string, answer proto.Message) (sealed, error) {
	plain, err := proto.Marshal(answer)
	if err != nil {
		return sealed{}, err
	}
	gcm, about, err := aead(m, p.lid, purpose)
	if err != nil {
		return sealed{}, err
	}
	iv := make([]byte, gcm.NonceSize())
	_, _ = rand.Read(iv) // crypto/rand never fails
	return sealed{gcm.Seal(nil, iv, plain, about), iv}, nil
}

var errSeal = errors.New("an answer that cannot be opened")

func unseal(m Message, by types.JID, purpose string, s sealed, into proto.Message) error {
	gcm, about, err := aead(m, by, purpose)
	if err != nil {
		return err
	}
	if len(s.iv) != gcm.NonceSize() {
		return errSeal
	}
	plain, err := gcm.Open(nil, s.iv, s.payload, about)
	if err != nil {
		return errSeal
	}
	return proto.Unmarshal(plain, into)
}

// pollOf finds the poll in a message.
func pollOf(m *waE2E.Message) *waE2E.PollCreationMessage {
	m = unwrap(m)
	if inner := m.GetPollCreationMessageV4().GetMessage(); inner != nil {
		return pollOf(inner)
	}
	for _, poll := range []*waE2E.PollCreationMessage{m.GetPollCreationMessage(), m.GetPollCreationMessageV2(), m.GetPollCreationMessageV3(),
		m.GetPollCreationMessageV5(), m.GetPollCreationMessageV6()} {
		if poll != nil {
			return poll
		}
	}
	return nil
}

// addSecret gives a message that others may answer its secret.
func addSecret(m *waE2E.Message) {
	if pollOf(m) == nil && m.GetEventMessage() == nil || m.GetMessageContextInfo().GetMessageSecret() != nil {
		return
	}
	if m.MessageContextInfo == nil {
		m.MessageContextInfo = &waE2E.MessageContextInfo{}
	}
	m.MessageContextInfo.MessageSecret = make([]byte, secretSize)
	_, _ = rand.Read(m.MessageContextInfo.MessageSecret)
}

func (p *Phone) composeVote(chat, pn types.JID, vote Vote) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, vote.ID)
	poll := pollOf(m.Message)
	if !ok || poll == nil {
		return nil, nil, unknownMessage(vote.ID)
	}
	answer := &waE2E.PollVoteMessage{}
	for _, name := range vote.Options {
		if !slices.ContainsFunc(poll.GetOptions(), func(o *waE2E.PollCreationMessage_Option) bool { return o.GetOptionName() == name }) {
			return nil, nil, fmt.Errorf("%w vote: the poll has no option %q", account.ErrInvalid, name)
		}
		hash := sha256.Sum256([]byte(name))
		answer.SelectedOptions = append(answer.SelectedOptions, hash[:])
	}
	s, err := p.seal(m, purposeVote, answer)
	return &waE2E.Message{PollUpdateMessage: &waE2E.PollUpdateMessage{PollCreationMessageKey: p.key(chat, m),
		Vote: &waE2E.PollEncValue{EncPayload: s.payload, EncIV: s.iv}, SenderTimestampMS: proto.Int64(time.Now().UnixMilli())}}, wire.Attrs{}, err
}

func (p *Phone) composeAttendance(chat, pn types.JID, a Attendance) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, a.ID)
	response, known := waE2E.EventResponseMessage_EventResponseType_value[a.Response]
	switch {
	case !ok || unwrap(m.Message).GetEventMessage() == nil:
		return nil, nil, unknownMessage(a.ID)
	case !known:
		return nil, nil, fmt.Errorf("%w answer: %q is neither GOING, NOT_GOING nor MAYBE", account.ErrInvalid, a.Response)
	}
	s, err := p.seal(m, purposeEvent, &waE2E.EventResponseMessage{Response: waE2E.EventResponseMessage_EventResponseType(response).Enum(),
		TimestampMS: proto.Int64(time.Now().UnixMilli()), ExtraGuestCount: &a.Guests})
	return &waE2E.Message{EncEventResponseMessage: &waE2E.EncEventResponseMessage{EventCreationMessageKey: p.key(chat, m),
		EncPayload: s.payload, EncIV: s.iv}}, wire.Attrs{}, err
}

// composeSealedEdit changes an own message in the sealed form, as today's programs do with events and polls.
func (p *Phone) composeSealedEdit(chat, pn types.JID, id string, body *waE2E.Message) (*waE2E.Message, wire.Attrs, error) {
	m, ok := p.find(pn, id)
	if !ok || !m.FromMe {
		return nil, nil, unknownMessage(id)
	}
	kind, purpose := waE2E.SecretEncryptedMessage_MESSAGE_EDIT, purposeEdit
	switch {
	case body.GetEventMessage() != nil:
		kind, purpose = waE2E.SecretEncryptedMessage_EVENT_EDIT, purposeEventEdit
	case pollOf(body) != nil:
		kind, purpose = waE2E.SecretEncryptedMessage_POLL_EDIT, purposePollEdit
	}
	if kind == waE2E.SecretEncryptedMessage_MESSAGE_EDIT {
		body = &waE2E.Message{ProtocolMessage: &waE2E.ProtocolMessage{Key: p.key(chat, m), Type: waE2E.ProtocolMessage_MESSAGE_EDIT.Enum(),
			EditedMessage: body, TimestampMS: proto.Int64(time.Now().UnixMilli())}}
	}
	s, err := p.seal(m, purpose, body)
	return &waE2E.Message{SecretEncryptedMessage: &waE2E.SecretEncryptedMessage{TargetMessageKey: p.key(chat, m), EncPayload: s.payload,
		EncIV: s.iv, SecretEncType: kind.Enum()}}, wire.Attrs{}, err
}

// readAnswer opens what a message answers, if it does and the phone knows the message that it is about.
func (p *Phone) readAnswer(m *Message) error {
	body := unwrap(m.Message)
	if vote := body.GetPollUpdateMessage(); vote != nil {
		poll, ok := p.find(m.Chat, vote.GetPollCreationMessageKey().GetID())
		if !ok {
			return nil
		}
		answer := &waE2E.PollVoteMessage{}
		if err := unseal(poll, m.SenderLID, purposeVote, sealed{vote.GetVote().GetEncPayload(), vote.GetVote().GetEncIV()}, answer); err != nil {
			return err
		}
		m.Vote = &Vote{ID: poll.ID}
		for _, o := range pollOf(poll.Message).GetOptions() {
			hash := sha256.Sum256([]byte(o.GetOptionName()))
			if slices.ContainsFunc(answer.GetSelectedOptions(), func(chosen []byte) bool { return string(chosen) == string(hash[:]) }) {
				m.Vote.Options = append(m.Vote.Options, o.GetOptionName())
			}
		}
		if len(m.Vote.Options) != len(answer.GetSelectedOptions()) {
			return errors.New("a vote for options that the poll does not have")
		}
	}
	if response := body.GetEncEventResponseMessage(); response != nil {
		event, ok := p.find(m.Chat, response.GetEventCreationMessageKey().GetID())
		if !ok {
			return nil
		}
		answer := &waE2E.EventResponseMessage{}
		if err := unseal(event, m.SenderLID, purposeEvent, sealed{response.GetEncPayload(), response.GetEncIV()}, answer); err != nil {
			return err
		}
		m.Attendance = &Attendance{ID: event.ID, Response: answer.GetResponse().String(), Guests: answer.GetExtraGuestCount()}
	}
	return nil
}
