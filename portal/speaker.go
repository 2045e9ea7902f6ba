package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// speaker chooses the login by which a Matrix user speaks in a portal: one of their own that is in the chat. Who has
// none is told, but a bot's notice is not answered: two bots that answered each other would never end.
//
// The account of prefer speaks if it can: only who wrote a message can change it.
func (p *Portals) speaker(ctx context.Context, portal database.Portal, evt *event.Event, prefer database.PuppetID) (database.Login, error) {
	logins, err := p.accounts(ctx, portal, evt.Sender)
	if err != nil {
		return database.Login{}, err
	}
	if own := slices.IndexFunc(logins, func(l database.Login) bool { return l.Puppet == prefer }); own > 0 {
		logins[0], logins[own] = logins[own], logins[0]
	}
	usable := slices.IndexFunc(logins, func(l database.Login) bool { return l.State != database.StateLoggedOut })
	switch {
	case len(logins) > 0 && !p.permit.MayLogIn(evt.Sender):
		return database.Login{}, &queue.Reject{Code: "not_allowed", Text: fmt.Sprintf(
			"%s, this was not sent to WhatsApp: you are not allowed to use this bridge any more. Ask its administrator.", evt.Sender)}
	case usable >= 0:
		return logins[usable], nil
	case len(logins) > 0:
		return database.Login{}, &queue.Reject{Code: "logged_out", Text: fmt.Sprintf(
			"This was not sent: your WhatsApp account +%s is no longer linked. Log in again in your chat with the bridge bot.", logins[0].ID)}
	case evt.Content.AsMessage().MsgType == event.MsgNotice:
		return database.Login{}, errSilent
	}
	return database.Login{}, &queue.Reject{Code: "not_logged_in", Text: fmt.Sprintf(
		"%s, this was not sent to WhatsApp: none of your WhatsApp accounts is in this chat. Write \"login qr\" to the bridge bot to link one.", evt.Sender)}
}

// errSilent says that a message is not sent and that nobody is told.
var errSilent = errors.New("not sent, and nobody is told")

// accounts lists a user's own logins that are in a chat. One that was linked anew is in its chats although nothing has
// arrived by it yet.
func (p *Portals) accounts(ctx context.Context, portal database.Portal, user id.UserID) ([]database.Login, error) {
	logins, err := p.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	logins = slices.DeleteFunc(logins, func(l database.Login) bool { return l.User != user })
	if len(logins) > 0 {
		return logins, nil
	}
	if logins, err = p.db.LoginsOf(ctx, user); err != nil || len(logins) == 0 {
		return nil, err
	}
	members, err := p.db.Members(ctx, portal.ID)
	if err != nil {
		return nil, err
	}
	logins = slices.DeleteFunc(logins, func(l database.Login) bool {
		isMember := slices.ContainsFunc(members, func(m database.Puppet) bool { return m.ID == l.Puppet })
		return portal.Receiver != l.ID && !isMember
	})
	for _, login := range logins {
		if _, err := p.db.AddPortalLogin(ctx, portal.ID, login.ID); err != nil {
			return nil, err
		}
	}
	return logins, nil
}

// messageID chooses the ID of a message that goes to WhatsApp. It follows from the event, so that a decision that is
// made again, even by a database restored from a backup, names the same message. The form is that of WhatsApp Web's
// own: "3EB0" and 18 hexadecimal digits (whatsmeow, GenerateMessageID).
func messageID(login database.LoginID, evt id.EventID) types.MessageID {
	sum := sha256.Sum256([]byte(string(login) + "\x00" + evt.String()))
	return types.MessageID("3EB0" + strings.ToUpper(hex.EncodeToString(sum[:9])))
}

func timestamp(evt *event.Event) time.Time { return time.UnixMilli(evt.Timestamp) }
