package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// MessageFromWhatsApp decides about a message that arrived from WhatsApp.
func (p *Portals) MessageFromWhatsApp(ctx context.Context, in inbox.WhatsAppMessage) error {
	login, err := p.login(ctx, in.Login)
	if err != nil {
		return err
	}
	msg := &waE2E.Message{}
	if err := proto.Unmarshal(in.Message, msg); err != nil {
		return queue.Dead(fmt.Errorf("decode message %s: %w", in.Info.ID, err))
	}
	content := convert.ToMatrix(msg)
	if content == nil {
		return nil // nothing for people in it
	}
	portal, sender, err := p.place(ctx, in, login)
	if err != nil {
		return err
	}
	key := database.MessageKey{Portal: portal.ID, ID: in.Info.ID, Sender: sender.ID}
	isNew, err := p.db.AddMessage(ctx, database.Message{MessageKey: key, Sent: in.Info.Timestamp})
	if err != nil || !isNew {
		return err // it came by another login of the same group, or is our own
	}
	if err := p.ensureRoom(ctx, portal, login.ID); err != nil {
		return err
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", in.Info.ID, err)
	}
	return p.out.SendEvent(ctx, outbox.SendEvent{
		Portal: portal.ID, As: sender.UserID, Type: event.EventMessage.Type, Content: raw,
		Txn: transactionID(key), Message: &key, Sent: in.Info.Timestamp,
	})
}

// transactionID is the repeat key of the event that shows a message.
func transactionID(key database.MessageKey) string {
	return fmt.Sprintf("wa-%d-%d-%s", key.Portal, key.Sender, key.ID)
}

// place finds the portal and the sender of a message.
func (p *Portals) place(ctx context.Context, in inbox.WhatsAppMessage, login database.Login) (database.Portal, database.Puppet, error) {
	var sender database.Puppet
	portal, err := p.db.EnsurePortal(ctx, inbox.Receiver(in.Login, in.Info.Chat), inbox.ChatNames(in.Info)...)
	if err != nil {
		return portal, sender, err
	}
	if in.Info.IsFromMe {
		sender, err = p.db.PuppetByID(ctx, login.Puppet)
	} else {
		sender, err = p.people.Ensure(ctx, in.Info.Sender, in.Info.SenderAlt, in.Info.PushName)
	}
	if err != nil {
		return portal, sender, err
	}
	other := sender
	if portal.IsDirect() && in.Info.IsFromMe {
		if other, err = p.people.Ensure(ctx, in.Info.Chat, in.Info.RecipientAlt, ""); err != nil {
			return portal, sender, err
		}
	}
	if portal, err = p.direct(ctx, portal, other.ID); err != nil {
		return portal, sender, err
	}
	return portal, sender, p.enter(ctx, portal, login, "message/"+in.Info.ID)
}

// MessageFromMatrix decides about a message event in the room of a portal.
func (p *Portals) MessageFromMatrix(ctx context.Context, evt *event.Event) error {
	if evt.Sender == p.bot || p.people.IsGhost(evt.Sender) {
		return p.settleEcho(ctx, evt)
	}
	portal, err := p.db.PortalByRoom(ctx, evt.RoomID)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	if _, err := p.db.MessageByEvent(ctx, evt.ID); !errors.Is(err, database.ErrNotFound) {
		return err // decided before
	}
	login, err := p.speaker(ctx, portal, evt)
	if err != nil {
		return err
	}
	content := evt.Content.AsMessage()
	if content.RelatesTo.GetReplaceID() != "" {
		return unsupported(convert.Unsupported{Kind: "an edit"})
	}
	msg, err := convert.ToWhatsApp(content)
	if err != nil {
		return unsupported(err)
	}
	raw, err := proto.Marshal(msg)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", evt.ID, err)
	}
	key := database.MessageKey{Portal: portal.ID, ID: messageID(login.ID, evt.ID), Sender: login.Puppet}
	if _, err := p.db.AddMessage(ctx, database.Message{MessageKey: key, Event: evt.ID, Sent: timestamp(evt)}); err != nil {
		return err
	}
	return p.out.SendWhatsApp(ctx, outbox.SendWhatsApp{Login: login.ID, Chat: portal.Chat, Message: key, Content: raw})
}

// settleEcho records the event of a message of ours that came back from the homeserver: the answer to the send may
// have been lost.
func (p *Portals) settleEcho(ctx context.Context, evt *event.Event) error {
	text, _ := evt.Content.Raw[outbox.KeyField].(string)
	key, ok := outbox.ParseKey(text)
	if !ok {
		return nil
	}
	return p.db.SettleMessage(ctx, key, evt.ID)
}

func unsupported(err error) error {
	text := "This message was not sent to WhatsApp: the bridge cannot send it yet."
	if kind, ok := errors.AsType[convert.Unsupported](err); ok {
		text = fmt.Sprintf("This was not sent to WhatsApp: the bridge cannot send %s yet.", kind.Kind)
	}
	return &queue.Reject{Code: "unsupported", Text: text, Err: err}
}
