package matrix

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// isUseless reports whether what is said about an action comes too late: the action is done, or more has been said.
func (s *Sender) isUseless(ctx context.Context, while, unless string) (bool, error) {
	if while != "" {
		if open, err := s.out.IsOpen(ctx, while); err != nil || !open {
			return true, err
		}
	}
	if unless == "" {
		return false, nil
	}
	return s.out.Knows(ctx, unless)
}

// sendStatus tells clients what became of an event. Where the bot is not, or may not speak, it is of no use to anybody.
func (s *Sender) sendStatus(ctx context.Context, a outbox.SendStatus) (queue.Settle, error) {
	unless := ""
	if a.Unless != "" {
		unless = outbox.StatusKey(a.Unless)
	}
	if useless, err := s.isUseless(ctx, a.While, unless); err != nil || useless {
		return nil, err
	}
	_, err := s.bot().SendMessageEvent(ctx, a.Room, event.BeeperMessageStatus, a.Content, mautrix.ReqSendEvent{TransactionID: txnID("status/" + a.Txn)})
	if err != nil && !refused(err) {
		return nil, fmt.Errorf("send a status to %s: %w", a.Room, err)
	}
	return nil, nil
}

// markRead shows an event as read (Client-Server API, "Receipts"). It is a courtesy: whatever the homeserver has against it
// is no reason to keep it.
func (s *Sender) markRead(ctx context.Context, a outbox.MarkRead) (queue.Settle, error) {
	if a.Message != nil {
		row, err := s.db.MessageByKey(ctx, *a.Message)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return nil, err
		}
		a.Event = row.Event
	}
	if a.Event == "" {
		return nil, nil // it could not be shown, so nobody can have read it
	}
	err := s.clients.as(cmp.Or(a.As, s.cfg.Bot)).MarkRead(ctx, a.Room, a.Event)
	if err != nil && !refused(err) && !hasStatus(err, http.StatusBadRequest) {
		return nil, fmt.Errorf("mark %s as read in %s: %w", a.Event, a.Room, err)
	}
	return nil, nil
}
