package whatsapp

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/simulator"
)

// world is a simulated network with the user's phone and a contact's.
type world struct {
	*simulator.Network
	me, bob *simulator.Phone
	config  Config
	files   *shelf
}

func newWorld(t *testing.T) *world {
	t.Helper()
	n, err := simulator.Start(simulator.Options{Seed: 7})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	w := &world{Network: n, files: &shelf{files: map[id.ContentURIString][]byte{}}}
	w.me, err = n.AddPhone(mine, "Me")
	require.NoError(t, err)
	w.bob, err = n.AddPhone(bobs, "Bob")
	require.NoError(t, err)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, n.CAPEM(), 0o600))
	root := n.RootKey()
	w.config = Config{FirstBackoff: 20 * time.Millisecond, MaxBackoff: 200 * time.Millisecond,
		Network: Network{Address: n.Address(), RootKey: hex.EncodeToString(root[:]), CAFile: ca}}
	return w
}

// strict fails the test if the bridge did anything that the network does not know.
func (w *world) strict(t *testing.T) {
	t.Helper()
	for _, v := range w.Violations() {
		t.Errorf("violation of %q in %s: %s", v.Device, v.Class, v.Detail)
	}
}

// say lets bob write to the user, and returns the message's ID.
func (w *world) say(t *testing.T, text string) string {
	t.Helper()
	secret := make([]byte, 32) // the key for later edits and votes; real phones send one with every message
	sent, err := w.bob.Send(limit(t), simulator.Outgoing{Chat: mine, Message: &waE2E.Message{Conversation: proto.String(text),
		MessageContextInfo: &waE2E.MessageContextInfo{MessageSecret: secret}}})
	require.NoError(t, err)
	return sent.ID
}

// hears waits until bob's phone has a message.
func (w *world) hears(t *testing.T, messageID string) simulator.Message {
	t.Helper()
	m, err := w.bob.WaitMessage(limit(t), func(m simulator.Message) bool { return m.ID == messageID })
	require.NoError(t, err)
	return m
}

// receipted waits until bob's phone has the bridge's receipt of a message.
func (w *world) receipted(t *testing.T, messageID string) {
	t.Helper()
	_, err := w.bob.WaitReceipt(limit(t), func(r simulator.Receipt) bool { return slices.Contains(r.IDs, messageID) && r.From.Device > 0 })
	require.NoError(t, err)
}

// settled waits until the bridge has acknowledged everything.
func (w *world) settled(t *testing.T, device string) {
	t.Helper()
	_, err := w.WaitEvent(limit(t), func(simulator.Event) bool {
		s := w.Stats()[device]
		return s.Unacknowledged == 0 && s.Queued == 0
	})
	require.NoError(t, err, "%+v", w.Stats()[device])
}
