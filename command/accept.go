package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/outbox"
)

// accept joins the group of an invitation that the command answers.
func (c *Commands) accept(ctx context.Context, in call) error {
	const usage = "Reply with \"accept\" to an invitation to a group."
	if in.answers == "" {
		return c.reply(ctx, in, usage)
	}
	row, err := c.db.MessageByEvent(ctx, in.answers)
	if errors.Is(err, database.ErrNotFound) {
		return c.reply(ctx, in, usage)
	} else if err != nil {
		return err
	}
	q, err := c.db.QuestionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) || err == nil && q.Kind != database.QuestionInvite {
		return c.reply(ctx, in, "That message is no invitation to a group. "+usage)
	} else if err != nil {
		return err
	}
	var invitation struct {
		Group   types.JID `json:"group"`
		Code    string    `json:"code"`
		Name    string    `json:"name"`
		Expires int64     `json:"expires"`
	}
	if err := json.Unmarshal([]byte(q.Content), &invitation); err != nil {
		return fmt.Errorf("decode invitation %s: %w", q.ID, err)
	}
	if invitation.Expires > 0 && time.Now().After(time.Unix(invitation.Expires, 0)) {
		return c.reply(ctx, in, "This invitation has expired. Ask for another one.")
	}
	login, err := c.loginIn(ctx, in, row.Portal)
	if err != nil {
		return err
	}
	if login == "" {
		return c.reply(ctx, in, "This invitation is for somebody else: none of your WhatsApp accounts is in this chat.")
	}
	return c.out.AcceptInvite(ctx, outbox.AcceptInvite{
		Login: login, Room: in.room, Event: in.event, Group: invitation.Group, Name: invitation.Name,
		By: q.Author, Code: invitation.Code, Expires: invitation.Expires,
	})
}

// loginIn finds the account of a user that is in a chat; "" when none is.
func (c *Commands) loginIn(ctx context.Context, in call, portal database.PortalID) (database.LoginID, error) {
	logins, err := c.db.PortalLogins(ctx, portal)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(logins, func(l database.Login) bool { return l.User == in.user && l.State != database.StateLoggedOut })
	if i < 0 {
		return "", nil
	}
	return logins[i].ID, nil
}
