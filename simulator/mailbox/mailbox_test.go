package mailbox_test

import (
	"fmt"
	"testing"

	"causeway/simulator/mailbox"
	"causeway/simulator/wire"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
)

func stanza(tag, id string) wire.Node {
	return wire.Node{Tag: tag, Attrs: wire.Attrs{"id": id, "from": types.NewJID("1", types.HiddenUserServer)}}
}

func ack(id string) *wire.Node {
	return &wire.Node{Tag: "ack", Attrs: wire.Attrs{"id": id, "to": types.NewJID("1", types.HiddenUserServer)}}
}

// take sends everything that may be sent and returns the IDs.
func take(b *mailbox.Box) []string {
	var out []string
	for {
		item, ok := b.Next()
		if !ok {
			return out
		}
		out = append(out, fmt.Sprint(wire.Text(&item.Stanza, "id"), " ", item.Sends))
	}
}

func TestOrderWindowAndRewind(t *testing.T) {
	t.Parallel()
	b := mailbox.New(2)
	for i := range 4 {
		b.Push(stanza("message", fmt.Sprint(i)))
	}
	require.Equal(t, []string{"0 0", "1 0"}, take(b))
	require.Equal(t, 2, b.Flying())
	require.Equal(t, 2, b.Waiting())
	require.Equal(t, mailbox.Settled, b.Settle("message", ack("0")))
	require.Equal(t, []string{"2 0"}, take(b))
	b.Rewind()
	require.Equal(t, map[string]int{"message": 3}, b.Preview())
	require.Equal(t, mailbox.Repeated, b.Settle("message", ack("1")), "its acknowledgement crossed with the end of the connection")
	require.Equal(t, []string{"1 1", "2 1"}, take(b))
	require.Equal(t, mailbox.Settled, b.Settle("message", ack("2")))
	require.Equal(t, mailbox.Settled, b.Settle("message", ack("1")))
	require.Equal(t, []string{"3 0"}, take(b))
	require.Equal(t, mailbox.Repeated, b.Settle("message", ack("1")))
	require.Equal(t, mailbox.Unknown, b.Settle("message", ack("9")))
	require.Equal(t, mailbox.Unknown, b.Settle("receipt", ack("1")))
}

// TestReceiptsOfOneMessage settles the right one of two stanzas with one ID.
func TestReceiptsOfOneMessage(t *testing.T) {
	t.Parallel()
	b := mailbox.New(10)
	delivered, read := stanza("receipt", "M"), stanza("receipt", "M")
	read = wire.With(read, wire.Attrs{"type": "read"})
	b.Push(delivered)
	b.Push(read)
	take(b)
	a := wire.With(*ack("M"), wire.Attrs{"type": "read"})
	require.Equal(t, mailbox.Settled, b.Settle("receipt", &a))
	b.Rewind()
	item, ok := b.Next()
	require.True(t, ok)
	require.Empty(t, wire.Text(&item.Stanza, "type"), "the delivery receipt is still open")
}

func TestAcknowledged(t *testing.T) {
	t.Parallel()
	require.True(t, mailbox.Acknowledged("notification"))
	require.False(t, mailbox.Acknowledged("presence"))
}
