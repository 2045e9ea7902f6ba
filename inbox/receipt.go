package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// ReadOnMatrix says that a user of the bridge has read the room of a portal up to an event (Client-Server API,
// "Receipts").
type ReadOnMatrix struct {
	Portal database.PortalID `json:"portal"`
	User   id.UserID         `json:"user"`
	Event  id.EventID        `json:"event"`
	At     time.Time         `json:"at"`
	// Private says that the others in the chat are not to be told.
	Private bool `json:"private,omitempty"`
}

// ReadOnWhatsApp says that somebody in a chat has read messages, or played them.
type ReadOnWhatsApp struct {
	Login    database.LoginID  `json:"login"`
	Portal   database.PortalID `json:"portal"`
	Reader   types.JID         `json:"reader"`
	Messages []types.MessageID `json:"messages"`
}

// ReadReceipt is what WhatsApp tells of messages that somebody has read or played.
type ReadReceipt struct {
	Login    database.LoginID
	Chats    []types.JID // the names that the chat goes by
	Reader   types.JID
	Messages []types.MessageID
}

// receipts is an m.receipt of the homeserver: who has read which event, by the type of the receipt.
type receipts struct {
	Type    string                                                     `json:"type"`
	Room    id.RoomID                                                  `json:"room_id"`
	Content map[id.EventID]map[event.ReceiptType]map[id.UserID]receipt `json:"content"`
}

type receipt struct {
	TS int64 `json:"ts"` // milliseconds since 1970
}

// addReceipts journals the receipts of an ephemeral event. One that is none, or is about no chat, is of no use to
// anybody: homeservers push what everybody does in the bridge's rooms.
func (in *Inbox) addReceipts(ctx context.Context, raw json.RawMessage) error {
	var r receipts
	if len(raw) > MaxEventSize || json.Unmarshal(raw, &r) != nil || r.Type != event.EphemeralEventReceipt.Type || !isID(string(r.Room)) {
		return nil
	}
	portal, err := in.db.PortalByRoom(ctx, r.Room)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	for read, kinds := range r.Content {
		for kind, readers := range kinds {
			if kind != event.ReceiptTypeRead && kind != event.ReceiptTypeReadPrivate || !isID(string(read)) {
				continue
			}
			for user, receipt := range readers {
				if !isID(string(user)) {
					continue
				}
				arrival := ReadOnMatrix{Portal: portal.ID, User: user, Event: read, At: time.UnixMilli(receipt.TS), Private: kind != event.ReceiptTypeRead}
				if err := in.addReadOnMatrix(ctx, arrival); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// isID reports whether a text can be an identifier: what every database can look for.
func isID(text string) bool {
	return text != "" && len(text) <= maxIDSize && !strings.ContainsRune(text, 0)
}

// addReadOnMatrix journals what a user has read who has an account that could say so.
func (in *Inbox) addReadOnMatrix(ctx context.Context, r ReadOnMatrix) error {
	logins, err := in.db.LoginsOf(ctx, r.User)
	if err != nil || len(logins) == 0 {
		return err
	}
	key := fmt.Sprintf("read_on_matrix/%d/%s/%s/%t", r.Portal, r.User, r.Event, r.Private)
	return in.add(ctx, ChatLane(r.Portal), key, KindReadOnMatrix, r)
}

// AddReadOnWhatsApp journals what somebody has read. A repeat, as from another of their devices, is no news. Receipts for
// chats that are not bridged are of no use.
func (in *Inbox) AddReadOnWhatsApp(ctx context.Context, r ReadReceipt) error {
	arrival := ReadOnWhatsApp{Login: r.Login, Reader: r.Reader.ToNonAD(), Messages: readable(r.Messages)}
	if len(arrival.Messages) == 0 || isStrange(arrival.Reader) || isStrange(r.Chats...) {
		return nil
	}
	return in.db.Write(ctx, func(ctx context.Context) error {
		portal, err := in.chatOf(ctx, r.Login, r.Chats)
		if errors.Is(err, database.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		arrival.Portal = portal.ID
		last := arrival.Messages[len(arrival.Messages)-1]
		key := fmt.Sprintf("read_on_whatsapp/%s/%d/%s/%s", r.Login, portal.ID, arrival.Reader, last)
		return in.add(ctx, ChatLane(portal.ID), key, KindReadOnWhatsApp, arrival)
	})
}

// chatOf finds the portal of a chat by whichever of its names is known.
func (in *Inbox) chatOf(ctx context.Context, login database.LoginID, names []types.JID) (database.Portal, error) {
	for _, name := range names {
		portal, err := in.db.PortalByChat(ctx, Receiver(login, name), name)
		if !errors.Is(err, database.ErrNotFound) {
			return portal, err
		}
	}
	return database.Portal{}, database.ErrNotFound
}

// maxReceipt is how many messages of one receipt are looked at, the last of them: they are the newest.
const maxReceipt = 256

// readable leaves out what can be no message's ID.
func readable(messages []types.MessageID) []types.MessageID {
	var list []types.MessageID
	for _, message := range messages[max(0, len(messages)-maxReceipt):] {
		if message != "" && len(message) <= maxReceiptID {
			list = append(list, message)
		}
	}
	return list
}
