package whatsapp

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/simulator"
)

// Whoever sends a message chooses its ID. One that no index takes is journaled and acknowledged, and so is what comes after it, on
// the same connection.
func TestEndlessMessageID(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		w := newWorld(t)
		b := startBridge(t, w, db)
		b.login(t)
		before := w.Stats()[mine+":1"]
		var id strings.Builder
		for id.Len() < 10_000 {
			id.WriteString(rand.Text()) // a database cannot make it small
		}
		_, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, ID: id.String(), Message: &waE2E.Message{Conversation: proto.String("endless"),
			MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: make([]byte, 32)}}})
		require.NoError(t, err)
		_, err = w.WaitEvent(limit(t), func(simulator.Event) bool {
			now := w.Stats()[mine+":1"]
			return now.Logins > before.Logins || now.Delivered > before.Delivered && now.Unacknowledged == 0
		})
		require.NoError(t, err)
		require.Equal(t, before.Logins, w.Stats()[mine+":1"].Logins, "it was refused")
		b.message(t, w.say(t, "after it"))
		require.Equal(t, []string{"endless", "after it"}, b.texts(t))
		w.settled(t, mine+":1")
		require.Equal(t, before.Logins, w.Stats()[mine+":1"].Logins, "nothing was refused")
	})
}
