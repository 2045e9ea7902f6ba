package user

import (
	"context"
	"errors"
	"fmt"
	"time"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// LoginChanged decides about what became of a login's connection. The user is told what they must act on; that a
// connection comes and goes is only written down, for ping.
func (u *Users) LoginChanged(ctx context.Context, in inbox.LoginChanged) error {
	login, err := u.db.LoginByID(ctx, in.Login)
	if errors.Is(err, database.ErrNotFound) {
		return u.notLinked(ctx, in.Login)
	} else if err != nil {
		return err
	}
	if in.Phone {
		if err := u.db.SetPhoneSeen(ctx, login.ID, in.At); err != nil {
			return err
		}
	}
	if in.State == "" || in.State == login.State && in.Detail == login.StateDetail && in.Retry.UnixMilli() == login.RetryAt.UnixMilli() {
		return nil
	}
	told := login.State == in.State
	login.State, login.StateDetail, login.StateSince, login.RetryAt = in.State, in.Detail, in.At, in.Retry
	if err := u.db.SetLoginState(ctx, login); err != nil || told {
		return err
	}
	if in.State == database.StateLoggedOut || in.State == database.StateReplaced {
		// What waits to be sent is refused now, and its senders are told.
		if err := u.out.Provide(ctx, outbox.ConnectionOf(login.ID)); err != nil {
			return err
		}
	}
	text := problemOf(login, in)
	if text == "" {
		return nil
	}
	return u.tell(ctx, login.User, "", fmt.Sprintf("state-%s-%s-%d", login.ID, in.State, in.At.UnixMilli()), text)
}

// loginLimit is how long an arrival waits for the login that it came by to be written down. That happens on another
// lane, right after a user has logged in.
const loginLimit = time.Minute

// notLinked decides about the connection of a login that is not there: its user has logged out, or it is about to come.
func (u *Users) notLinked(ctx context.Context, login database.LoginID) error {
	by, err := u.db.Setting(ctx, database.UnlinkedBy(login))
	if err == nil && by == "" {
		err = &queue.Park{Name: inbox.LoginOf(login), Limit: loginLimit}
	}
	return err
}

// problemOf says what a user must do about the state of a login; "" when nothing.
func problemOf(login database.Login, in inbox.LoginChanged) string {
	account := "Your WhatsApp account +" + string(login.ID)
	switch in.State {
	case database.StateLoggedOut:
		return account + " is no longer linked: the bridge was removed from the linked devices, or WhatsApp ended the session. Write \"login qr\" to link it again; your rooms stay."
	case database.StateReplaced:
		return account + " is used by another program with the same session, so the bridge has stopped. If that was not you, remove the bridge under Linked devices on your phone and log in again."
	case database.StateBanned:
		until := ""
		if !in.Until.IsZero() {
			until = " until " + in.Until.UTC().Format("2 January 15:04 UTC")
		}
		return account + " is banned by WhatsApp" + until + ". Open WhatsApp on your phone to see why." + again(in.Retry)
	case database.StateOutdated:
		return account + " cannot connect: WhatsApp no longer accepts this version of the bridge. Ask its administrator to update it."
	}
	return ""
}

// again says when the bridge connects a banned account once more.
func again(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return " The bridge connects again on " + at.UTC().Format("2 January 15:04 UTC") + "; what you write until then waits."
}
