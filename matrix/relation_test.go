package matrix_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/outbox"
	"causeway/simulator/homeserver"
)

// about is an event that a ghost posts about a message.
func about(key, target database.MessageKey, kind, content string) outbox.SendEvent {
	return outbox.SendEvent{Portal: key.Portal, As: carol, Type: kind, Txn: "t" + key.ID, Content: json.RawMessage(content), Message: &key, About: &target}
}

// The event that a message is about is known only when it was sent.
func TestSendEventAboutAnother(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	target := b.message(p.ID, contact.ID, "A")
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", &target)))
	shown := b.eventOf(target).String()

	edit := b.message(p.ID, contact.ID, "E")
	require.NoError(t, b.do(outbox.KindSendEvent, about(edit, target, "m.room.message",
		`{"body":"* x","m.relates_to":{"rel_type":"m.replace"},"m.new_content":{"body":"x"}}`)))
	require.Equal(t, map[string]any{"rel_type": "m.replace", "event_id": shown}, b.last(p.RoomID).Content["m.relates_to"])

	reaction := b.message(p.ID, contact.ID, "R")
	require.NoError(t, b.do(outbox.KindSendEvent, about(reaction, target, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","key":"x"}}`)))
	require.Equal(t, map[string]any{"rel_type": "m.annotation", "event_id": shown, "key": "x"}, b.last(p.RoomID).Content["m.relates_to"])

	reply := b.message(p.ID, contact.ID, "P")
	require.NoError(t, b.do(outbox.KindSendEvent, about(reply, target, "m.room.message", `{"body":"x","m.relates_to":{"m.in_reply_to":{}}}`)))
	require.Equal(t, map[string]any{"m.in_reply_to": map[string]any{"event_id": shown}}, b.last(p.RoomID).Content["m.relates_to"])

	comment := b.message(p.ID, contact.ID, "C")
	require.NoError(t, b.do(outbox.KindSendEvent, about(comment, target, "m.room.message",
		`{"body":"x","m.relates_to":{"rel_type":"m.thread","is_falling_back":true,"m.in_reply_to":{}}}`)))
	require.Equal(t, map[string]any{"rel_type": "m.thread", "event_id": shown, "is_falling_back": true, "m.in_reply_to": map[string]any{"event_id": shown}},
		b.last(p.RoomID).Content["m.relates_to"])
	lost := b.message(p.ID, contact.ID, "D")
	require.NoError(t, b.do(outbox.KindSendEvent, about(lost, b.message(p.ID, contact.ID, "NEVER"), "m.room.message",
		`{"body":"x","m.relates_to":{"rel_type":"m.thread","is_falling_back":true,"m.in_reply_to":{}}}`)))
	require.NotContains(t, b.last(p.RoomID).Content, "m.relates_to")

	removal := b.message(p.ID, contact.ID, "X")
	require.NoError(t, b.do(outbox.KindSendEvent, about(removal, reaction, "m.room.redaction", `{}`)))
	require.Equal(t, b.eventOf(reaction).String(), b.last(p.RoomID).Redacts)
	require.Equal(t, b.last(p.RoomID).ID, b.eventOf(removal).String())
}

// The answer to a removal is lost, and the homeserver has restarted: it is there once.
func TestRemovalOnceThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	target := b.message(p.ID, contact.ID, "A")
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", &target)))
	removal := b.message(p.ID, contact.ID, "X")
	e := b.entry(outbox.KindSendEvent, about(removal, target, "m.room.redaction", `{}`))
	b.hs.Inject(homeserver.Fault{Match: "/redact/", LoseAnswer: true})
	require.Error(t, b.doEntry(e))
	b.hs.ForgetTransactions()
	events := len(b.hs.Events(p.RoomID.String()))
	e.Attempts = 1
	require.NoError(t, b.doEntry(e))
	require.Len(t, b.hs.Events(p.RoomID.String()), events)
	require.Equal(t, b.last(p.RoomID).ID, b.eventOf(removal).String())
}

// What should have been shown was given up: an answer does without, a removal has nothing to do, the rest is given up.
func TestSendEventAboutWhatWasNeverShown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	target := b.message(p.ID, contact.ID, "A")
	events := len(b.hs.Events(p.RoomID.String()))
	reaction := b.message(p.ID, contact.ID, "R")
	err := b.do(outbox.KindSendEvent, about(reaction, target, "m.reaction", `{"m.relates_to":{"rel_type":"m.annotation","key":"x"}}`))
	require.ErrorContains(t, err, "no event shows it")
	require.ErrorContains(t, b.do(outbox.KindSendEvent, about(reaction, target, "m.reaction", `{}`)), "relates")
	require.NoError(t, b.do(outbox.KindSendEvent, about(b.message(p.ID, contact.ID, "X"), target, "m.room.redaction", `{}`)))
	require.Len(t, b.hs.Events(p.RoomID.String()), events)
	reply := b.message(p.ID, contact.ID, "P")
	require.NoError(t, b.do(outbox.KindSendEvent, about(reply, target, "m.room.message", `{"body":"x","m.relates_to":{"m.in_reply_to":{}}}`)))
	require.NotContains(t, b.last(p.RoomID).Content, "m.relates_to")
}
