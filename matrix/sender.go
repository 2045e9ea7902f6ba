package matrix

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// roomLimit is how long an action waits for the room or the details that it needs. It is longer than a login may be
// without a connection before its messages are given up, since a group's details come by one.
const roomLimit = 48 * time.Hour

// Actions is what the sender asks of the other actions. outbox.Outbox has it.
type Actions interface {
	// Provide wakes the actions that wait for something named.
	Provide(ctx context.Context, name string) error
	// IsOpen reports whether the action with a key is still to be done.
	IsOpen(ctx context.Context, key string) (bool, error)
	// Knows reports whether there is or was an action with a key.
	Knows(ctx context.Context, key string) (bool, error)
	// Progress writes down what has been done of an action.
	Progress(ctx context.Context, e queue.Entry, v any) error
}

// Sender carries out the actions of the outbox that are done on Matrix. Each may be repeated after a crash.
type Sender struct {
	cfg     Config
	db      *database.DB
	out     Actions
	clients *clients
	files   Media
	log     zerolog.Logger
	gate    *gate
	started time.Time
}

// NewSender returns the sender. It does not talk to the homeserver yet.
func NewSender(cfg Config, db *database.DB, out Actions, files Media, log zerolog.Logger) (*Sender, error) {
	clients, err := newClients(cfg)
	if err != nil {
		return nil, err
	}
	there := func(ctx context.Context) error {
		_, err := clients.as("").Whoami(ctx)
		return err
	}
	return &Sender{cfg: cfg, db: db, out: out, clients: clients, files: files, log: log, gate: newGate(there, log), started: time.Now()}, nil
}

// Perform carries out one action. It is the queue.Handler of the lanes for which outbox.OnWhatsApp is false. While the
// homeserver is away it waits: that neither costs a write per lane nor makes the pauses grow in vain.
func (s *Sender) Perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	entered, err := s.gate.enter(ctx)
	if err != nil {
		return nil, err
	}
	settle, err := s.perform(ctx, e)
	if err != nil {
		s.gate.report(entered, err)
		return nil, fault(err)
	}
	return settle, nil
}

func (s *Sender) perform(ctx context.Context, e queue.Entry) (queue.Settle, error) {
	switch e.Kind {
	case outbox.KindCreateRoom:
		return act(ctx, e, s.createRoom)
	case outbox.KindSendEvent:
		return act(ctx, e, func(ctx context.Context, a outbox.SendEvent) (queue.Settle, error) {
			a, err := s.bring(ctx, e, a)
			if err == nil {
				a, err = s.illustrate(ctx, e, a)
			}
			if err != nil {
				return nil, err
			}
			settle, err := s.sendEvent(ctx, a, s.mayBeRepeat(e))
			if err != nil {
				return nil, err
			}
			return s.tellLost(a, settle), nil
		})
	case outbox.KindSendNotice:
		return act(ctx, e, s.sendNotice)
	case outbox.KindRemoveNotice:
		return act(ctx, e, s.removeNotice)
	case outbox.KindJoinRoom:
		return act(ctx, e, func(ctx context.Context, a outbox.JoinRoom) (queue.Settle, error) {
			return s.joinRoom(ctx, a, e.Attempts)
		})
	case outbox.KindLeaveRoom:
		return act(ctx, e, s.leaveRoom)
	case outbox.KindInvite:
		return act(ctx, e, s.invite)
	case outbox.KindSetProfile:
		return act(ctx, e, s.setProfile)
	case outbox.KindSetState:
		return act(ctx, e, s.setState)
	case outbox.KindPin:
		return act(ctx, e, s.pin)
	case outbox.KindSendStatus:
		return act(ctx, e, s.sendStatus)
	case outbox.KindMarkRead:
		return act(ctx, e, s.markRead)
	}
	return nil, queue.Dead(fmt.Errorf("the Matrix side has no action %q", e.Kind))
}

// act decodes an action and carries it out.
func act[T any](ctx context.Context, e queue.Entry, do func(context.Context, T) (queue.Settle, error)) (queue.Settle, error) {
	a, err := outbox.Decode[T](e)
	if err != nil {
		return nil, err
	}
	return do(ctx, a)
}

// mayBeRepeat reports whether an action may have been carried out before: it was tried in this run, or was there when
// this run began, so that the last one may have been killed between the act and its settling.
func (s *Sender) mayBeRepeat(e queue.Entry) bool {
	return e.Attempts > 0 || e.Added.Before(s.started)
}
