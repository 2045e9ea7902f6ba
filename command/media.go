package command

import (
	"context"
	"errors"

	"causeway/database"
	"causeway/inbox"
)

// retryMedia asks the phone for the file that the answered notice stands for. What comes of it is said by the chat.
func (c *Commands) retryMedia(ctx context.Context, in call) error {
	portal, err := c.db.PortalByRoom(ctx, in.room)
	if errors.Is(err, database.ErrNotFound) {
		return c.reply(ctx, in, "This is no WhatsApp chat. Write the command in the chat, as an answer to the notice that stands in the place of a file.")
	} else if err != nil {
		return err
	}
	if in.answers == "" {
		return c.reply(ctx, in, "Write the command as an answer to the notice that stands in the place of a file.")
	}
	return c.in.AddFileWanted(ctx, inbox.FileWanted{Portal: portal.ID, User: in.user, Event: in.answers, By: in.event})
}
