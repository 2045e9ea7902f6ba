package crash

import (
	"context"
	"time"

	"causeway/simulator/homeserver"
)

// rooms is what people see and write on a homeserver.
type rooms interface {
	Rooms() []string
	State(room, kind, key string) map[string]any
	// History is the events of a room as they were sent, whatever was redacted later.
	History(room string) []homeserver.Event
	Send(user, room, kind string, content map[string]any) (string, error)
	Redact(user, room, event string) (string, error)
}

// files is what people store there.
type files interface {
	// Upload stores a file and returns its content URI.
	Upload(user string, data []byte) (string, error)
	// Digest is the SHA-256 of a file, or nothing, which is not nil, when it cannot be had now.
	Digest(address string) []byte
}

// lobby is how they come together.
type lobby interface {
	MakeRoom(owner string, direct bool, invite ...string) (string, error)
	Join(user, room string) error
}

// matrix is the homeserver of a run.
type matrix struct {
	rooms rooms
	lobby lobby
	files files
	// null is the homeserver if it is the null one, synapse if it is Synapse.
	null    *homeserver.Homeserver
	synapse *synapse
}

func (m *matrix) membership(room, user string) string {
	membership, _ := m.rooms.State(room, "m.room.member", user)["membership"].(string)
	return membership
}

// addUser makes an account.
func (m *matrix) addUser(ctx context.Context, name string) (string, error) {
	if m.synapse != nil {
		return m.synapse.AddUser(ctx, name)
	}
	return m.null.AddUser(name), nil
}

func (m *matrix) close() error {
	switch {
	case m.synapse != nil:
		return m.synapse.close()
	case m.null != nil:
		m.null.Close()
	}
	return nil
}

// hear waits until the bot has said something in a room.
func (m *matrix) hear(ctx context.Context, room string, wanted func(text string) bool) (string, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, e := range m.rooms.History(room) {
			if text, _ := e.Content["body"].(string); e.Sender == bot && wanted(text) {
				return text, nil
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}
