package matrix_test

import (
	"bytes"
	"image"
	_ "image/png"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/simulator/homeserver"
)

// management is alice's room with the bot, as the bridge comes to know it.
func (b *bench) management() id.RoomID {
	b.t.Helper()
	room, err := b.hs.MakeRoom(alice.String(), true, bot.String())
	require.NoError(b.t, err)
	require.NoError(b.t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Room: id.RoomID(room), As: bot}))
	return id.RoomID(room)
}

func (b *bench) last(room id.RoomID) homeserver.Event {
	events := b.hs.Events(room.String())
	return events[len(events)-1]
}

func TestNotice(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	require.NoError(t, b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "a/b c", Text: "**hi**", HTML: "<b>hi</b>", ReplyTo: "$question"}))
	sent := b.last(room)
	require.Equal(t, bot.String(), sent.Sender)
	require.Equal(t, "m.notice", sent.Content["msgtype"])
	require.Equal(t, "**hi**", sent.Content["body"])
	require.Equal(t, "<b>hi</b>", sent.Content["formatted_body"])
	require.Equal(t, "org.matrix.custom.html", sent.Content["format"])
	require.Equal(t, map[string]any{"m.in_reply_to": map[string]any{"event_id": "$question"}}, sent.Content["m.relates_to"])
}

func TestNoticeThatHasExpired(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	before := b.last(room)
	require.NoError(t, b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "1", Text: "code", Expires: time.Now().Add(-time.Second)}))
	require.Equal(t, before.ID, b.last(room).ID)
}

func TestNamedNoticeIsChangedAndRemoved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	const name = "login/1"
	require.NoError(t, b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "1", Name: name, QR: "2@first", Text: "Scan me"}))
	first := b.last(room)
	require.Equal(t, "m.image", first.Content["msgtype"])
	require.Equal(t, "Scan me", first.Content["body"])
	require.Equal(t, "qr.png", first.Content["filename"])
	picture, kind, err := image.DecodeConfig(bytes.NewReader(b.hs.Media(first.Content["url"].(string))))
	require.NoError(t, err)
	require.Equal(t, "png", kind)
	require.GreaterOrEqual(t, picture.Width, 512)

	require.NoError(t, b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "2", Name: name, QR: "2@second", Text: "Scan me"}))
	second := b.last(room)
	require.Equal(t, map[string]any{"rel_type": "m.replace", "event_id": first.ID}, second.Content["m.relates_to"])
	changed := second.Content["m.new_content"].(map[string]any)
	require.Equal(t, "Scan me", changed["body"])
	require.NotEqual(t, first.Content["url"], changed["url"])
	require.NotContains(t, changed, "m.relates_to")

	for range 2 { // a repeat is harmless
		require.NoError(t, b.do(outbox.KindRemoveNotice, outbox.RemoveNotice{Name: name}))
		require.Equal(t, "m.room.redaction", b.last(room).Type)
		require.Equal(t, first.ID, b.last(room).Redacts)
	}
	_, err = b.db.BotEventByName(t.Context(), name)
	require.ErrorIs(t, err, database.ErrNotFound)
}

func TestNoticeWhereTheBotIsNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	require.NoError(t, b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "1", Name: "n", Text: "hello"}))
	require.NoError(t, b.hs.Move(alice.String(), room.String(), bot.String(), "leave"))
	err := b.do(outbox.KindSendNotice, outbox.SendNotice{Room: room, Txn: "2", Text: "hello?"})
	require.True(t, final(err), "the lane must go on")
	require.NoError(t, b.do(outbox.KindRemoveNotice, outbox.RemoveNotice{Name: "n"}))
}
