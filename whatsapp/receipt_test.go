package whatsapp

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/inbox"
	"causeway/outbox"
	"causeway/simulator"
)

// Bob's phone says that it has got a message, and that is journaled once for the chat.
func TestDeliveryReceipts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Receipts.Delivered = true
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

// What Bob reads on his phone is journaled once, whichever of his devices says so; what he merely gets is not.
func TestReadOnWhatsApp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Receipts.Read = true
	b := newBridge(t, w)
	b.login(t)
	_, err := b.db.EnsurePortal(t.Context(), mine, w.bob.JID())
	require.NoError(t, err)
	b.send(t, "3EB0ONE", "first")
	b.send(t, "3EB0TWO", "second")
	for _, id := range []string{"3EB0ONE", "3EB0TWO"} {
		w.hears(t, id)
	}
	for _, kind := range []string{"read", "read", "played"} {
		require.NoError(t, w.bob.Acknowledge(w.me.JID().User, []string{"3EB0ONE", "3EB0TWO"}, kind))
	}
	require.NoError(t, w.bob.Acknowledge(w.me.JID().User, []string{"3EB0ONE"}, "read"))
	b.until(t, "what Bob has read", func() bool {
		var got []string
		for _, e := range b.arrived {
			if e.Kind == inbox.KindReadOnWhatsApp {
				got = append(got, string(e.Payload))
			}
		}
		reader := `"portal":1,"reader":"` + w.bob.LID().String() + `","messages":`
		if len(got) == 2 {
			require.JSONEq(t, `{"login":"`+mine+`",`+reader+`["3EB0ONE","3EB0TWO"]}`, got[0])
			require.JSONEq(t, `{"login":"`+mine+`",`+reader+`["3EB0ONE"]}`, got[1])
		}
		return len(got) == 2
	})
	b.tokened(t)
	b.drained(t)
	w.strict(t)
}

// What the user has read on Matrix is told to the writer, or to the user's own phone only.
func TestSendReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	b := newBridge(t, w)
	b.login(t)
	first, second := w.say(t, "one"), w.say(t, "two")
	told := b.message(t, second)
	receipt := outbox.SendReceipt{Login: mine, Portal: 1, Chat: told.Info.Chat, Sender: told.Info.Sender, Messages: []types.MessageID{first, second}, At: told.Info.Timestamp}
	for _, private := range []bool{true, false} {
		receipt.Private = private
		require.NoError(t, b.out.SendReceipt(t.Context(), fmt.Sprint(private), receipt))
	}
	_, err := w.bob.WaitReceipt(limit(t), func(r simulator.Receipt) bool {
		return r.Type == "read" && slices.Equal(r.IDs, []string{first, second})
	})
	require.NoError(t, err)
	_, err = w.WaitEvent(limit(t), func(e simulator.Event) bool { return e.Kind == "receipt" && e.ID == first && e.Detail == "read-self" })
	require.NoError(t, err)
	b.drained(t)
	w.strict(t)
}
