// Package inbox names everything that can arrive at the bridge, and journals it before whoever sent it is told that it
// was received.
package inbox

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// Inbox is the way in.
type Inbox struct {
	*queue.Queue

	db  *database.DB
	bot id.UserID
}

// New returns the inbox of the bridge whose bot is given.
func New(db *database.DB, bot id.UserID) *Inbox {
	return &Inbox{Queue: queue.New(db, "inbox"), db: db, bot: bot}
}

// ChatLane is the lane of everything that concerns one chat, from either side.
func ChatLane(p database.PortalID) queue.Lane { return queue.Lane(fmt.Sprintf("chat/%d", p)) }

// RoomLane is the lane of a room that is no chat's.
func RoomLane(room id.RoomID) queue.Lane { return queue.Lane("room/" + room.String()) }

// UserLane is the lane of what concerns a user and no chat.
func UserLane(user id.UserID) queue.Lane { return queue.Lane("user/" + user.String()) }

// LoginLane is the lane of what concerns a login and no chat.
func LoginLane(login database.LoginID) queue.Lane { return queue.Lane("login/" + string(login)) }

// Subject says what the arrivals of a lane are about.
func Subject(lane queue.Lane) queue.Subject {
	kind, rest, _ := strings.Cut(string(lane), "/")
	switch kind {
	case "chat":
		return queue.Subject{Portal: queue.ParsePortal(rest)}
	case "late":
		portal, _, _ := strings.Cut(rest, "/")
		return queue.Subject{Portal: queue.ParsePortal(portal)}
	case "room":
		return queue.Subject{Room: rest}
	case "user":
		return queue.Subject{User: rest}
	case "login":
		return queue.Subject{Login: database.LoginID(rest)}
	}
	return queue.Subject{}
}

// lateLane is the lane of what was set aside until a message comes. It cannot be the chat's, on which the message itself
// will come: a lane waits for its head.
func lateLane(target database.MessageKey) queue.Lane {
	return queue.Lane(fmt.Sprintf("late/%d/%d/%s", target.Portal, target.Sender, target.ID))
}

// MessageOf names a message's row, for arrivals that wait for it.
func MessageOf(key database.MessageKey) string {
	return fmt.Sprintf("message/%d/%d/%s", key.Portal, key.Sender, key.ID)
}

// LoginOf names a login's row, for arrivals that wait for it (queue.Park, queue.Provide).
func LoginOf(login database.LoginID) string { return "login/" + string(login) }

// AddWhatsApp journals one message. When it returns nil the message may be acknowledged.
// What names people in a way that no database takes becomes a dead letter.
func (in *Inbox) AddWhatsApp(ctx context.Context, m WhatsAppMessage) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		if isStrange(namesIn(m.Info)...) {
			return in.addStrange(ctx, m.Login, KindWhatsAppMessage, m)
		}
		portal, err := in.db.EnsurePortal(ctx, Receiver(m.Login, m.Info.Chat), ChatNames(m.Info)...)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("whatsapp/%s/%d/%s/%s", m.Login, portal.ID, m.Info.Sender.ToNonAD(), m.Info.ID)
		return in.add(ctx, ChatLane(portal.ID), key, KindWhatsAppMessage, m)
	})
}

// SetAside puts a message, which changes one that has not come, on a lane of its own, behind whatever else waits for
// the same. There it may wait (queue.Park, MessageOf) without holding up the chat.
func (in *Inbox) SetAside(ctx context.Context, target database.MessageKey, m WhatsAppMessage, until time.Time) error {
	m.Until = until
	key := fmt.Sprintf("late/%d/%d/%s/%s/%s", target.Portal, target.Sender, target.ID, m.Info.Sender.ToNonAD(), m.Info.ID)
	return in.add(ctx, lateLane(target), key, KindWhatsAppMessage, m)
}

// HasLate reports whether something waits that changes a message: what comes later must wait behind it.
func (in *Inbox) HasLate(ctx context.Context, target database.MessageKey) (bool, error) {
	return in.HasOpen(ctx, lateLane(target))
}

// AddGroupChanged journals what a login learned about a group.
func (in *Inbox) AddGroupChanged(ctx context.Context, g GroupChanged) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		if isStrange(g.names()...) {
			return in.addStrange(ctx, g.Login, KindGroupChanged, g)
		}
		portal, err := in.db.EnsurePortal(ctx, "", g.Group)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("group/%s/%s/%s", g.Login, g.Group, g.Key)
		return in.add(ctx, ChatLane(portal.ID), key, KindGroupChanged, g)
	})
}

// AddContactChanged journals that a login learned a person's name. key names the occasion.
func (in *Inbox) AddContactChanged(ctx context.Context, login database.LoginID, key string, c ContactChanged) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		if isStrange(c.LID, c.PN) {
			return in.addStrange(ctx, login, KindContactChanged, c)
		}
		return in.add(ctx, LoginLane(login), fmt.Sprintf("contact/%s/%s", login, key), KindContactChanged, c)
	})
}

// AddLoginChanged journals what became of a login's connection.
func (in *Inbox) AddLoginChanged(ctx context.Context, l LoginChanged) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("login/%s/%s/%d", l.Login, l.State, l.At.UnixNano())
		return in.add(ctx, LoginLane(l.Login), key, KindLoginChanged, l)
	})
}

// AddPairing journals a step of a login.
func (in *Inbox) AddPairing(ctx context.Context, p Pairing) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("pairing/%s/%s/%d/%s", p.User, p.Flow, p.Serial, p.Step)
		return in.add(ctx, UserLane(p.User), key, KindPairing, p)
	})
}

// AddNumberLookedUp journals the answer to a question for a number.
func (in *Inbox) AddNumberLookedUp(ctx context.Context, n NumberLookedUp) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		return in.add(ctx, UserLane(n.User), "number/"+n.Key, KindNumberLookedUp, n)
	})
}

// AddUndecryptable journals that a message came which cannot be decrypted.
func (in *Inbox) AddUndecryptable(ctx context.Context, u Undecryptable) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		if isStrange(namesIn(u.Info)...) {
			return in.addStrange(ctx, u.Login, KindUndecryptable, u)
		}
		portal, err := in.db.EnsurePortal(ctx, Receiver(u.Login, u.Info.Chat), ChatNames(u.Info)...)
		if err != nil {
			return err
		}
		key := fmt.Sprintf("undecryptable/%s/%d/%s/%s", u.Login, portal.ID, u.Info.Sender.ToNonAD(), u.Info.ID)
		return in.add(ctx, ChatLane(portal.ID), key, KindUndecryptable, u)
	})
}

// AddMessageLost journals that a message which could not be decrypted is not asked for any more.
func (in *Inbox) AddMessageLost(ctx context.Context, l MessageLost) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("message_lost/%d/%d/%s", l.Message.Portal, l.Message.Sender, l.Message.ID)
		return in.add(ctx, ChatLane(l.Message.Portal), key, KindMessageLost, l)
	})
}

func (in *Inbox) add(ctx context.Context, lane queue.Lane, key, kind string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	// Postgres takes no NUL characters in text; a key is made of what strangers send.
	return in.Add(ctx, queue.Entry{Lane: lane, Key: bounded(strings.ReplaceAll(key, "\x00", "")), Kind: kind, Payload: payload})
}

// Receiver says whose chat it is: a direct chat is the login's own, what several logins may be in is shared.
func Receiver(login database.LoginID, chat types.JID) database.LoginID {
	if chat.Server == types.GroupServer || chat.Server == types.NewsletterServer {
		return ""
	}
	return login
}

// ChatNames lists the names that a message's chat goes by, the LID first.
func ChatNames(info types.MessageInfo) []types.JID {
	alt := info.SenderAlt
	if info.IsFromMe {
		alt = info.RecipientAlt
	}
	names := []types.JID{info.Chat.ToNonAD()}
	if info.Chat.Server == types.GroupServer || alt.IsEmpty() || info.IsGroup {
		return names
	}
	if alt.Server == types.HiddenUserServer {
		return []types.JID{alt.ToNonAD(), names[0]}
	}
	return append(names, alt.ToNonAD())
}
