package simulator_test

import (
	"errors"
	"testing"

	"causeway/simulator"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

// TestNotAClient connects without speaking the protocol; the network must drop it and go on.
func TestNotAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, hello := range []string{"XX\x06\x03\x00\x00\x01x", "WA\x06\x03\x00\x00\x02\xff\xff", "WA\x06\x03\x00\x00\x00"} {
		socket, _, err := websocket.Dial(limit(t), "wss://web.whatsapp.com/ws/chat", &websocket.DialOptions{HTTPClient: w.HTTPClient()})
		require.NoError(t, err)
		require.NoError(t, socket.Write(limit(t), websocket.MessageBinary, []byte(hello)))
		_, _, err = socket.Read(limit(t))
		require.Error(t, err)
		var closed websocket.CloseError
		require.False(t, errors.As(err, &closed), "it is dropped without a farewell")
	}
	c := newCompanion(t, w)
	c.link(t, w.me)
	w.strict(t)
}

// TestSilentHandshake lets the network take a connection and say nothing on it. The next one is like any other.
func TestSilentHandshake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.Fault(simulator.Fault{Kind: simulator.SilentHandshake}))
	socket, _, err := websocket.Dial(limit(t), "wss://web.whatsapp.com/ws/chat", &websocket.DialOptions{HTTPClient: w.HTTPClient()})
	require.NoError(t, err)
	require.NoError(t, socket.Write(limit(t), websocket.MessageBinary, []byte("not even this is answered")))
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool {
		return e.Class == string(simulator.SilentHandshake) && e.Detail != ""
	})
	require.NoError(t, err)
	c := newCompanion(t, w)
	c.link(t, w.me)
	w.strict(t)
	require.NoError(t, w.Close())
	_, _, err = socket.Read(limit(t))
	require.Error(t, err, "it ends with the network")
}
