package whatsapp

import (
	"context"
	"time"

	"causeway/outbox"
	"causeway/queue"
)

const (
	// awayLimit is how long what is about another login's message waits for that to be sent while the other login is not
	// connected. It is short: such a login must not hold up another for long.
	awayLimit = 20 * time.Second
	// busyLimit is the same while the other login is connected and has much to send.
	busyLimit = 10 * time.Minute
)

// after waits for the message that another is about, which another login sends: on WhatsApp what is about it must not come
// before it. The two logins have lanes of their own. Time without a connection of one's own does not count.
func (s *Sender) after(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp, live *session) error {
	if a.After == "" {
		return nil
	}
	open, err := s.sessions.edge.out.IsOpen(ctx, a.After)
	if err != nil || !open {
		return err
	}
	limit := awayLimit
	if other := s.sessions.get(outbox.SentBy(a.After)); other != nil && other.ready.Load() {
		limit = busyLimit
	}
	since := e.Added
	if at := live.connectedAt(); at.After(since) {
		since = at
	}
	if time.Since(since) >= limit {
		return nil
	}
	// Its sending wakes this one. That the other login has lost its connection does not: so it looks again now and then.
	return &queue.Park{Name: outbox.SentOf(a.After), Limit: busyLimit + time.Minute}
}
