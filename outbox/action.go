package outbox

import (
	"encoding/json"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// Kinds of action, as they stand in the queue, each with the key that makes a repeat harmless.
const (
	KindCreateRoom   = "create_room"   // the room's alias, made from the portal's ID
	KindSendEvent    = "send_event"    // the transaction ID, and our key in the content
	KindSendNotice   = "send_notice"   // the transaction ID; the name of the event for those that are changed later
	KindRemoveNotice = "remove_notice" // idempotent by nature
	KindJoinRoom     = "join_room"     // idempotent by nature
	KindLeaveRoom    = "leave_room"    // idempotent by nature
	KindInvite       = "invite"        // idempotent by nature: whoever is in the room or invited is not invited again
	KindSetProfile   = "set_profile"   // idempotent by nature
	KindSetState     = "set_state"     // idempotent by nature
	KindSendWhatsApp = "send_whatsapp" // the message ID, chosen at the decision
	KindPair         = "pair"          // the login flow: a repeat is a new code of the same flow
	KindStopPairing  = "stop_pairing"  // idempotent by nature
	KindLogOut       = "log_out"       // idempotent by nature
	KindLookUpNumber = "look_up_number"
	KindFetchGroup   = "fetch_group"
	KindAcceptInvite = "accept_invite" // idempotent by nature: who is in the group has joined it
	KindSendStatus   = "send_status"   // the transaction ID
	KindMarkRead     = "mark_read"     // idempotent by nature
	KindSendReceipt  = "send_receipt"  // idempotent by nature
	// The number of the question: a phone that is asked twice answers twice, which is one message.
	KindRequestMessage = "request_message"
	KindRequestFile    = "request_file" // the same
	KindPin            = "pin"          // idempotent by nature
)

// CreateRoom makes the room of a portal under an alias of the portal, with its name and people as the rows have them
// when it is carried out. It waits (queue.Park, DetailsOf) while a group's details are not known.
type CreateRoom struct {
	Portal database.PortalID `json:"portal"`
}

// SendEvent posts an event to the room of a portal, as a ghost or as the bot.
type SendEvent struct {
	Portal  database.PortalID `json:"portal"`
	As      id.UserID         `json:"as"`
	Type    string            `json:"type"`
	Txn     string            `json:"txn"`
	Content json.RawMessage   `json:"content"`
	// Message is the pair to settle; its key is put into the content as KeyField. Nil for events that show no message.
	Message *database.MessageKey `json:"message,omitempty"`
	// About, if set, is the message that the event changes, reacts to, answers or removes, and whose event is filled in when
	// the action is carried out: what shows that message is before it on the same lane. What the content says of it is
	// m.relates_to, without the event.
	About *database.MessageKey `json:"about,omitempty"`
	// File, if set, is what the event shows.
	File *FileOnWhatsApp `json:"file,omitempty"`
	// Preview, if any, is the small JPEG of the page that the event shows a preview of.
	Preview []byte `json:"preview,omitempty"`
	// Lost, if set, is the action as it was before its file turned out to be lost.
	Lost json.RawMessage `json:"lost,omitempty"`
	// Sent is when it was sent on WhatsApp, put into the event as its timestamp ("ts", timestamp massaging).
	Sent time.Time `json:"sent,omitzero"`
}

// SendNotice posts a message of the bot to any room.
type SendNotice struct {
	Room id.RoomID `json:"room"`
	Txn  string    `json:"txn"`
	Text string    `json:"text"`           // plain text
	HTML string    `json:"html,omitempty"` // the same with format, if any
	// Name, if set, remembers the event as a database.BotEvent. A second notice of the same name edits the first.
	Name string `json:"name,omitempty"`
	// QR, if set, is shown as an image of a QR code with that text; Text is its caption.
	QR string `json:"qr,omitempty"`
	// Expires, if set, is when the notice is of no use any more: it is then dropped.
	Expires time.Time `json:"expires,omitzero"`
	// ReplyTo, if set, is the event that the notice answers.
	ReplyTo id.EventID `json:"reply_to,omitempty"`
	// While, if set, is the key of an action without which the notice is of no use: once that is done it is dropped.
	While string `json:"while,omitempty"`
}

// SendStatus tells the clients in a room what became of an event there, as the bot.
type SendStatus struct {
	Room    id.RoomID                             `json:"room"`
	Txn     string                                `json:"txn"`
	Content event.BeeperMessageStatusEventContent `json:"content"`
	// While, if set, is the key of an action without which the status is of no use: once that is done it is dropped.
	While string `json:"while,omitempty"`
	// Unless, if set, is the transaction of a status that says more: once that is known this one is dropped.
	Unless string `json:"unless,omitempty"`
}

// MarkRead shows an event as read by the bot, or by somebody else (Client-Server API, "Receipts").
type MarkRead struct {
	Room  id.RoomID  `json:"room"`
	Event id.EventID `json:"event,omitempty"`
	As    id.UserID  `json:"as,omitempty"` // empty is the bot
	// Message, in place of Event, is what is read when its event is not there yet: it is shown before this on the same lane.
	Message *database.MessageKey `json:"message,omitempty"`
}

// SendReceipt tells WhatsApp that a login's user has read messages of one sender (whatsmeow, MarkRead).
type SendReceipt struct {
	Login    database.LoginID  `json:"login"`
	Portal   database.PortalID `json:"portal"`
	Chat     types.JID         `json:"chat"`
	Sender   types.JID         `json:"sender"`
	Messages []types.MessageID `json:"messages"`
	At       time.Time         `json:"at"`
	// Private tells the user's own devices only.
	Private bool `json:"private,omitempty"`
}

// RemoveNotice redacts a notice that was sent with a name, if it was.
type RemoveNotice struct {
	Name string `json:"name"`
}

// JoinRoom lets the bot or a ghost join a room, by whatever invitation that takes. Either Room or Portal is set.
type JoinRoom struct {
	Room   id.RoomID         `json:"room,omitempty"`
	Portal database.PortalID `json:"portal,omitempty"`
	As     id.UserID         `json:"as"`
	By     id.UserID         `json:"by,omitempty"` // who asks As in first, if an invitation is missing; empty is the bot in a portal's room, nobody elsewhere
}

// LeaveRoom takes somebody out of a portal's room: ghosts leave by themselves, others are removed by the bot.
type LeaveRoom struct {
	Portal database.PortalID `json:"portal"`
	User   id.UserID         `json:"user"`
	Reason string            `json:"reason,omitempty"`
}

// Invite invites a user of the bridge to the room of a portal.
type Invite struct {
	Portal database.PortalID `json:"portal"`
	User   id.UserID         `json:"user"`
}

// SetProfile sets the display name of a ghost.
type SetProfile struct {
	User id.UserID `json:"user"`
	Name string    `json:"name"`
}

// SetState sets a state event in the room of a portal, as the bot. It does nothing when the room is not there yet: a
// room is made with what the rows say.
type SetState struct {
	Portal  database.PortalID `json:"portal"`
	Type    string            `json:"type"`
	Key     string            `json:"key,omitempty"` // the state key
	Content json.RawMessage   `json:"content"`
}

// Pin adds the event that shows a message to what is pinned in the room of a portal, or takes it out of that, as the bot.
type Pin struct {
	Portal  database.PortalID   `json:"portal"`
	Message database.MessageKey `json:"message"`
	On      bool                `json:"on"`
}

// SendWhatsApp sends a message from a login. Its ID was chosen when the pair was reserved: a repeat is the same message.
type SendWhatsApp struct {
	Login   database.LoginID    `json:"login"`
	Chat    types.JID           `json:"chat"`
	Message database.MessageKey `json:"message"`
	Content []byte              `json:"content"` // waE2E.Message as protobuf
	// File, if set, is what the message shows.
	File *FileOnMatrix `json:"file,omitempty"`
	// Preview, if set, is what is still to be had for the preview of a page in the message.
	Preview *PreviewOnMatrix `json:"preview,omitempty"`
	// Remark is what the sender is to know about how the file went, once it was moved.
	Remark string `json:"remark,omitempty"`
	// Written is when it was written on Matrix.
	Written time.Time `json:"written,omitzero"`
	// After, if set, is the Key of the action that sends the message which this one is about, by another login.
	After string `json:"after,omitempty"`
}

// Pair starts to link an account; its steps arrive as inbox.Pairing.
type Pair struct {
	User id.UserID `json:"user"`
	Flow string    `json:"flow"`
	// Number is the phone number to link by pairing code, digits only. Empty is by QR code.
	Number string `json:"number,omitempty"`
}

// StopPairing ends an attempt to link an account.
type StopPairing struct {
	User id.UserID `json:"user"`
	Flow string    `json:"flow"`
}

// LogOut unlinks an account on WhatsApp and forgets its session.
type LogOut struct {
	Login  database.LoginID `json:"login"`
	Device types.JID        `json:"device"`
}

// LookUpNumber asks whether a phone number is on WhatsApp; the answer arrives as inbox.NumberLookedUp.
type LookUpNumber struct {
	User   id.UserID        `json:"user"`
	Login  database.LoginID `json:"login"`
	Room   id.RoomID        `json:"room"`
	Number string           `json:"number"` // digits only
	Key    string           `json:"key"`
}

// FetchGroup asks for the state of a group; the answer arrives as inbox.GroupChanged with the same key.
type FetchGroup struct {
	Login database.LoginID `json:"login"`
	Group types.JID        `json:"group"`
	Key   string           `json:"key"`
}

// AcceptInvite joins a group by an invitation. What comes of it is said in a reply to the command.
type AcceptInvite struct {
	Login   database.LoginID `json:"login"`
	Room    id.RoomID        `json:"room"`
	Event   id.EventID       `json:"event"` // the command's
	Group   types.JID        `json:"group"`
	Name    string           `json:"name,omitempty"`
	By      types.JID        `json:"by"` // whose invitation it is
	Code    string           `json:"code"`
	Expires int64            `json:"expires"` // in seconds since 1970, as in the invitation
}

// RequestMessage asks the phone of the account for a message that could not be decrypted. Its answer arrives as the
// message. It asks again, at growing intervals, until the message is not awaited any more.
type RequestMessage struct {
	Login   database.LoginID    `json:"login"`
	Chat    types.JID           `json:"chat"`
	Sender  types.JID           `json:"sender"`
	Message database.MessageKey `json:"message"`
	Try     int                 `json:"try"` // from 0
}

// RequestFile asks the phone of the account to put a file on WhatsApp again. Its answer arrives as inbox.FileAnswered. It
// asks again, at growing intervals, until there is one.
type RequestFile struct {
	Login   database.LoginID    `json:"login"`
	Chat    types.JID           `json:"chat"`
	Sender  types.JID           `json:"sender"`
	FromMe  bool                `json:"from_me,omitempty"`
	Message database.MessageKey `json:"message"`
	Key     []byte              `json:"key"`   // the file's, by which question and answer are encrypted
	Round   int                 `json:"round"` // how often it was wanted, from 1
	Try     int                 `json:"try"`   // from 0
}
