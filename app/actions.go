package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/config"
	"causeway/inbox"
	"causeway/live"
	"causeway/outbox"
	"causeway/queue"
	"causeway/whatsapp"
)

// perform carries out an action on the side that its lane belongs to.
func (b *bridge) perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	if !outbox.OnWhatsApp(e.Lane) {
		return b.toMatrix.Perform(ctx, e)
	}
	settle, err := b.toWhats.Perform(ctx, e)
	if err != nil || e.Kind != outbox.KindSendWhatsApp {
		return settle, err
	}
	return b.accepted(e, settle), nil
}

// accepted lets the chat say that one of its messages was taken, in the transaction that closes the action.
func (b *bridge) accepted(e queue.Entry, settle queue.Settle) queue.Settle {
	return func(ctx context.Context) error {
		if settle != nil {
			if err := settle(ctx); err != nil {
				return err
			}
		}
		action, err := outbox.Decode[outbox.SendWhatsApp](e)
		if err != nil {
			return err
		}
		if err := b.wakeFollowers(ctx, action); err != nil {
			return err
		}
		return b.chats.Accepted(ctx, action, time.Since(e.Added))
	}
}

// wakeFollowers lets what other logins of a group have to say about a message go on, now that its own action is over.
func (b *bridge) wakeFollowers(ctx context.Context, a outbox.SendWhatsApp) error {
	if a.Chat.Server != types.GroupServer {
		return nil // a direct chat is one login's
	}
	return b.out.Provide(ctx, outbox.SentOf(a.Key()))
}

// notSent lets the chat know that one of its messages was refused, so that its sender is told.
func (b *bridge) notSent(ctx context.Context, e queue.Entry, r *queue.Reject) error {
	if e.Kind != outbox.KindSendWhatsApp {
		return nil
	}
	action, err := outbox.Decode[outbox.SendWhatsApp](e)
	if err != nil {
		return err
	}
	if err := b.wakeFollowers(ctx, action); err != nil {
		return err
	}
	return b.in.AddSendFailed(ctx, inbox.SendFailed{Message: action.Message, Code: r.Code, Text: r.Text, Occasion: rand.Text()})
}

// buried lets the chat know that one of its messages, from either side, has become a dead letter. One that cannot be
// read is only listed.
func (b *bridge) buried(ctx context.Context, e queue.Entry, _ error) error {
	switch e.Kind {
	case outbox.KindSendWhatsApp:
		text := fmt.Sprintf("This was not sent to WhatsApp: the bridge has given up. Its administrator can try it again as dead letter %d.", e.ID)
		if err := b.notSent(ctx, e, &queue.Reject{Code: "given_up", Text: text}); err != nil && !errors.Is(err, outbox.ErrUnreadable) {
			return err
		}
	case outbox.KindSendEvent:
		action, err := outbox.Decode[outbox.SendEvent](e)
		if err == nil && action.Message != nil {
			return b.in.AddShowFailed(ctx, inbox.ShowFailed{Message: *action.Message, Entry: e.ID})
		}
	}
	return nil
}

// typing hands on who is typing on WhatsApp.
func (b *bridge) typing(t whatsapp.Typing) {
	b.signs.FromWhatsApp(live.OnWhatsApp{Login: t.Login, Chats: t.Chats, Sender: t.Sender, Typing: t.Typing})
}

// permissions answers the deciders from the configuration.
type permissions struct{ levels config.Permissions }

// MayTalk reports whether the bot listens to a user at all.
func (p permissions) MayTalk(user id.UserID) bool { return p.levels.Level(user) > config.Blocked }

// MayLogIn reports whether a user may link WhatsApp accounts.
func (p permissions) MayLogIn(user id.UserID) bool { return p.levels.Level(user) >= config.User }

// IsAdmin reports whether a user may look after the bridge.
func (p permissions) IsAdmin(user id.UserID) bool { return p.levels.Level(user) >= config.Admin }

func whatsappConfig(cfg config.Config) whatsapp.Config {
	test := cfg.WhatsApp.TestNetwork
	return whatsapp.Config{
		OSName:     cfg.WhatsApp.OSName,
		MaxBackoff: cfg.WhatsApp.ReconnectMaxBackoff,
		Receipts:   whatsapp.Receipts{Delivered: cfg.Bridge.MessageStatusEvents, Read: cfg.Bridge.ReadReceipts},
		Timing:     whatsapp.Timing{MaxAge: cfg.Outbox.MaxAge},
		Network:    whatsapp.Network{Address: test.Address, RootKey: test.RootKey, CAFile: test.CAFile},
	}
}
