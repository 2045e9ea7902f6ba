package command

import (
	"context"
	"fmt"
	"strings"
	"time"

	"causeway/database"
	"causeway/queue"
)

func (c *Commands) listLogins(ctx context.Context, in call) error {
	logins, err := c.db.LoginsOf(ctx, in.user)
	if err != nil {
		return err
	}
	if len(logins) == 0 {
		return c.reply(ctx, in, "You have no linked WhatsApp account. "+loginUsage)
	}
	lines := make([]string, len(logins))
	for i, l := range logins {
		lines[i] = fmt.Sprintf("+%s: %s", l.ID, stateText(l))
	}
	return c.reply(ctx, in, strings.Join(lines, "\n"))
}

func (c *Commands) ping(ctx context.Context, in call) error {
	logins, err := c.db.LoginsOf(ctx, in.user)
	if err != nil {
		return err
	}
	var lines []string
	for _, l := range logins {
		lines = append(lines, fmt.Sprintf("+%s: %s; %s.", l.ID, stateText(l), phoneText(l)))
	}
	if len(logins) == 0 {
		lines = append(lines, "You have no linked WhatsApp account.")
	}
	arrived, err := c.in.Counts(ctx)
	if err != nil {
		return err
	}
	waiting, err := c.out.Counts(ctx)
	if err != nil {
		return err
	}
	// The ping itself is still in the inbox.
	lines = append(lines, queueText("arrived", arrived, 1), queueText("to be sent", waiting, 0))
	stuck, err := c.stuck(ctx, in)
	if err != nil {
		return err
	}
	lines = append(lines, stuck...)
	return c.reply(ctx, in, strings.Join(lines, "\n"))
}

func stateText(l database.Login) string {
	since := l.StateSince.UTC().Format("2 January 15:04 UTC")
	switch l.State {
	case database.StateConnected:
		return "connected since " + since
	case database.StateConnecting:
		return "connecting"
	case database.StateDisconnected:
		return "not connected since " + since + "; the bridge keeps trying"
	case database.StateLoggedOut:
		return "no longer linked since " + since + "; write \"login qr\" to link it again"
	case database.StateReplaced:
		return "stopped since " + since + ": another program uses the same session"
	case database.StateBanned:
		text := "banned by WhatsApp since " + since
		if !l.RetryAt.IsZero() {
			text += "; the bridge connects again on " + l.RetryAt.UTC().Format("2 January 15:04 UTC")
		}
		return text
	case database.StateOutdated:
		return "not connected since " + since + ": WhatsApp wants a newer version of the bridge"
	}
	return string(l.State)
}

func phoneText(l database.Login) string {
	if l.PhoneSeen.IsZero() {
		return "the phone has not been seen yet"
	}
	return "the phone was last seen " + l.PhoneSeen.UTC().Format("2 January 15:04 UTC")
}

func queueText(what string, counts queue.Counts, own int) string {
	open := max(counts.Open-own, 0)
	text := fmt.Sprintf("Messages and events %s: %d waiting", what, open)
	if open > 0 {
		text += fmt.Sprintf(", the oldest for %s", time.Since(counts.Oldest).Round(time.Second))
	}
	if counts.Dead > 0 {
		text += fmt.Sprintf(", %d given up", counts.Dead)
	}
	return text + "."
}
