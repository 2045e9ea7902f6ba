// Package outbox names everything that the bridge can do to the outside, with the key that makes a repeat harmless.
//
// Deciders add actions here, in the transaction that records why; the matrix and whatsapp packages carry them out.
package outbox

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// KeyField is the field of an event's content that names the message it shows, so that an event which comes back from
// the homeserver settles its own message even when the answer to the send was lost.
const KeyField = "chat.causeway.key"

// Outbox is the way out.
type Outbox struct{ *queue.Queue }

// New returns the outbox.
func New(db *database.DB) *Outbox { return &Outbox{queue.New(db, "outbox")} }

// RoomOf names a portal's room, for actions that wait for it (queue.Park, queue.Provide).
func RoomOf(p database.PortalID) string { return fmt.Sprintf("room/%d", p) }

// DetailsOf names a group's details, for actions that wait for them.
func DetailsOf(p database.PortalID) string { return fmt.Sprintf("details/%d", p) }

// ConnectionOf names a login's connection, for actions that wait for it.
func ConnectionOf(login database.LoginID) string { return "connection/" + string(login) }

// Lanes. What the kind of a lane decides is who carries it out: see OnWhatsApp.
func roomLane(p database.PortalID) queue.Lane   { return queue.Lane(fmt.Sprintf("room/%d", p)) }
func memberLane(p database.PortalID) queue.Lane { return queue.Lane(fmt.Sprintf("members/%d", p)) }
func botLane(room id.RoomID) queue.Lane         { return queue.Lane("bot/" + room.String()) }
func ghostLane(user id.UserID) queue.Lane       { return queue.Lane("ghost/" + user.String()) }
func sendLane(login database.LoginID, p database.PortalID) queue.Lane {
	return queue.Lane(fmt.Sprintf("whatsapp/%s/%d", login, p))
}
func askLane(login database.LoginID) queue.Lane { return queue.Lane("ask/" + string(login)) }
func statusLane(room id.RoomID) queue.Lane      { return queue.Lane("status/" + room.String()) }
func requestLane(a RequestMessage) queue.Lane {
	return queue.Lane(fmt.Sprintf("request/%s/%d/%d/%s", a.Login, a.Message.Portal, a.Message.Sender, a.Message.ID))
}
func receiptLane(login database.LoginID, p database.PortalID) queue.Lane {
	return queue.Lane(fmt.Sprintf("receipt/%s/%d", login, p))
}
func pairLane(user id.UserID) queue.Lane { return queue.Lane("pair/" + user.String()) }

// Subject says what the actions of a lane are about.
func Subject(lane queue.Lane) queue.Subject {
	kind, rest, _ := strings.Cut(string(lane), "/")
	switch kind {
	case "room", "members":
		return queue.Subject{Portal: queue.ParsePortal(rest)}
	case "bot", "status":
		return queue.Subject{Room: rest}
	case "whatsapp", "receipt":
		login, portal, _ := strings.Cut(rest, "/")
		return queue.Subject{Login: database.LoginID(login), Portal: queue.ParsePortal(portal)}
	case "ask":
		return queue.Subject{Login: database.LoginID(rest)}
	case "request":
		login, rest, _ := strings.Cut(rest, "/")
		portal, _, _ := strings.Cut(rest, "/")
		return queue.Subject{Login: database.LoginID(login), Portal: queue.ParsePortal(portal)}
	case "pair", "ghost":
		return queue.Subject{User: rest}
	}
	return queue.Subject{}
}

// OnWhatsApp reports whether the actions of a lane are carried out on WhatsApp's side.
func OnWhatsApp(lane queue.Lane) bool {
	switch lane.Kind() {
	case "whatsapp", "ask", "pair", "request", "receipt":
		return true
	}
	return false
}

// KindOf tells apart the lanes that may be worked side by side only in a limited number: of one kind on Matrix's side, of
// one login on WhatsApp's, so that a login whose connection is slow never delays another.
func KindOf(lane queue.Lane) string {
	if !OnWhatsApp(lane) {
		return lane.Kind()
	}
	parts := strings.SplitN(string(lane), "/", 3)
	return strings.Join(parts[:min(len(parts), 2)], "/")
}

// CreateRoom adds that action. Further ones for the same portal change nothing.
func (o *Outbox) CreateRoom(ctx context.Context, a CreateRoom) error {
	return o.add(ctx, roomLane(a.Portal), fmt.Sprintf("create/%d", a.Portal), KindCreateRoom, a)
}

// SendEvent adds that action.
func (o *Outbox) SendEvent(ctx context.Context, a SendEvent) error {
	return o.add(ctx, roomLane(a.Portal), "event/"+a.Txn, KindSendEvent, a)
}

// SendNotice adds that action.
func (o *Outbox) SendNotice(ctx context.Context, a SendNotice) error {
	return o.add(ctx, botLane(a.Room), "notice/"+a.Txn, KindSendNotice, a)
}

// RemoveNotice adds that action, behind what the bot still has to say in the room.
func (o *Outbox) RemoveNotice(ctx context.Context, room id.RoomID, a RemoveNotice) error {
	return o.add(ctx, botLane(room), "remove/"+a.Name, KindRemoveNotice, a)
}

// JoinRoom adds that action. key names the occasion, such as the invitation's event.
func (o *Outbox) JoinRoom(ctx context.Context, key string, a JoinRoom) error {
	lane := botLane(a.Room)
	if a.Portal != 0 {
		lane = memberLane(a.Portal)
	}
	return o.add(ctx, lane, fmt.Sprintf("join/%s%d/%s/%s", a.Room, a.Portal, a.As, key), KindJoinRoom, a)
}

// LeaveRoom adds that action. key names the occasion.
func (o *Outbox) LeaveRoom(ctx context.Context, key string, a LeaveRoom) error {
	return o.add(ctx, memberLane(a.Portal), fmt.Sprintf("leave/%d/%s/%s", a.Portal, a.User, key), KindLeaveRoom, a)
}

// Invite adds that action. key names the occasion.
func (o *Outbox) Invite(ctx context.Context, key string, a Invite) error {
	return o.add(ctx, memberLane(a.Portal), fmt.Sprintf("invite/%d/%s/%s", a.Portal, a.User, key), KindInvite, a)
}

// SetProfile adds that action. Its key is new each time: a name may come back.
func (o *Outbox) SetProfile(ctx context.Context, a SetProfile) error {
	return o.add(ctx, ghostLane(a.User), "profile/"+rand.Text(), KindSetProfile, a)
}

// SetState adds that action. Its key is new each time: a state may come back.
func (o *Outbox) SetState(ctx context.Context, a SetState) error {
	return o.add(ctx, roomLane(a.Portal), "state/"+rand.Text(), KindSetState, a)
}

// SendWhatsApp adds that action.
func (o *Outbox) SendWhatsApp(ctx context.Context, a SendWhatsApp) error {
	return o.add(ctx, sendLane(a.Login, a.Message.Portal), a.Key(), KindSendWhatsApp, a)
}

// Key names the action, for those that are of no use once it is done.
func (a SendWhatsApp) Key() string {
	return fmt.Sprintf("whatsapp/%s/%d/%s", a.Login, a.Message.Portal, a.Message.ID)
}

// SentBy is the login whose SendWhatsApp action has a key.
func SentBy(key string) database.LoginID {
	_, rest, _ := strings.Cut(key, "/")
	login, _, _ := strings.Cut(rest, "/")
	return database.LoginID(login)
}

// SentOf names the end of a SendWhatsApp action with a key, for those that wait for it (queue.Park, queue.Provide).
func SentOf(key string) string { return "sent/" + key }

// SendStatus adds that action.
func (o *Outbox) SendStatus(ctx context.Context, a SendStatus) error {
	return o.add(ctx, statusLane(a.Room), StatusKey(a.Txn), KindSendStatus, a)
}

// StatusKey is the key of the status with a transaction.
func StatusKey(txn string) string { return "status/" + txn }

// MarkRead adds that action: behind the message that it names, or where it delays nothing.
func (o *Outbox) MarkRead(ctx context.Context, a MarkRead) error {
	lane, read := statusLane(a.Room), a.Event.String()
	if a.Message != nil {
		lane, read = roomLane(a.Message.Portal), FormatKey(*a.Message)
	}
	return o.add(ctx, lane, fmt.Sprintf("read/%s/%s/%s", a.Room, read, a.As), KindMarkRead, a)
}

// SendReceipt adds that action. key names the occasion.
func (o *Outbox) SendReceipt(ctx context.Context, key string, a SendReceipt) error {
	return o.add(ctx, receiptLane(a.Login, a.Portal), fmt.Sprintf("receipt/%s/%d/%s/%s", a.Login, a.Portal, a.Sender, key), KindSendReceipt, a)
}

// Pair adds that action.
func (o *Outbox) Pair(ctx context.Context, a Pair) error {
	return o.add(ctx, pairLane(a.User), "pair/"+a.Flow, KindPair, a)
}

// StopPairing adds that action.
func (o *Outbox) StopPairing(ctx context.Context, a StopPairing) error {
	return o.add(ctx, pairLane(a.User), "stop_pairing/"+a.Flow, KindStopPairing, a)
}

// LogOut adds that action. key names the occasion.
func (o *Outbox) LogOut(ctx context.Context, key string, a LogOut) error {
	return o.add(ctx, askLane(a.Login), fmt.Sprintf("log_out/%s/%s", a.Device, key), KindLogOut, a)
}

// LookUpNumber adds that action.
func (o *Outbox) LookUpNumber(ctx context.Context, a LookUpNumber) error {
	return o.add(ctx, askLane(a.Login), "number/"+a.Key, KindLookUpNumber, a)
}

// FetchGroup adds that action.
func (o *Outbox) FetchGroup(ctx context.Context, a FetchGroup) error {
	return o.add(ctx, askLane(a.Login), fmt.Sprintf("group/%s/%s", a.Group, a.Key), KindFetchGroup, a)
}

// AcceptInvite adds that action.
func (o *Outbox) AcceptInvite(ctx context.Context, a AcceptInvite) error {
	return o.add(ctx, askLane(a.Login), fmt.Sprintf("accept/%s/%s", a.Login, a.Event), KindAcceptInvite, a)
}

// RequestMessage adds that action, to be carried out at a time. Each message has a lane of its own, so that none waits
// for another's turn.
func (o *Outbox) RequestMessage(ctx context.Context, at time.Time, a RequestMessage) error {
	lane := requestLane(a)
	return o.addAt(ctx, at, lane, fmt.Sprintf("%s/%d", lane, a.Try), KindRequestMessage, a)
}

// RequestFile adds that action, to be carried out at a time.
func (o *Outbox) RequestFile(ctx context.Context, at time.Time, a RequestFile) error {
	lane := requestLane(RequestMessage{Login: a.Login, Message: a.Message})
	return o.addAt(ctx, at, lane, fmt.Sprintf("%s/file/%d/%d", lane, a.Round, a.Try), KindRequestFile, a)
}

// Pin adds that action, behind what shows the message. Its key is new each time: a pin may come back.
func (o *Outbox) Pin(ctx context.Context, a Pin) error {
	return o.add(ctx, roomLane(a.Portal), "pin/"+rand.Text(), KindPin, a)
}

func (o *Outbox) add(ctx context.Context, lane queue.Lane, key, kind string, v any) error {
	return o.addAt(ctx, time.Time{}, lane, key, kind, v)
}

func (o *Outbox) addAt(ctx context.Context, at time.Time, lane queue.Lane, key, kind string, v any) error {
	payload, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	// Postgres takes no NUL characters in text; a key is made of what strangers send.
	return o.Add(ctx, queue.Entry{Lane: lane, Key: strings.ReplaceAll(key, "\x00", ""), Kind: kind, Payload: payload, NotBefore: at})
}

// ErrUnreadable says that an action cannot be read.
var ErrUnreadable = errors.New("the action cannot be read")

// Decode reads the action of an entry. An action that cannot be read will never be: it becomes a dead letter.
func Decode[T any](e queue.Entry) (T, error) {
	var v T
	if err := json.Unmarshal(e.Payload, &v); err != nil {
		return v, queue.Dead(fmt.Errorf("decode %s: %w: %w", e.Kind, ErrUnreadable, err))
	}
	return v, nil
}
