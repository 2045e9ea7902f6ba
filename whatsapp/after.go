package whatsapp

import (
	"context"
	"time"

	"causeway/outbox"
	"causeway/queue"
)

// afterLimit is how long what is about another login's message waits for that to be sent. It is short: a login that is
// not connected must not hold up another for long.
const afterLimit = 20 * time.Second

// after waits for the message that another is about, which another login sends. The two logins have lanes of their own.
func (s *Sender) after(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp) error {
	if a.After == "" || time.Since(e.Added) >= afterLimit {
		return nil
	}
	open, err := s.sessions.edge.out.IsOpen(ctx, a.After)
	if err != nil || !open {
		return err
	}
	// It looks again at growing intervals, and is not told: that would be one more write for every message.
	return &queue.Park{Name: "sent/" + a.After, Limit: afterLimit + time.Minute}
}
