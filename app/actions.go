package app

import (
	"context"

	"maunium.net/go/mautrix/id"

	"causeway/config"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
	"causeway/whatsapp"
)

// perform carries out an action on the side that its lane belongs to.
func (b *bridge) perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	if outbox.OnWhatsApp(e.Lane) {
		return b.toWhats.Perform(ctx, e)
	}
	return b.toMatrix.Perform(ctx, e)
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
	return b.in.AddSendFailed(ctx, inbox.SendFailed{Message: action.Message, Code: r.Code, Text: r.Text})
}

// permissions answers the deciders from the configuration.
type permissions struct{ levels config.Permissions }

// MayTalk reports whether the bot listens to a user at all.
func (p permissions) MayTalk(user id.UserID) bool { return p.levels.Level(user) > config.Blocked }

// MayLogIn reports whether a user may link WhatsApp accounts.
func (p permissions) MayLogIn(user id.UserID) bool { return p.levels.Level(user) >= config.User }

func whatsappConfig(cfg config.Config) whatsapp.Config {
	test := cfg.WhatsApp.TestNetwork
	return whatsapp.Config{
		OSName:     cfg.WhatsApp.OSName,
		MaxBackoff: cfg.WhatsApp.ReconnectMaxBackoff,
		Network:    whatsapp.Network{Address: test.Address, RootKey: test.RootKey, CAFile: test.CAFile},
	}
}
