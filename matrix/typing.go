package matrix

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"
)

// Typing shows for a time that a ghost is typing in a room, or, with none, that it is not any more (Client-Server API,
// "Typing notifications"). While the homeserver is known to be away nothing is shown.
func (s *Sender) Typing(ctx context.Context, room id.RoomID, user id.UserID, shown time.Duration) error {
	if s.gate.away() {
		return nil
	}
	if _, err := s.clients.as(user).UserTyping(ctx, room, shown > 0, shown); err != nil && !refused(err) {
		return fmt.Errorf("show %s as typing in %s: %w", user, room, err)
	}
	return nil
}
