package inbox

import (
	"encoding/json"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// Kinds of arrival, as they stand in the queue.
const (
	KindMatrixEvent     = "matrix_event"
	KindWhatsAppMessage = "whatsapp_message"
	KindGroupChanged    = "group_changed"
	KindContactChanged  = "contact_changed"
	KindLoginChanged    = "login_changed"
	KindPairing         = "pairing"
	KindNumberLookedUp  = "number_looked_up"
	KindSendFailed      = "send_failed"
	KindSentOtherwise   = "sent_otherwise"
	KindSendDelayed     = "send_delayed"
	KindShowFailed      = "show_failed"
	KindDelivered       = "delivered"
	KindUndecryptable   = "undecryptable"
	KindMessageLost     = "message_lost"
	KindReadOnMatrix    = "read_on_matrix"
	KindReadOnWhatsApp  = "read_on_whatsapp"
)

// MatrixEvent is a room event from a transaction of the homeserver, as it came.
type MatrixEvent struct {
	Event json.RawMessage `json:"event"`
}

// WhatsAppMessage is a decrypted message from a login's connection.
type WhatsAppMessage struct {
	Login   database.LoginID  `json:"login"`
	Info    types.MessageInfo `json:"info"`
	Message []byte            `json:"message"` // waE2E.Message as protobuf
	// Until is set when the message changes one that had not come, and was set aside: how long it waits for that.
	Until time.Time `json:"until,omitzero"`
	// Recovered says that it could not be decrypted when it first came.
	Recovered bool `json:"recovered,omitempty"`
	// ViewOnce says that its envelope, which is not in Message, lets it be seen only once.
	ViewOnce bool `json:"view_once,omitempty"`
}

// GroupChanged says what a login learned about a group: all of it, or what has changed.
type GroupChanged struct {
	Login database.LoginID `json:"login"`
	Group types.JID        `json:"group"`
	// Key makes a repeat recognisable: the id of WhatsApp's notification, or of the question that this answers.
	Key string `json:"key"`
	// Whole is the state of the group when all of it was learned, else nil.
	Whole *Group `json:"whole,omitempty"`
	// Reason is set, and Whole is nil, when the group was asked for and WhatsApp did not tell.
	Reason string `json:"reason,omitempty"`

	Name  *string `json:"name,omitempty"`
	Topic *string `json:"topic,omitempty"`
	// Timer, if set, is after how many seconds messages disappear now; 0 when they do not.
	Timer *uint32       `json:"timer,omitempty"`
	Join  []GroupMember `json:"join,omitempty"`
	Leave []GroupMember `json:"leave,omitempty"`
	By    types.JID     `json:"by,omitzero"` // who did it, if known
	At    time.Time     `json:"at,omitzero"` // when it was told
}

// Group is the state of a WhatsApp group.
type Group struct {
	Name    string        `json:"name"`
	Topic   string        `json:"topic,omitempty"`
	Timer   uint32        `json:"timer,omitempty"` // after how many seconds messages disappear
	Members []GroupMember `json:"members"`
}

// GroupMember is a person in a group, by one name or both.
type GroupMember struct {
	LID  types.JID `json:"lid,omitzero"`
	PN   types.JID `json:"pn,omitzero"`
	Role string    `json:"role,omitempty"` // "", "admin" or "superadmin"
}

// ContactChanged says that a person chose another name for themselves.
type ContactChanged struct {
	LID      types.JID `json:"lid,omitzero"`
	PN       types.JID `json:"pn,omitzero"`
	PushName string    `json:"push_name"`
}

// LoginChanged says what became of a login's connection, or that its phone gave a sign of life.
type LoginChanged struct {
	Login  database.LoginID    `json:"login"`
	State  database.LoginState `json:"state,omitempty"` // empty when only the phone was seen
	Detail string              `json:"detail,omitempty"`
	Until  time.Time           `json:"until,omitzero"` // for a ban: when it ends, if WhatsApp said so
	Retry  time.Time           `json:"retry,omitzero"` // for a ban: when the bridge connects again
	At     time.Time           `json:"at"`
	Phone  bool                `json:"phone,omitempty"` // the phone gave a sign of life at At
}

// PairingStep is how far a user's attempt to log in has come.
type PairingStep string

// The steps of a login. The last three end it.
const (
	PairingQR      PairingStep = "qr"      // Code is the text of the QR code to show now
	PairingCode    PairingStep = "code"    // Code is the pairing code to type, as XXXX-XXXX
	PairingDone    PairingStep = "done"    // Account says who logged in
	PairingFailed  PairingStep = "failed"  // Problem says why
	PairingStopped PairingStep = "stopped" // the user has cancelled it
)

// PairingProblem is why a login failed.
type PairingProblem string

// The reasons why a login fails.
const (
	ProblemExpired      PairingProblem = "expired"       // nobody scanned the code or typed it in time
	ProblemRefused      PairingProblem = "refused"       // WhatsApp or the phone refused
	ProblemWrongCode    PairingProblem = "wrong_code"    // the phone was given another code
	ProblemWrongNumber  PairingProblem = "wrong_number"  // no WhatsApp account has the number
	ProblemRateLimited  PairingProblem = "rate_limited"  // too many attempts
	ProblemOutdated     PairingProblem = "outdated"      // WhatsApp does not accept this version of the client
	ProblemUnreachable  PairingProblem = "unreachable"   // WhatsApp cannot be reached
	ProblemInterrupted  PairingProblem = "interrupted"   // the bridge was restarted
	ProblemMultidevice  PairingProblem = "multidevice"   // the phone's WhatsApp is too old to link devices
	ProblemNotSupported PairingProblem = "not_supported" // the account asks for a step that the bridge cannot do
)

// Pairing is a step of a user's attempt to log in.
type Pairing struct {
	User    id.UserID      `json:"user"`
	Flow    string         `json:"flow"` // the database.LoginFlow that it belongs to
	Serial  int            `json:"serial"`
	Step    PairingStep    `json:"step"`
	Code    string         `json:"code,omitempty"`
	Expires time.Time      `json:"expires,omitzero"` // when Code is of no use any more
	Problem PairingProblem `json:"problem,omitempty"`
	Detail  string         `json:"detail,omitempty"` // the cause, for the log
	Account *Account       `json:"account,omitempty"`
}

// Account is the WhatsApp account that a login has linked.
type Account struct {
	Login    database.LoginID `json:"login"`
	Device   types.JID        `json:"device"` // with its device number
	LID      types.JID        `json:"lid,omitzero"`
	PN       types.JID        `json:"pn"`
	PushName string           `json:"push_name,omitempty"`
}

// NumberLookedUp answers an outbox.LookUpNumber.
type NumberLookedUp struct {
	User   id.UserID        `json:"user"`
	Login  database.LoginID `json:"login"`
	Room   id.RoomID        `json:"room"`   // where to answer
	Number string           `json:"number"` // as it was asked for
	Found  bool             `json:"found"`
	LID    types.JID        `json:"lid,omitzero"`
	PN     types.JID        `json:"pn,omitzero"`
	Key    string           `json:"key"` // of the question
	// Problem is set, and Found is false, when WhatsApp could not be asked: a sentence for the user.
	Problem string `json:"problem,omitempty"`
}

// Undecryptable says that a message has come by a login that cannot be decrypted, or that WhatsApp does not give to
// linked devices. It may come again.
type Undecryptable struct {
	Login database.LoginID  `json:"login"`
	Info  types.MessageInfo `json:"info"`
	// ViewOnce says that it is a message to be seen once, which only phones get.
	ViewOnce bool `json:"view_once,omitempty"`
	// Hidden says that its sender wants nothing shown in its place: it is no message of its own, but changes one.
	Hidden bool `json:"hidden,omitempty"`
}

// MessageLost says that a message which could not be decrypted is not asked for any more.
type MessageLost struct {
	Message database.MessageKey `json:"message"`
}
