package inbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
)

// Kinds of arrival that are about what becomes of a message, as they stand in the queue.
const (
	KindTimerDue     = "timer_due"
	KindFileLost     = "file_lost"
	KindFileAnswered = "file_answered"
	KindFileWanted   = "file_wanted"
	KindDeletedForMe = "deleted_for_me"
)

// FileLost says that a message is shown without its file, which WhatsApp has no more or which is damaged.
type FileLost struct {
	Message database.MessageKey `json:"message"`
	// Action is the outbox's action as it was to be carried out, as JSON.
	Action json.RawMessage `json:"action"`
}

// FileAnswered is what the phone says when it is asked for a file again.
type FileAnswered struct {
	Message database.MessageKey `json:"message"`
	// Path is where the file is now; empty when it is nowhere.
	Path string `json:"path,omitempty"`
	// Missing says that the phone does not have it either; else, without a path, it could not send it.
	Missing bool `json:"missing,omitempty"`
	// Silent says that it has not answered at all.
	Silent bool      `json:"silent,omitempty"`
	At     time.Time `json:"at"`
}

// FileWanted says that a user wants the file of a message from the phone.
type FileWanted struct {
	Portal database.PortalID `json:"portal"`
	User   id.UserID         `json:"user"`
	Event  id.EventID        `json:"event"` // that shows the message
	By     id.EventID        `json:"by"`    // that says so
}

// DeletedForMe says that the owner of a login has deleted a message for themselves, on their phone.
type DeletedForMe struct {
	Login   database.LoginID `json:"login"`
	Chat    types.JID        `json:"chat"`
	Sender  types.JID        `json:"sender,omitzero"` // in groups, if it is somebody else
	FromMe  bool             `json:"from_me,omitempty"`
	Message types.MessageID  `json:"message"`
	At      time.Time        `json:"at"`
}

// maxTimers is how many timers are journaled at once.
const maxTimers = 500

// AddDueTimers journals the timers that are due, and forgets them. It reports whether there may be more.
func (in *Inbox) AddDueTimers(ctx context.Context, now time.Time) (more bool, err error) {
	due, err := in.db.DueTimers(ctx, now, maxTimers)
	if err != nil || len(due) == 0 {
		return false, err
	}
	return len(due) == maxTimers, in.db.Write(ctx, func(ctx context.Context) error {
		for _, t := range due {
			key := fmt.Sprintf("timer/%s/%d/%d/%s/%d", t.Kind, t.Message.Portal, t.Message.Sender, t.Message.ID, t.Due.UnixMilli())
			if err := in.add(ctx, ChatLane(t.Message.Portal), key, KindTimerDue, t); err != nil {
				return err
			}
			if err := in.db.RemoveTimer(ctx, t.Kind, t.Message); err != nil {
				return err
			}
		}
		return nil
	})
}

// AddFileLost journals that a message is shown without its file. It belongs into the transaction that closes the action.
func (in *Inbox) AddFileLost(ctx context.Context, f FileLost) error {
	key := fmt.Sprintf("file_lost/%d/%d/%s", f.Message.Portal, f.Message.Sender, f.Message.ID)
	return in.add(ctx, ChatLane(f.Message.Portal), key, KindFileLost, f)
}

// AddFileAnswered journals what the phone says about a file.
func (in *Inbox) AddFileAnswered(ctx context.Context, f FileAnswered) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		key := fmt.Sprintf("file_answered/%d/%d/%s/%d/%t", f.Message.Portal, f.Message.Sender, f.Message.ID, f.At.UnixMilli(), f.Silent)
		return in.add(ctx, ChatLane(f.Message.Portal), key, KindFileAnswered, f)
	})
}

// AddFileWanted journals that a user wants a file, in the transaction of whoever understood that.
func (in *Inbox) AddFileWanted(ctx context.Context, f FileWanted) error {
	return in.add(ctx, ChatLane(f.Portal), "file_wanted/"+f.By.String(), KindFileWanted, f)
}

// AddDeletedForMe journals that somebody has deleted a message for themselves. In a chat that is not bridged there is
// nothing to do.
func (in *Inbox) AddDeletedForMe(ctx context.Context, d DeletedForMe) error {
	return in.db.Write(ctx, func(ctx context.Context) error {
		if isStrange(d.Chat, d.Sender) {
			return in.addStrange(ctx, d.Login, KindDeletedForMe, d)
		}
		portal, err := in.db.PortalByChat(ctx, Receiver(d.Login, d.Chat), d.Chat)
		if errors.Is(err, database.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		key := fmt.Sprintf("deleted_for_me/%s/%d/%s/%t/%s", d.Login, portal.ID, d.Sender.ToNonAD(), d.FromMe, d.Message)
		return in.add(ctx, ChatLane(portal.ID), key, KindDeletedForMe, d)
	})
}
