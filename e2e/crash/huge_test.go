package crash

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"causeway/simulator"
	"causeway/simulator/homeserver"
)

// TestHugeFile moves a file of 500 MB each way through the bridge's process, and looks at how much memory that takes more than
// before.
func TestHugeFile(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("not run: the memory of a process is read as on Linux")
	}
	const size, bound, cage = 500_000_000, 32 << 20, 6 * time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), cage)
	defer cancel()
	w, err := open(ctx, Options{Binary: shared.binary, Dir: t.TempDir(), Seed: rand.Uint64()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.close()) })
	alice, bob := w.people[0], w.people[1]
	_, err = bob.phone.Send(ctx, simulator.Outgoing{Chat: alice.phone.Number(), Text: "hello"})
	require.NoError(t, err)
	room, _ := w.find(ctx, t, func(e homeserver.Event) bool {
		// Bob uses the bridge too, and has a room of his own that shows what he said.
		return e.Content["body"] == "hello" && w.matrix.membership(e.Room, alice.user) == "invite"
	})
	require.NoError(t, w.matrix.lobby.Join(alice.user, room))
	w.forget(t)
	before := w.peak(t)

	sent, err := bob.phone.SendMedia(ctx, alice.phone.Number(), simulator.Media{Kind: simulator.MediaDocument, MIME: "x/y", FileName: "down", Random: size})
	require.NoError(t, err)
	_, shown := w.find(ctx, t, func(e homeserver.Event) bool {
		return e.Content["body"] == "down" && strings.Contains(e.Sender, "whatsapp_") && e.Room == room
	})
	url, _ := shown.Content["url"].(string)
	file, ok := w.matrix.null.Huge(url)
	require.True(t, ok)
	require.EqualValues(t, size, file.Size)
	m, err := bob.phone.WaitMessage(ctx, func(m simulator.Message) bool { return m.ID == sent.ID })
	require.NoError(t, err)
	_, sum, _, _ := simulator.FileOf(m)
	require.Equal(t, hex.EncodeToString(sum), file.SHA256, "the bytes that came to Matrix")
	down := w.peak(t)
	w.forget(t)

	address, file := w.matrix.null.MakeHuge(size)
	_, err = w.matrix.rooms.Send(alice.user, room, "m.room.message", map[string]any{"msgtype": "m.file", "body": "up", "url": address})
	require.NoError(t, err)
	m, err = bob.phone.WaitMessage(ctx, func(m simulator.Message) bool {
		return !m.FromMe && m.Message.GetDocumentMessage().GetFileName() == "up"
	})
	require.NoError(t, err)
	_, sum, length, _ := simulator.FileOf(m)
	require.Equal(t, []any{file.SHA256, uint64(size)}, []any{hex.EncodeToString(sum), length}, "the bytes that came to WhatsApp")
	up := w.peak(t)
	t.Logf("resident memory of the bridge: %.1f MiB before; with a file of 500 MB at most %.1f MiB to Matrix and %.1f MiB to WhatsApp",
		mebibytes(before), mebibytes(down), mebibytes(up))
	require.Less(t, max(down, up)-before, int64(bound))
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// find waits for an event in any room.
func (w *world) find(ctx context.Context, t *testing.T, wanted func(e homeserver.Event) bool) (string, homeserver.Event) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, room := range w.matrix.rooms.Rooms() {
			for _, e := range w.matrix.rooms.History(room) {
				if wanted(e) {
					return room, e
				}
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.FailNow(t, "waited in vain for an event", w.bridge.tail())
		}
	}
}

// peak is the most memory that the bridge has had, in bytes.
func (w *world) peak(t *testing.T) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", w.bridge.process.PID()))
	require.NoError(t, err)
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kibibytes int64
	_, err = fmt.Sscan(rest, &kibibytes)
	require.NoError(t, err)
	return kibibytes << 10
}

// forget lets peak begin anew.
func (w *world) forget(t *testing.T) {
	t.Helper()
	require.NoError(t, os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", w.bridge.process.PID()), []byte("5"), 0))
}
