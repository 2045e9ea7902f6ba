package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// PortalField is the field of a room's creation content that names its portal, so that the room's own create event
// settles the portal even when the bridge was killed before it saw the answer to its request.
const PortalField = "chat.causeway.portal"

// ChatField is the field of a room's creation content that says which chat the room was made for, as ChatOf names it.
// Without it a bridge with a new database, whose portals are numbered from 1 again, would take the rooms of the old one
// for those of other chats.
const ChatField = "chat.causeway.chat"

// ChatOf names a portal's chat in its room's creation content.
func ChatOf(p database.Portal) string { return string(p.Receiver) + "/" + p.Chat.String() }

// MaxEventSize is the size of an event in bytes above which it is not journaled. The specification's limit is 65,536
// (Client-Server API, "Size limits"); homeservers add a little of their own.
const MaxEventSize = 1 << 20

// maxIDSize is the size of an identifier in bytes above which an event is not read; the specification's limit is 255.
const maxIDSize = 1024

// maxUnreadable is how much of an unreadable event is kept, in bytes: enough to see whose it was, not enough to fill
// the disk.
const maxUnreadable = 4096

// envelope is what is needed of an event to journal it.
type envelope struct {
	ID      id.EventID      `json:"event_id"`
	Room    id.RoomID       `json:"room_id"`
	Type    string          `json:"type"`
	Sender  id.UserID       `json:"sender"`
	Content json.RawMessage `json:"content"`
}

// AddMatrix journals the events of one transaction (Application Service API, "Pushing events"). When it returns nil the
// homeserver may be told 200. Events are recognised by their own ID: homeservers repeat events under other transaction
// IDs, and start those at 1 again when they are reset. An event that cannot be read becomes a dead letter.
//
// Of the ephemeral events (MSC2409) the receipts are journaled, behind what they may be about.
func (in *Inbox) AddMatrix(ctx context.Context, events, ephemeral []json.RawMessage) error {
	if len(events)+len(ephemeral) == 0 {
		return nil
	}
	return in.db.Write(ctx, func(ctx context.Context) error {
		for _, raw := range events {
			if err := in.addMatrixEvent(ctx, raw); err != nil {
				return err
			}
		}
		for _, raw := range ephemeral {
			if err := in.addReceipts(ctx, raw); err != nil {
				return err
			}
		}
		return nil
	})
}

func (in *Inbox) addMatrixEvent(ctx context.Context, raw json.RawMessage) error {
	var env envelope
	err := json.Unmarshal(raw, &env)
	switch {
	case len(raw) > MaxEventSize:
		return in.addUnreadable(ctx, fmt.Sprintf("the event has %d bytes", len(raw)), raw)
	case err != nil:
		return in.addUnreadable(ctx, fmt.Sprintf("the event cannot be read: %v", err), raw)
	case len(env.ID) > maxIDSize || len(env.Room) > maxIDSize || len(env.Sender) > maxIDSize:
		return in.addUnreadable(ctx, "the event has an event_id, room_id or sender that is too long", raw)
	case strings.ContainsRune(string(env.ID)+string(env.Room)+string(env.Sender), 0):
		return in.addUnreadable(ctx, "the event has a NUL in its event_id, room_id or sender", raw)
	case isAmbiguous(raw):
		return in.addUnreadable(ctx, "the event has one field in two spellings", raw)
	case env.ID == "" || env.Room == "" || env.Sender == "" || env.Type == "":
		return in.addUnreadable(ctx, "the event has no event_id, room_id, sender or type", raw)
	}
	if env.Type == event.StateCreate.Type && env.Sender == in.bot {
		return in.settleRoom(ctx, env)
	}
	lane, err := in.laneOf(ctx, env.Room)
	if err != nil {
		return err
	}
	return in.add(ctx, lane, "matrix/"+env.ID.String(), KindMatrixEvent, MatrixEvent{Event: raw})
}

// isAmbiguous reports whether an event has a field that encoding/json would take for one of the specification's though it
// is spelled in other cases. A server may put any field into the events of its users: "Sender" beside "sender" would let
// it speak for users of other servers.
func isAmbiguous(raw []byte) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return true
	}
	for field := range fields {
		for _, known := range []string{"event_id", "room_id", "type", "sender", "content", "state_key", "unsigned", "redacts", "origin_server_ts", "user_id"} {
			if field != known && strings.EqualFold(field, known) {
				return true
			}
		}
	}
	return false
}

// addUnreadable keeps what cannot be understood as a dead letter.
func (in *Inbox) addUnreadable(ctx context.Context, cause string, raw []byte) error {
	payload, err := json.Marshal(map[string]string{"raw": strings.ToValidUTF8(string(raw[:min(len(raw), maxUnreadable)]), "?")})
	if err != nil {
		return fmt.Errorf("keep unreadable event: %w", err)
	}
	return in.AddDead(ctx, cause, queue.Entry{
		Lane: "unreadable/matrix", Key: unreadableKey(raw), Kind: KindMatrixEvent, Payload: payload,
	})
}

// unreadableKey recognises an event that is pushed again and has no ID that can be trusted: by its content, without what
// the homeserver says about it, such as its age, which is another each time. Synapse puts some of that at the top level
// too (Client-Server API, "Room event format", in the form before v3).
func unreadableKey(raw []byte) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) == nil {
		maps.DeleteFunc(fields, func(field string, _ json.RawMessage) bool {
			return slices.Contains([]string{"unsigned", "age", "replaces_state", "prev_content", "redacted_because"}, strings.ToLower(field))
		})
		if rest, err := json.Marshal(fields); err == nil { // in the order of the fields' names
			raw = rest
		}
	}
	return fmt.Sprintf("unreadable/%x", sha256.Sum256(raw))
}

// settleRoom records the room of a portal from the room's create event. This is done at once, not on the portal's
// lane, so that whatever is said in the room next already finds its chat.
func (in *Inbox) settleRoom(ctx context.Context, env envelope) error {
	var content map[string]json.RawMessage
	var number database.PortalID
	var chat string
	if json.Unmarshal(env.Content, &content) != nil || json.Unmarshal(content[PortalField], &number) != nil ||
		json.Unmarshal(content[ChatField], &chat) != nil {
		return nil // a room that the bot made for another purpose
	}
	portal, err := in.db.PortalByID(ctx, number)
	if errors.Is(err, database.ErrNotFound) || err == nil && ChatOf(portal) != chat {
		return nil // a room of an earlier database, of which the homeserver still had to tell
	} else if err != nil {
		return err
	}
	_, err = in.db.SetPortalRoom(ctx, number, env.Room)
	return err
}

func (in *Inbox) laneOf(ctx context.Context, room id.RoomID) (queue.Lane, error) {
	portal, err := in.db.PortalByRoom(ctx, room)
	if errors.Is(err, database.ErrNotFound) {
		return RoomLane(room), nil
	} else if err != nil {
		return "", err
	}
	return ChatLane(portal.ID), nil
}
