package whatsapp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/simulator"
)

// TestStopDuringAHandshake: WhatsApp takes the connection and says nothing. whatsmeow waits for its answer for 20 seconds, whatever
// becomes of the context, but the bridge does not wait with it: when it has stopped the library is still at it.
func TestStopDuringAHandshake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	b.Stop()
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.SilentHandshake}))
	again := startBridge(t, w, b.db)
	_, err := w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Class == string(simulator.SilentHandshake) && e.Detail != "" })
	require.NoError(t, err)
	again.Stop()
	if again.edge.version.use.TryLock() { // the library's attempt reads it as long as it lasts
		again.edge.version.use.Unlock()
		t.Error("the bridge has waited for the library")
	}
}
