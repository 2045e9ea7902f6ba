package matrix_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

func statusOf(room id.RoomID, about id.EventID, txn string) outbox.SendStatus {
	return outbox.SendStatus{Room: room, Txn: txn, Content: event.BeeperMessageStatusEventContent{
		Network: "whatsapp", RelatesTo: event.RelatesTo{Type: event.RelReference, EventID: about},
		Status: event.MessageStatusSuccess, DeliveredToUsers: &[]id.UserID{carol}, Message: "It is there.",
	}}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	for range 2 { // a repeat is the same event
		require.NoError(t, b.do(outbox.KindSendStatus, statusOf(room, "$message", "1")))
		last := b.last(room)
		require.Equal(t, "com.beeper.message_send_status", last.Type)
		require.Equal(t, bot.String(), last.Sender)
		require.Equal(t, map[string]any{
			"network": "whatsapp", "status": "SUCCESS", "message": "It is there.", "delivered_to_users": []any{carol.String()},
			"m.relates_to": map[string]any{"rel_type": "m.reference", "event_id": "$message"},
		}, last.Content)
	}
	require.NoError(t, b.hs.Move(alice.String(), room.String(), bot.String(), "leave"))
	require.NoError(t, b.do(outbox.KindSendStatus, statusOf(room, "$message", "2")), "where the bot is not it is of no use, and no dead letter")
}

// action adds a message to WhatsApp to the outbox, and returns its key and a function that closes it.
func (b *bench) action() (key string, done func()) {
	b.t.Helper()
	a := outbox.SendWhatsApp{Login: aliceLogin, Message: database.MessageKey{Portal: 1, ID: "3EB0"}}
	require.NoError(b.t, b.db.Write(b.t.Context(), func(ctx context.Context) error { return b.out.SendWhatsApp(ctx, a) }))
	return a.Key(), func() {
		_, err := b.db.Exec(b.t.Context(), `UPDATE queue_entry SET state=1 WHERE dedup_key=$1`, a.Key())
		require.NoError(b.t, err)
	}
}

// "It is on its way" must not be the last word about a message that has gone.
func TestDelayIsNotToldTooLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	key, done := b.action()
	pending := statusOf(room, "$message", "pending")
	pending.While = key
	notice := outbox.SendNotice{Room: room, Txn: "delayed", Text: "It waits.", While: key}
	require.NoError(t, b.do(outbox.KindSendStatus, pending))
	require.Equal(t, "com.beeper.message_send_status", b.last(room).Type)
	require.NoError(t, b.do(outbox.KindSendNotice, notice))
	last := b.last(room)
	require.Equal(t, "It waits.", last.Content["body"])
	done()
	pending.Txn, notice.Txn = "pending 2", "delayed 2"
	require.NoError(t, b.do(outbox.KindSendStatus, pending))
	require.NoError(t, b.do(outbox.KindSendNotice, notice))
	require.Equal(t, last.ID, b.last(room).ID)
}

// The receipt of the recipient may come before WhatsApp's answer to the send.
func TestSentDoesNotUndoDelivered(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	sent := statusOf(room, "$message", "sent")
	sent.Unless = "delivered"
	require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error {
		return b.out.SendStatus(ctx, statusOf(room, "$message", "delivered"))
	}))
	before := b.last(room)
	require.NoError(t, b.do(outbox.KindSendStatus, sent))
	require.Equal(t, before.ID, b.last(room).ID)
	sent.Unless = "other"
	require.NoError(t, b.do(outbox.KindSendStatus, sent))
	require.NotEqual(t, before.ID, b.last(room).ID)
}

func TestMarkRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	sent, err := b.hs.SendText(alice.String(), room.String(), "hello")
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, b.do(outbox.KindMarkRead, outbox.MarkRead{Room: room, Event: id.EventID(sent)}))
		require.Equal(t, sent, b.hs.ReadBy(bot.String(), room.String()))
	}
	require.NoError(t, b.hs.Move(alice.String(), room.String(), bot.String(), "leave"))
	require.NoError(t, b.do(outbox.KindMarkRead, outbox.MarkRead{Room: room, Event: id.EventID(sent)}))
}

// A ghost shows as read what is in the room, and what it is still to show.
func TestMarkReadAsGhost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, ghost := b.directRoom()
	key := b.message(p.ID, ghost.ID, "A")
	read := outbox.MarkRead{Room: p.RoomID, As: ghost.UserID, Message: &key}
	require.NoError(t, b.do(outbox.KindMarkRead, read))
	require.Empty(t, b.hs.ReadBy(ghost.UserID.String(), p.RoomID.String()), "it is not shown")
	require.NoError(t, b.hs.Move(alice.String(), p.RoomID.String(), alice.String(), "join"))
	sent, err := b.hs.SendText(alice.String(), p.RoomID.String(), "hello")
	require.NoError(t, err)
	require.NoError(t, b.db.SettleMessage(t.Context(), key, id.EventID(sent)))
	require.NoError(t, b.do(outbox.KindMarkRead, read))
	require.Equal(t, sent, b.hs.ReadBy(ghost.UserID.String(), p.RoomID.String()))
	read.Message = &database.MessageKey{Portal: p.ID, ID: "GONE", Sender: ghost.ID}
	require.NoError(t, b.do(outbox.KindMarkRead, read))
}

func TestStatusesOfARoomAreInOrder(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error {
		if err := b.out.SendStatus(ctx, statusOf("!r:test.local", "$1", "1")); err != nil {
			return err
		}
		return b.out.MarkRead(ctx, outbox.MarkRead{Room: "!r:test.local", Event: "$1"})
	}))
	lanes, err := b.out.Lanes(t.Context())
	require.NoError(t, err)
	require.Len(t, lanes, 1)
	require.Equal(t, queue.Lane("status/!r:test.local"), lanes[0].Lane)
	require.False(t, outbox.OnWhatsApp(lanes[0].Lane))
}
