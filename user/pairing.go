package user

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

const (
	qrSteps   = "Scan this code with WhatsApp on your phone: Settings, Linked devices, Link a device. It changes every 20 seconds. Write \"cancel\" to stop."
	codeSteps = "Your code is %s. On your phone WhatsApp may ask for it by itself; else open Settings, Linked devices, Link a device, Link with phone number instead, and type it there. Write \"cancel\" to stop."
)

// problems says what a user can do about a login that failed.
func problems(p inbox.PairingProblem) string {
	switch p {
	case inbox.ProblemExpired:
		return "The code was not used in time. Write \"login qr\" or \"login phone\" with your number to get a new one."
	case inbox.ProblemRefused:
		return "WhatsApp refused to link the account. Open WhatsApp on your phone, look whether it shows a message, and try again."
	case inbox.ProblemWrongCode:
		return "The phone was given another code than mine. Write \"login phone\" and your number to get a new one."
	case inbox.ProblemWrongNumber:
		return "WhatsApp does not know that number. Check it, with its country code, as in \"login phone +491701234567\"."
	case inbox.ProblemRateLimited:
		return "WhatsApp says that there were too many attempts. Wait an hour, then try again; \"login qr\" may work earlier."
	case inbox.ProblemOutdated:
		return "WhatsApp no longer accepts this version of the bridge. Ask its administrator to update it."
	case inbox.ProblemUnreachable:
		return "WhatsApp cannot be reached at the moment. Try again in a few minutes."
	case inbox.ProblemInterrupted:
		return "The bridge was restarted in the middle of your login. Please start it again."
	case inbox.ProblemMultidevice:
		return "The WhatsApp on your phone is too old to link devices. Update it, then try again."
	case inbox.ProblemNotSupported:
		return "Your account asks for a step that the bridge cannot do yet. Try the other way: \"login qr\" or \"login phone\" with your number."
	}
	return "The login failed. Please try again."
}

// noticeOf names the notice that shows the code of a login.
func noticeOf(flow string) string { return "login/" + flow }

// Pairing decides about a step of a login.
func (u *Users) Pairing(ctx context.Context, in inbox.Pairing) error {
	flow, err := u.db.LoginFlowOf(ctx, in.User)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	current := err == nil && flow.ID == in.Flow
	if in.Step == inbox.PairingDone { // even of an attempt that was given up: the account is linked now
		return u.linked(ctx, in, flow, current)
	}
	if !current {
		return nil
	}
	txn := fmt.Sprintf("pairing-%s-%d-%s", in.Flow, in.Serial, in.Step)
	switch in.Step {
	case inbox.PairingQR:
		return u.out.SendNotice(ctx, outbox.SendNotice{
			Room: flow.Room, Txn: txn, Text: qrSteps, Name: noticeOf(flow.ID), QR: in.Code, Expires: in.Expires,
		})
	case inbox.PairingCode:
		return u.out.SendNotice(ctx, outbox.SendNotice{
			Room: flow.Room, Txn: txn, Text: fmt.Sprintf(codeSteps, in.Code), Name: noticeOf(flow.ID), Expires: in.Expires,
		})
	}
	text := problems(in.Problem)
	if in.Step == inbox.PairingStopped {
		text = "The login was cancelled."
	}
	return u.end(ctx, flow, txn, text)
}

// end closes a login: its code disappears and the user reads how it went.
func (u *Users) end(ctx context.Context, flow database.LoginFlow, txn, text string) error {
	if err := u.db.RemoveLoginFlow(ctx, flow.User); err != nil {
		return err
	}
	if err := u.out.RemoveNotice(ctx, flow.Room, outbox.RemoveNotice{Name: noticeOf(flow.ID)}); err != nil {
		return err
	}
	return u.out.SendNotice(ctx, outbox.SendNotice{Room: flow.Room, Txn: txn, Text: text})
}

// linked records an account that has just been linked, and lets what arrived by it meanwhile go on.
func (u *Users) linked(ctx context.Context, in inbox.Pairing, flow database.LoginFlow, current bool) error {
	account := in.Account
	if account == nil {
		return queue.Dead(fmt.Errorf("record the login of %s: it does not say which account", in.User))
	}
	puppet, err := u.people.Ensure(ctx, account.LID, account.PN, account.PushName)
	if err != nil {
		return err
	}
	if err := u.displace(ctx, in.User, account.Login, in.Flow); err != nil {
		return err
	}
	login := database.Login{
		ID: account.Login, User: in.User, Puppet: puppet.ID, Device: account.Device,
		State: database.StateConnecting, StateSince: time.Now(),
	}
	if err := u.db.PutLogin(ctx, login); err != nil {
		return err
	}
	if err := u.db.PutSetting(ctx, database.UnlinkedBy(login.ID), ""); err != nil {
		return err
	}
	if err := u.in.Provide(ctx, inbox.LoginOf(login.ID)); err != nil {
		return err
	}
	text := fmt.Sprintf("Your WhatsApp account +%s is linked. Your chats will appear as rooms when something is said in them; \"start-chat\" and a number opens one now.", login.ID)
	if current {
		return u.end(ctx, flow, "linked-"+in.Flow, text)
	}
	return u.tell(ctx, in.User, flow.Room, "linked-"+in.Flow, text)
}

// displace takes an account from the user who had linked it before, be it still linked or not: whoever holds its phone
// now must not have their chats read by somebody else.
func (u *Users) displace(ctx context.Context, user id.UserID, account database.LoginID, flow string) error {
	before, err := u.owner(ctx, account)
	if err != nil || before == "" || before == user {
		return err
	}
	portals, err := u.db.PortalsOf(ctx, account)
	if err != nil {
		return err
	}
	if err := u.db.RemoveLogin(ctx, account); err != nil { // the new user is asked into each chat like into a new one
		return err
	}
	for _, portal := range portals {
		others, err := u.db.PortalLogins(ctx, portal.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(others, func(l database.Login) bool { return l.User == before }) {
			continue // there by another account
		}
		gone := outbox.LeaveRoom{Portal: portal.ID, User: before, Reason: "The WhatsApp account was linked by somebody else"}
		if err := u.out.LeaveRoom(ctx, "displaced-"+flow, gone); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("The WhatsApp account +%s was linked by %s, so it is no longer yours here.", account, user)
	return u.tell(ctx, before, "", "displaced-"+flow, text)
}

// owner returns who has linked an account, or was the last to unlink it.
func (u *Users) owner(ctx context.Context, account database.LoginID) (id.UserID, error) {
	login, err := u.db.LoginByID(ctx, account)
	if errors.Is(err, database.ErrNotFound) {
		by, err := u.db.Setting(ctx, database.UnlinkedBy(account))
		return id.UserID(by), err
	}
	return login.User, err
}
