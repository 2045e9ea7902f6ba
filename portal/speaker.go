package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/queue"
)

// speaker chooses the login by which a Matrix user speaks in a portal: one of their own that is in the chat.
func (p *Portals) speaker(ctx context.Context, portal database.Portal, evt *event.Event) (database.Login, error) {
	logins, err := p.db.PortalLogins(ctx, portal.ID)
	if err != nil {
		return database.Login{}, err
	}
	var usable, unusable database.Login
	for _, login := range logins {
		switch {
		case login.User != evt.Sender:
		case login.State == database.StateLoggedOut:
			unusable = login
		case usable.ID == "":
			usable = login
		}
	}
	switch {
	case usable.ID != "":
		return usable, nil
	case unusable.ID != "":
		return usable, &queue.Reject{Code: "logged_out", Text: fmt.Sprintf(
			"This was not sent: your WhatsApp account +%s is no longer linked. Log in again in your chat with the bridge bot.", unusable.ID)}
	}
	return usable, &queue.Reject{Code: "not_logged_in", Text: fmt.Sprintf(
		"%s, this was not sent to WhatsApp: none of your WhatsApp accounts is in this chat. Write \"login qr\" to the bridge bot to link one.", evt.Sender)}
}

// messageID chooses the ID of a message that goes to WhatsApp. It follows from the event, so that a decision that is
// made again, even by a database restored from a backup, names the same message. The form is that of WhatsApp Web's
// own: "3EB0" and 18 hexadecimal digits (whatsmeow, GenerateMessageID).
func messageID(login database.LoginID, evt id.EventID) types.MessageID {
	sum := sha256.Sum256([]byte(string(login) + "\x00" + evt.String()))
	return types.MessageID("3EB0" + strings.ToUpper(hex.EncodeToString(sum[:9])))
}

func timestamp(evt *event.Event) time.Time { return time.UnixMilli(evt.Timestamp) }
