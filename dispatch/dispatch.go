// Package dispatch hands each arrival to the package that decides about it, in one transaction with the closing of the
// arrival.
package dispatch

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/queue"
)

// Chats decides about what comes from WhatsApp. The portal package has it.
type Chats interface {
	MessageFromWhatsApp(ctx context.Context, in inbox.WhatsAppMessage) error
	GroupFromWhatsApp(ctx context.Context, in inbox.GroupChanged) error
	NumberLookedUp(ctx context.Context, in inbox.NumberLookedUp) error
	SentOtherwise(ctx context.Context, in inbox.SentOtherwise) error
}

// Feedback tells people what became of messages. The portal package has it.
type Feedback interface {
	Refused(ctx context.Context, evt *event.Event, r *queue.Reject) error
	SendFailed(ctx context.Context, in inbox.SendFailed) error
	SendDelayed(ctx context.Context, in inbox.SendDelayed) error
	ShowFailed(ctx context.Context, in inbox.ShowFailed) error
	Delivered(ctx context.Context, in inbox.Delivered) error
}

// Receipts decides about what was read. The portal package has it.
type Receipts interface {
	ReadOnMatrix(ctx context.Context, in inbox.ReadOnMatrix) error
	ReadOnWhatsApp(ctx context.Context, in inbox.ReadOnWhatsApp) error
}

// Lost decides about messages from WhatsApp that cannot be decrypted. The portal package has it.
type Lost interface {
	Undecryptable(ctx context.Context, in inbox.Undecryptable) error
	MessageLost(ctx context.Context, in inbox.MessageLost) error
}

// Life decides about what becomes of messages. The portal package has it.
type Life interface {
	TimerDue(ctx context.Context, in database.Timer) error
	FileLost(ctx context.Context, in inbox.FileLost) error
	FileAnswered(ctx context.Context, in inbox.FileAnswered) error
	FileWanted(ctx context.Context, in inbox.FileWanted) error
	DeletedForMe(ctx context.Context, in inbox.DeletedForMe) error
}

// Rooms decides about what comes from the rooms of chats. The portal package has it.
type Rooms interface {
	MessageFromMatrix(ctx context.Context, evt *event.Event) error
	GhostInvited(ctx context.Context, evt *event.Event) error
	Left(ctx context.Context, evt *event.Event) error
	PinsChanged(ctx context.Context, evt *event.Event) error
}

// Users decides about the people of the bridge. The user package has it.
type Users interface {
	BotInvited(ctx context.Context, evt *event.Event) error
	Left(ctx context.Context, user id.UserID, room id.RoomID) error
	Sealed(ctx context.Context, evt *event.Event) error
	Pairing(ctx context.Context, in inbox.Pairing) error
	LoginChanged(ctx context.Context, in inbox.LoginChanged) error
}

// People decides about ghosts. The puppet package has it.
type People interface {
	IsGhost(user id.UserID) bool
	ContactChanged(ctx context.Context, in inbox.ContactChanged) error
}

// Commands decides about what people write to the bot. The command package has it.
type Commands interface {
	Text(content *event.MessageEventContent, management bool) (string, bool)
	Run(ctx context.Context, evt *event.Event, text string) error
}

// Deciders are all who decide.
type Deciders struct {
	Chats    Chats
	Lost     Lost
	Receipts Receipts
	Life     Life
	Rooms    Rooms
	Feedback Feedback
	Users    Users
	People   People
	Commands Commands
}

// Dispatcher routes arrivals.
type Dispatcher struct {
	db   *database.DB
	bot  id.UserID
	deci Deciders
}

// New returns the dispatcher of the bridge whose bot is given.
func New(db *database.DB, bot id.UserID, deciders Deciders) *Dispatcher {
	return &Dispatcher{db: db, bot: bot, deci: deciders}
}

// Handle is the handler of the inbox's worker: the decision is made in the transaction that closes the entry.
func (d *Dispatcher) Handle(_ context.Context, e queue.Entry) (queue.Settle, error) {
	return func(ctx context.Context) error { return d.route(ctx, e) }, nil
}

func (d *Dispatcher) route(ctx context.Context, e queue.Entry) error {
	switch e.Kind {
	case inbox.KindTimerDue:
		return decide(ctx, e, d.deci.Life.TimerDue)
	case inbox.KindFileLost:
		return decide(ctx, e, d.deci.Life.FileLost)
	case inbox.KindFileAnswered:
		return decide(ctx, e, d.deci.Life.FileAnswered)
	case inbox.KindFileWanted:
		return decide(ctx, e, d.deci.Life.FileWanted)
	case inbox.KindDeletedForMe:
		return decide(ctx, e, d.deci.Life.DeletedForMe)
	case inbox.KindMatrixEvent:
		return decide(ctx, e, d.matrixEvent)
	case inbox.KindWhatsAppMessage:
		return decide(ctx, e, d.deci.Chats.MessageFromWhatsApp)
	case inbox.KindGroupChanged:
		return decide(ctx, e, d.deci.Chats.GroupFromWhatsApp)
	case inbox.KindNumberLookedUp:
		return decide(ctx, e, d.deci.Chats.NumberLookedUp)
	case inbox.KindSendFailed:
		return decide(ctx, e, d.deci.Feedback.SendFailed)
	case inbox.KindSentOtherwise:
		return decide(ctx, e, d.deci.Chats.SentOtherwise)
	case inbox.KindSendDelayed:
		return decide(ctx, e, d.deci.Feedback.SendDelayed)
	case inbox.KindShowFailed:
		return decide(ctx, e, d.deci.Feedback.ShowFailed)
	case inbox.KindDelivered:
		return decide(ctx, e, d.deci.Feedback.Delivered)
	case inbox.KindReadOnMatrix:
		return decide(ctx, e, d.deci.Receipts.ReadOnMatrix)
	case inbox.KindReadOnWhatsApp:
		return decide(ctx, e, d.deci.Receipts.ReadOnWhatsApp)
	case inbox.KindUndecryptable:
		return decide(ctx, e, d.deci.Lost.Undecryptable)
	case inbox.KindMessageLost:
		return decide(ctx, e, d.deci.Lost.MessageLost)
	case inbox.KindContactChanged:
		return decide(ctx, e, d.deci.People.ContactChanged)
	case inbox.KindLoginChanged:
		return decide(ctx, e, d.deci.Users.LoginChanged)
	case inbox.KindPairing:
		return decide(ctx, e, d.deci.Users.Pairing)
	}
	return queue.Dead(fmt.Errorf("no decider for arrivals of kind %q", e.Kind))
}

func decide[T any](ctx context.Context, e queue.Entry, decider func(context.Context, T) error) error {
	var arrival T
	if err := json.Unmarshal(e.Payload, &arrival); err != nil {
		return queue.Dead(fmt.Errorf("decode %s: %w", e.Kind, err))
	}
	return decider(ctx, arrival)
}

// Rejected tells the user of a refusal, in the transaction that closes the entry.
func (d *Dispatcher) Rejected(ctx context.Context, e queue.Entry, r *queue.Reject) error {
	if e.Kind != inbox.KindMatrixEvent {
		return nil
	}
	return decide(ctx, e, func(ctx context.Context, in inbox.MatrixEvent) error {
		evt, err := parse(in)
		if err != nil {
			return err
		}
		return d.deci.Feedback.Refused(ctx, evt, r)
	})
}

// Buried tells the sender of a message from Matrix that it is a dead letter, in the transaction that makes it one. What
// cannot even be read that far is only listed.
func (d *Dispatcher) Buried(ctx context.Context, e queue.Entry, _ error) error {
	var in inbox.MatrixEvent
	if e.Kind != inbox.KindMatrixEvent || json.Unmarshal(e.Payload, &in) != nil || !isRouted(in) {
		return nil
	}
	var head struct {
		ID       id.EventID `json:"event_id"`
		Room     id.RoomID  `json:"room_id"`
		Sender   id.UserID  `json:"sender"`
		StateKey *string    `json:"state_key"`
	}
	if json.Unmarshal(in.Event, &head) != nil || head.StateKey != nil || d.ours(head.Sender) {
		return nil
	}
	if portal, err := d.isPortal(ctx, head.Room); err != nil || !portal {
		return err
	}
	evt := &event.Event{ID: head.ID, RoomID: head.Room, Sender: head.Sender}
	return d.deci.Feedback.Refused(ctx, evt, &queue.Reject{Code: "given_up", Text: fmt.Sprintf(
		"This was not sent to WhatsApp: the bridge could not work it. Its administrator finds it as dead letter %d.", e.ID)})
}
