package whatsapp

import (
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/inbox"
)

// Bob's phone says that it has got a message, and that is journaled once for the chat.
func TestDeliveryReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Receipts = true
	b := newBridge(t, w)
	b.login(t)
	portal, err := b.db.EnsurePortal(t.Context(), mine, w.bob.JID())
	require.NoError(t, err)
	b.send(t, "3EB0SEEN", "did you get this?")
	w.hears(t, "3EB0SEEN")
	b.until(t, "the delivery receipt", func() bool {
		n := 0
		for _, e := range b.arrived {
			if e.Kind == inbox.KindDelivered {
				require.Equal(t, inbox.ChatLane(portal.ID), e.Lane)
				require.JSONEq(t, `{"login":"`+mine+`","portal":1,"message":"3EB0SEEN"}`, string(e.Payload))
				n++
			}
		}
		return n == 1
	})
	b.tokened(t)
	b.drained(t)
	w.strict(t)
}
