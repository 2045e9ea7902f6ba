package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
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
	if in.Info.Chat == types.StatusBroadcastJID || in.Info.Chat.Server == types.NewsletterServer {
		return nil // status updates and channels are no chats
	}
	if !isPlain(in.Info.ID) {
		return queue.Dead(fmt.Errorf("read message: %q is not an ID", in.Info.ID))
	}
	login, ok, err := p.login(ctx, in.Login)
	if err != nil || !ok {
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
	if err := p.ensureDetails(ctx, portal, login.ID, in.Info.Timestamp); err != nil {
		return err
	}
	if err := p.ensureRoom(ctx, portal); err != nil {
		return err
	}
	return p.show(ctx, key, sender, in.Info.Timestamp, convert.Split(content))
}

// maxMessageID is how long a message's ID may be, in bytes. Those of WhatsApp's own programs have up to 32.
const maxMessageID = 200

// isPlain reports whether a message's ID, which its sender chose, is one that every database takes and that cannot be
// taken for one that show makes.
func isPlain(message types.MessageID) bool {
	odd := func(r rune) bool { return unicode.IsControl(r) || r == '#' }
	return message != "" && len(message) <= maxMessageID && utf8.ValidString(message) && !strings.ContainsFunc(message, odd)
}

// show adds the events that show a message: one, or several when it is too long for one. The further ones are messages
// of their own to the bridge, so that a repeat of them is recognised like any other.
func (p *Portals) show(ctx context.Context, key database.MessageKey, sender database.Puppet, sent time.Time, parts []*event.MessageEventContent) error {
	for n, part := range parts {
		key := key
		if n > 0 {
			key.ID += fmt.Sprintf("#%d", n+1)
			if _, err := p.db.AddMessage(ctx, database.Message{MessageKey: key, Sent: sent}); err != nil {
				return err
			}
		}
		raw, err := json.Marshal(part)
		if err != nil {
			return fmt.Errorf("encode message %s: %w", key.ID, err)
		}
		err = p.out.SendEvent(ctx, outbox.SendEvent{
			Portal: key.Portal, As: sender.UserID, Type: event.EventMessage.Type, Content: raw,
			Txn: transactionID(key), Message: &key, Sent: sent,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// transactionID is the repeat key of the event that shows a message.
func transactionID(key database.MessageKey) string {
	return fmt.Sprintf("wa-%d-%d-%s", key.Portal, key.Sender, key.ID)
}

// place finds the portal and the sender of a message.
func (p *Portals) place(ctx context.Context, in inbox.WhatsAppMessage, login database.Login) (database.Portal, database.Puppet, error) {
	var portal database.Portal
	var sender database.Puppet
	if in.Info.Chat.Server == types.BroadcastServer {
		if in.Info.IsFromMe {
			return portal, sender, queue.Dead(fmt.Errorf("place message %s: it went to the broadcast list %s, which is many chats", in.Info.ID, in.Info.Chat))
		}
		// To those who get it, a message to a list is one in the chat with its sender.
		in.Info.Chat, in.Info.IsGroup = in.Info.Sender.ToNonAD(), false
	}
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

// MessageFromMatrix decides about a message in the room of a portal: an event that is one, or that people mean as one.
func (p *Portals) MessageFromMatrix(ctx context.Context, evt *event.Event) error {
	if evt.Sender == p.cfg.Bot || p.people.IsGhost(evt.Sender) {
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
	if len(evt.Content.Raw) == 0 {
		return nil // its sender has removed it before it came
	}
	login, err := p.speaker(ctx, portal, evt)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	msg, err := contentOf(evt)
	if err != nil {
		return err
	}
	raw, err := proto.Marshal(msg)
	if err != nil {
		return fmt.Errorf("encode message %s: %w", evt.ID, err)
	}
	key := database.MessageKey{Portal: portal.ID, ID: messageID(login.ID, evt.ID), Sender: login.Puppet}
	if _, err := p.db.AddMessage(ctx, database.Message{MessageKey: key, Event: evt.ID, Sent: timestamp(evt)}); err != nil {
		return err
	}
	return p.out.SendWhatsApp(ctx, outbox.SendWhatsApp{Login: login.ID, Chat: portal.Chat, Message: key, Content: raw, Written: timestamp(evt)})
}

// contentOf is what an event says on WhatsApp.
func contentOf(evt *event.Event) (*waE2E.Message, error) {
	switch evt.Type.Type {
	case event.EventMessage.Type:
	case event.EventEncrypted.Type:
		return nil, &queue.Reject{Code: "encrypted", Text: "This was not sent to WhatsApp: the bridge cannot read encrypted messages yet."}
	case event.EventSticker.Type:
		return nil, unsupported(convert.Unsupported{Kind: "a sticker"})
	case "m.poll.start", event.EventUnstablePollStart.Type:
		return nil, unsupported(convert.Unsupported{Kind: "a poll"})
	default:
		return nil, unsupported(convert.Unsupported{Kind: "a message of this kind"})
	}
	content := evt.Content.AsMessage()
	if content.RelatesTo.GetReplaceID() != "" {
		return nil, unsupported(convert.Unsupported{Kind: "an edit"})
	}
	msg, err := convert.ToWhatsApp(content)
	if err != nil {
		return nil, unsupported(err)
	}
	return msg, nil
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
	text := "This was not sent to WhatsApp: the bridge cannot send it yet."
	if errors.Is(err, convert.ErrEmpty) {
		return &queue.Reject{Code: "empty", Text: "This was not sent to WhatsApp: there is no text in it."}
	}
	if kind, ok := errors.AsType[convert.Unsupported](err); ok {
		text = fmt.Sprintf("This was not sent to WhatsApp: the bridge cannot send %s yet.", kind.Kind)
	}
	return &queue.Reject{Code: "unsupported", Text: text, Err: err}
}
