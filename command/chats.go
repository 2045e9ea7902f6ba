package command

import (
	"context"
	"fmt"

	"causeway/database"
	"causeway/outbox"
)

func (c *Commands) startChat(ctx context.Context, in call) error {
	if len(in.args) == 0 {
		return c.reply(ctx, in, "Say with whom, as in \"start-chat +491701234567\".")
	}
	number, problem := parseNumber(in.args)
	if problem != "" {
		return c.reply(ctx, in, problem)
	}
	logins, err := c.db.LoginsOf(ctx, in.user)
	if err != nil {
		return err
	}
	for _, login := range logins {
		if login.State != database.StateLoggedOut {
			return c.out.LookUpNumber(ctx, outbox.LookUpNumber{
				User: in.user, Login: login.ID, Room: in.room, Number: number, Key: in.event.String(),
			})
		}
	}
	return c.reply(ctx, in, fmt.Sprintf("To chat with +%s, link your WhatsApp account first: %s", number, loginUsage))
}
