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
	SendFailed(ctx context.Context, in inbox.SendFailed) error
}

// Rooms decides about what comes from the rooms of chats. The portal package has it.
type Rooms interface {
	MessageFromMatrix(ctx context.Context, evt *event.Event) error
	GhostInvited(ctx context.Context, evt *event.Event) error
	Left(ctx context.Context, evt *event.Event) error
	Refused(ctx context.Context, evt *event.Event, r *queue.Reject) error
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
	Rooms    Rooms
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
	case inbox.KindMatrixEvent:
		return decide(ctx, e, d.matrixEvent)
	case inbox.KindWhatsAppMessage:
		return decide(ctx, e, d.deci.Chats.MessageFromWhatsApp)
	case inbox.KindGroupChanged:
		return decide(ctx, e, d.deci.Chats.GroupFromWhatsApp)
	case inbox.KindNumberLookedUp:
		return decide(ctx, e, d.deci.Chats.NumberLookedUp)
	case inbox.KindSendFailed:
		return decide(ctx, e, d.deci.Chats.SendFailed)
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
		return d.deci.Rooms.Refused(ctx, evt, r)
	})
}
