package user

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
)

const (
	welcome = "Hello! I connect this Matrix account with WhatsApp. Write \"login qr\" or \"login phone\" with your number to link your WhatsApp account, or \"help\" to see what I can do."
	visitor = "Hello! To see what I can do here, write \"!wa help\"; or write to me in a direct chat."
	blocked = "You are not allowed to use this bridge. Ask its administrator to add you to \"bridge.permissions\" in its configuration."
	sealed  = "I cannot read encrypted messages yet. Please start a direct chat with me in which encryption is switched off, and write there."
)

// BotInvited decides about somebody who asks the bot into a room. A direct room with it, or the first room of a user,
// is where the two talk; into the room of a chat it only comes back.
func (u *Users) BotInvited(ctx context.Context, evt *event.Event) error {
	if err := u.out.JoinRoom(ctx, evt.ID.String(), outbox.JoinRoom{Room: evt.RoomID, As: id.UserID(evt.GetStateKey())}); err != nil {
		return err
	}
	if _, err := u.db.PortalByRoom(ctx, evt.RoomID); !errors.Is(err, database.ErrNotFound) {
		return err
	}
	text := visitor
	switch member := evt.Content.AsMember(); {
	case !u.permit.MayTalk(evt.Sender):
		text = blocked
	default:
		row, err := u.db.UserByID(ctx, evt.Sender)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		if member.IsDirect || row.ManagementRoom == "" {
			text = welcome
			if err := u.db.PutManagementRoom(ctx, database.User{ID: evt.Sender, ManagementRoom: evt.RoomID}); err != nil {
				return err
			}
		}
	}
	return u.out.SendNotice(ctx, outbox.SendNotice{Room: evt.RoomID, Txn: "welcome-" + evt.ID.String(), Text: text})
}

// Left decides about a user and the bot who are no longer together in a room: when it was where they talked, the next
// one will be.
func (u *Users) Left(ctx context.Context, user id.UserID, room id.RoomID) error {
	row, err := u.db.UserByID(ctx, user)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.ManagementRoom != room {
		return nil
	} else if err != nil {
		return err
	}
	return u.db.PutManagementRoom(ctx, database.User{ID: row.ID})
}

// Sealed decides about an encrypted message to the bot, which it cannot read: it says so, once in each room.
func (u *Users) Sealed(ctx context.Context, evt *event.Event) error {
	if !u.permit.MayTalk(evt.Sender) {
		return nil
	}
	return u.out.SendNotice(ctx, outbox.SendNotice{Room: evt.RoomID, Txn: "sealed-" + evt.RoomID.String(), Text: sealed})
}
