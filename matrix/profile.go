package matrix

import (
	"context"

	"causeway/outbox"
	"causeway/queue"
)

// setProfile sets the display name of a ghost.
func (s *Sender) setProfile(ctx context.Context, a outbox.SetProfile) (queue.Settle, error) {
	if err := s.clients.register(ctx, a.User); err != nil {
		return nil, err
	}
	return nil, s.clients.ensureName(ctx, a.User, a.Name)
}
