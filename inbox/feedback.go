package inbox

import (
	"context"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
)

// SendFailed says that a message from Matrix will not reach WhatsApp.
type SendFailed struct {
	Message database.MessageKey `json:"message"`
	Code    string              `json:"code"`
	Text    string              `json:"text"` // for the user
	// Occasion names this failure: a message that is tried again by hand may fail again.
	Occasion string `json:"occasion"`
}

// SentOtherwise says that a message from Matrix has reached WhatsApp, but not as its sender may expect.
type SentOtherwise struct {
	Message database.MessageKey `json:"message"`
	Text    string              `json:"text"` // for the user
}

// SendDelayed says that a message from Matrix waits for long.
type SendDelayed struct {
	Message database.MessageKey `json:"message"`
	Login   database.LoginID    `json:"login"`
	Action  string              `json:"action"` // the key of the outbox's entry that waits
	// First is whether it is the first that waits in its chat.
	First bool `json:"first,omitempty"`
}

// ShowFailed says that a message from WhatsApp could not be shown in its room.
type ShowFailed struct {
	Message database.MessageKey `json:"message"`
	Entry   int64               `json:"entry"` // the dead letter
}

// Delivered says that a message of a login has reached a device of the other person in a direct chat.
type Delivered struct {
	Login   database.LoginID  `json:"login"`
	Portal  database.PortalID `json:"portal"`
	Message types.MessageID   `json:"message"`
}

// DeliveryReceipt is what WhatsApp tells when messages have reached a device of the other person in a direct chat.
type DeliveryReceipt struct {
	Login    database.LoginID
	Chats    []types.JID // the names that the chat goes by
	Messages []types.MessageID
}

// AddSendFailed journals that a message will not reach WhatsApp.
func (in *Inbox) AddSendFailed(ctx context.Context, f SendFailed) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("send_failed/%d/%s/%s", f.Message.Portal, f.Message.ID, f.Occasion)
		return in.add(ctx, ChatLane(f.Message.Portal), key, KindSendFailed, f)
	})
}

// AddSentOtherwise journals that a message was sent in another way than its sender may expect, once for each.
func (in *Inbox) AddSentOtherwise(ctx context.Context, o SentOtherwise) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("sent_otherwise/%d/%s", o.Message.Portal, o.Message.ID)
		return in.add(ctx, ChatLane(o.Message.Portal), key, KindSentOtherwise, o)
	})
}

// AddSendDelayed journals that a message waits for long, once for each message, and once more if it has become the
// first of its chat.
func (in *Inbox) AddSendDelayed(ctx context.Context, d SendDelayed) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("send_delayed/%t/%s", d.First, d.Action)
		return in.add(ctx, ChatLane(d.Message.Portal), key, KindSendDelayed, d)
	})
}

// AddShowFailed journals that a message could not be shown.
func (in *Inbox) AddShowFailed(ctx context.Context, f ShowFailed) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		return in.add(ctx, ChatLane(f.Message.Portal), fmt.Sprintf("show_failed/%d", f.Entry), KindShowFailed, f)
	})
}

// maxReceiptID is the length in bytes above which a message's ID in a receipt is none of ours; those have 22.
const maxReceiptID = 200

// AddDelivered journals a delivery receipt, coalesced by message: each device of the other person sends one, and a
// repeat is no news. Receipts for chats that are not bridged are of no use.
func (in *Inbox) AddDelivered(ctx context.Context, r DeliveryReceipt) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		portal, err := in.chatOf(ctx, r.Login, r.Chats)
		if errors.Is(err, database.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		return in.addDelivered(ctx, portal.ID, r)
	})
}

func (in *Inbox) addDelivered(ctx context.Context, portal database.PortalID, r DeliveryReceipt) error {
	for _, message := range r.Messages {
		if message == "" || len(message) > maxReceiptID {
			continue
		}
		d := Delivered{Login: r.Login, Portal: portal, Message: message}
		key := fmt.Sprintf("delivered/%s/%d/%s", r.Login, portal, message)
		if err := in.add(ctx, ChatLane(portal), key, KindDelivered, d); err != nil {
			return err
		}
	}
	return nil
}
