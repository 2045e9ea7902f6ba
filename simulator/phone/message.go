package phone

import (
	"context"
	"time"

	"causeway/simulator/journal"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
)

// Message is a message that the phone decrypted or sent, or that one of its own companions sent.
type Message struct {
	// Seq counts a phone's messages from 1.
	Seq uint64
	// Chat is the JID by phone number for direct chats, or the group's JID; Sender is by phone number too.
	Chat, Sender types.JID
	// SenderLID is the sending device by LID.
	SenderLID types.JID
	ID        string
	Timestamp time.Time
	FromMe    bool
	// Device is the number of the sending device.
	Device uint16
	// Text is the message's text or caption; of an edit, the new text.
	Text    string
	Message *waE2E.Message
	// EditOf and Revoked are the ID of the message that this one edits or takes back.
	EditOf, Revoked string
	// Vote and Attendance are the opened answer to a poll or an event that the phone knows.
	Vote       *Vote
	Attendance *Attendance
}

// Receipt is a receipt that reached the phone.
type Receipt struct {
	Seq uint64
	IDs []string
	// Type is "" for delivered, or read, played, inactive, sender, retry, peer_msg.
	Type string
	// From is who sent the receipt, Chat where (by LID).
	From, Chat types.JID
}

// Messages returns what the phone has with a sequence number above after, in one chat or, if chat is empty, in all. If there is
// nothing it waits until the context ends.
func (p *Phone) Messages(ctx context.Context, chat types.JID, after uint64) []Message {
	for {
		found := journal.After(ctx, &p.mu, &p.state.transcript, after)
		if len(found) == 0 {
			return nil
		}
		if chat.IsEmpty() {
			return found
		}
		var out []Message
		for _, m := range found {
			if m.Chat == chat {
				out = append(out, m)
			}
		}
		if len(out) > 0 {
			return out
		}
		after = found[len(found)-1].Seq
	}
}

// WaitMessage waits for the first message, old or new, that matches.
func (p *Phone) WaitMessage(ctx context.Context, match func(Message) bool) (Message, error) {
	return journal.Find(ctx, &p.mu, &p.state.transcript, match)
}

// WaitReceipt waits for the first receipt, old or new, that matches.
func (p *Phone) WaitReceipt(ctx context.Context, match func(Receipt) bool) (Receipt, error) {
	return journal.Find(ctx, &p.mu, &p.state.receipts, match)
}

// record adds a message to the transcript. The caller holds the lock.
func (p *Phone) record(m Message) {
	body := unwrap(m.Message)
	m.Text = text(body)
	if change := body.GetProtocolMessage(); change != nil {
		switch change.GetType() {
		case waE2E.ProtocolMessage_MESSAGE_EDIT:
			m.EditOf, m.Text = change.GetKey().GetID(), text(unwrap(change.GetEditedMessage()))
		case waE2E.ProtocolMessage_REVOKE:
			m.Revoked = change.GetKey().GetID()
		}
	}
	m.Seq = p.state.transcript.Last() + 1
	p.state.transcript.Add(m)
}

// find looks for a message in a chat by its ID.
func (p *Phone) find(chat types.JID, id string) (Message, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.state.transcript.All()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].ID == id && all[i].Chat == chat {
			return all[i], true
		}
	}
	return Message{}, false
}

// unwrap opens the envelopes that change how a message is shown but not what it says.
func unwrap(m *waE2E.Message) *waE2E.Message {
	for {
		var inner *waE2E.Message
		for _, envelope := range []*waE2E.FutureProofMessage{m.GetEphemeralMessage(), m.GetViewOnceMessage(), m.GetViewOnceMessageV2(),
			m.GetDocumentWithCaptionMessage(), m.GetEditedMessage(), m.GetAssociatedChildMessage(), m.GetLottieStickerMessage()} {
			if envelope.GetMessage() != nil {
				inner = envelope.GetMessage()
			}
		}
		if inner == nil {
			return m
		}
		m = inner
	}
}

func text(m *waE2E.Message) string {
	for _, s := range []string{m.GetConversation(), m.GetExtendedTextMessage().GetText(), m.GetImageMessage().GetCaption(),
		m.GetVideoMessage().GetCaption(), m.GetDocumentMessage().GetCaption()} {
		if s != "" {
			return s
		}
	}
	return ""
}
