package whatsapp

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

func (b *bridge) decide(_ context.Context, e queue.Entry) (queue.Settle, error) {
	return func(ctx context.Context) error {
		if e.Kind == inbox.KindPairing {
			var p inbox.Pairing
			if err := json.Unmarshal(e.Payload, &p); err != nil {
				return err
			}
			if p.Step == inbox.PairingDone {
				if err := b.putLogin(ctx, p); err != nil {
					return err
				}
			}
		}
		if e.Kind == inbox.KindLoginChanged {
			var l inbox.LoginChanged
			if err := json.Unmarshal(e.Payload, &l); err != nil {
				return err
			}
			if l.State != "" {
				row := database.Login{ID: l.Login, State: l.State, StateDetail: l.Detail, StateSince: l.At, RetryAt: l.Retry}
				if err := b.db.SetLoginState(ctx, row); err != nil {
					return err
				}
				if l.State == database.StateLoggedOut {
					if err := b.out.Provide(ctx, outbox.ConnectionOf(l.Login)); err != nil {
						return err
					}
				}
			}
		}
		if err := b.follow(ctx, e); err != nil {
			return err
		}
		b.db.AfterCommit(ctx, func() {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.arrived = append(b.arrived, e)
			b.signal()
		})
		return nil
	}, nil
}

// follow notes which messages are awaited and which have come, and has the phone asked at once.
func (b *bridge) follow(ctx context.Context, e queue.Entry) error {
	var in struct {
		Login database.LoginID
		Info  types.MessageInfo
	}
	if e.Kind != inbox.KindUndecryptable && e.Kind != inbox.KindWhatsAppMessage {
		return nil
	} else if err := json.Unmarshal(e.Payload, &in); err != nil {
		return err
	}
	portal, err := b.db.EnsurePortal(ctx, inbox.Receiver(in.Login, in.Info.Chat), inbox.ChatNames(in.Info)...)
	if err != nil {
		return err
	}
	sender, err := b.db.PuppetByJID(ctx, in.Info.Sender.ToNonAD())
	if errors.Is(err, database.ErrNotFound) {
		sender, err = b.db.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_lid-" + in.Info.Sender.User + ":example.com"), LID: in.Info.Sender.ToNonAD()})
	}
	if err != nil {
		return err
	}
	key := database.MessageKey{Portal: portal.ID, ID: in.Info.ID, Sender: sender.ID}
	if e.Kind == inbox.KindWhatsAppMessage {
		if _, err = b.db.TakeAwaited(ctx, key); errors.Is(err, database.ErrNotFound) {
			return nil
		}
		return err
	}
	if _, err := b.db.AddAwaited(ctx, database.Awaited{MessageKey: key, Since: in.Info.Timestamp}); err != nil {
		return err
	}
	return b.out.RequestMessage(ctx, time.Time{}, outbox.RequestMessage{Login: in.Login, Chat: in.Info.Chat, Sender: in.Info.Sender.ToNonAD(), Message: key})
}

func (b *bridge) putLogin(ctx context.Context, p inbox.Pairing) error {
	puppet, err := b.db.PuppetByJID(ctx, p.Account.PN)
	if err != nil {
		puppet, err = b.db.AddPuppet(ctx, database.Puppet{UserID: id.UserID("@whatsapp_" + string(p.Account.Login) + ":example.com"),
			LID: p.Account.LID, PN: p.Account.PN})
	}
	if err != nil {
		return err
	}
	return b.db.PutLogin(ctx, database.Login{ID: p.Account.Login, User: p.User, Puppet: puppet.ID, Device: p.Account.Device,
		State: database.StateConnecting, StateSince: time.Now()})
}

func (b *bridge) rejected(ctx context.Context, _ queue.Entry, r *queue.Reject) error {
	b.db.AfterCommit(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.reject = append(b.reject, *r)
		b.signal()
	})
	return nil
}
