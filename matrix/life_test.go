package matrix_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/inbox"
	"causeway/media"
	"causeway/outbox"
)

// lostFiles lists what was journaled about files that are lost.
func (b *bench) lostFiles() (list []inbox.FileLost) {
	b.t.Helper()
	rows, err := b.db.Query(b.t.Context(), `SELECT payload FROM queue_entry WHERE queue='inbox' AND kind=$1`, inbox.KindFileLost)
	require.NoError(b.t, err)
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var raw []byte
		var lost inbox.FileLost
		require.NoError(b.t, rows.Scan(&raw))
		require.NoError(b.t, json.Unmarshal(raw, &lost))
		list = append(list, lost)
	}
	require.NoError(b.t, rows.Err())
	return list
}

// A file that the phone may still have is told of, with all that is needed to show it, also when the bridge is killed
// between the note and the event.
func TestLostFileIsTold(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	b.withMedia(&cdn{err: media.ErrGone}, 1<<20)
	key := b.message(p.ID, contact.ID, "LOST")
	raw := []byte(`{"msgtype":"m.image","body":"the caption","filename":"image.jpg"}`)
	a := outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.room.message", Content: raw, Txn: "1", Message: &key,
		File: &outbox.FileOnWhatsApp{Class: "image", Size: 100, Name: "image.jpg", Kind: "image"}}
	require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error { return b.out.SendEvent(ctx, a) }))
	_, err := b.sender.Perform(b.context(), b.stored())
	require.NoError(t, err)
	require.Empty(t, b.lostFiles(), "only with the closing of the action")
	require.NoError(t, b.doEntry(b.stored()))
	list := b.lostFiles()
	require.Len(t, list, 1)
	require.Equal(t, key, list[0].Message)
	var kept outbox.SendEvent
	require.NoError(t, json.Unmarshal(list[0].Action, &kept))
	require.JSONEq(t, string(raw), string(kept.Content))
	require.NotNil(t, kept.File)
	content := b.last(p.RoomID).Content
	require.Contains(t, content["body"], "does not have it any more. The phone may have it.")
}

func (b *bench) pinned(room id.RoomID) any {
	return b.hs.State(room.String(), "m.room.pinned_events", "")["pinned"]
}

func TestPin(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.directRoom()
	key := b.message(p.ID, contact.ID, "ONE")
	pin := outbox.Pin{Portal: p.ID, Message: key, On: true}
	require.NoError(t, b.do(outbox.KindPin, pin), "no event shows it yet")
	require.Nil(t, b.pinned(p.RoomID))
	for range 2 { // a repeat changes nothing
		require.NoError(t, b.db.SettleMessage(t.Context(), key, "$one"))
		require.NoError(t, b.do(outbox.KindPin, pin))
		require.Equal(t, []any{"$one"}, b.pinned(p.RoomID))
	}
	other := b.message(p.ID, contact.ID, "TWO")
	require.NoError(t, b.db.SettleMessage(t.Context(), other, "$two"))
	require.NoError(t, b.do(outbox.KindPin, outbox.Pin{Portal: p.ID, Message: other, On: true}))
	require.Equal(t, []any{"$one", "$two"}, b.pinned(p.RoomID))
	pin.On = false
	require.NoError(t, b.do(outbox.KindPin, pin))
	require.Equal(t, []any{"$two"}, b.pinned(p.RoomID))
	require.NoError(t, b.do(outbox.KindPin, pin))
}

// In a room that a user has made for a contact's ghost the bot has no power to remove what the user wrote. The ghost has.
func TestRedactionInARoomOfAUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.direct()
	room, err := b.hs.MakeRoom(alice.String(), true, contact.UserID.String())
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Room: id.RoomID(room), As: contact.UserID}))
	require.NoError(t, b.hs.SetState(alice.String(), room, "m.room.power_levels", "", map[string]any{
		"users": map[string]any{alice.String(): 100, contact.UserID.String(): 100}, "redact": 50,
	}))
	_, err = b.db.SetPortalRoom(t.Context(), p.ID, id.RoomID(room))
	require.NoError(t, err)
	key := b.message(p.ID, contact.ID, "GONE")
	wrote, err := b.hs.SendText(alice.String(), room, "mine")
	require.NoError(t, err)
	require.NoError(t, b.db.SettleMessage(t.Context(), key, id.EventID(wrote)))
	require.NoError(t, b.do(outbox.KindSendEvent, outbox.SendEvent{Portal: p.ID, As: bot, Type: "m.room.redaction", Content: []byte(`{}`), Txn: "gone", About: &key}))
	last := b.last(id.RoomID(room))
	require.Equal(t, "m.room.redaction", last.Type)
	require.Equal(t, contact.UserID.String(), last.Sender)
}
