package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/outbox"
	"causeway/queue"
)

// Whatever a decider adds twice, because an arrival came twice, is done once: all actions that name an occasion.
func TestRepeatsAreHarmless(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		o := outbox.New(db)
		group := types.NewJID("1", types.GroupServer)
		message := database.MessageKey{Portal: 1, ID: "m", Sender: 1}
		actions := map[string]func(ctx context.Context) error{
			outbox.KindCreateRoom: func(ctx context.Context) error { return o.CreateRoom(ctx, outbox.CreateRoom{Portal: 1}) },
			outbox.KindSendEvent: func(ctx context.Context) error {
				return o.SendEvent(ctx, outbox.SendEvent{Portal: 1, Txn: "t", Message: &message, Content: json.RawMessage(`{}`)})
			},
			outbox.KindSendNotice: func(ctx context.Context) error {
				return o.SendNotice(ctx, outbox.SendNotice{Room: "!m:localhost", Txn: "t"})
			},
			outbox.KindRemoveNotice: func(ctx context.Context) error {
				return o.RemoveNotice(ctx, "!m:localhost", outbox.RemoveNotice{Name: "n"})
			},
			outbox.KindJoinRoom: func(ctx context.Context) error {
				return o.JoinRoom(ctx, "$e", outbox.JoinRoom{Portal: 1, As: "@g:localhost"})
			},
			outbox.KindLeaveRoom: func(ctx context.Context) error {
				return o.LeaveRoom(ctx, "$e", outbox.LeaveRoom{Portal: 1, User: "@g:localhost"})
			},
			outbox.KindInvite: func(ctx context.Context) error {
				return o.Invite(ctx, "$e", outbox.Invite{Portal: 1, User: "@g:localhost"})
			},
			outbox.KindSendWhatsApp: func(ctx context.Context) error {
				return o.SendWhatsApp(ctx, outbox.SendWhatsApp{Login: "49", Chat: group, Message: message})
			},
			outbox.KindPair: func(ctx context.Context) error { return o.Pair(ctx, outbox.Pair{User: "@a:localhost", Flow: "f"}) },
			outbox.KindStopPairing: func(ctx context.Context) error {
				return o.StopPairing(ctx, outbox.StopPairing{User: "@a:localhost", Flow: "f"})
			},
			outbox.KindLogOut: func(ctx context.Context) error { return o.LogOut(ctx, "$e", outbox.LogOut{Login: "49"}) },
			outbox.KindLookUpNumber: func(ctx context.Context) error {
				return o.LookUpNumber(ctx, outbox.LookUpNumber{Login: "49", Key: "k"})
			},
			outbox.KindFetchGroup: func(ctx context.Context) error {
				return o.FetchGroup(ctx, outbox.FetchGroup{Login: "49", Group: group, Key: "k"})
			},
		}
		for range 2 {
			for kind, add := range actions {
				require.NoError(t, db.Write(t.Context(), func(ctx context.Context) error { return errors.Join(add(ctx), add(ctx)) }), kind)
			}
		}
		rows, err := db.Query(t.Context(), `SELECT kind, lane FROM queue_entry WHERE queue='outbox'`)
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		seen := make(map[string]queue.Lane)
		for rows.Next() {
			var kind string
			var lane queue.Lane
			require.NoError(t, rows.Scan(&kind, &lane))
			require.NotContains(t, seen, kind, "it was added twice")
			seen[kind] = lane
		}
		require.NoError(t, rows.Err())
		require.Len(t, seen, len(actions))
		// What must stay in order shares a lane, and each side has its own.
		require.Equal(t, seen[outbox.KindCreateRoom], seen[outbox.KindSendEvent])
		require.Equal(t, seen[outbox.KindSendNotice], seen[outbox.KindRemoveNotice])
		require.Equal(t, seen[outbox.KindJoinRoom], seen[outbox.KindLeaveRoom])
		require.Equal(t, seen[outbox.KindJoinRoom], seen[outbox.KindInvite])
		require.Equal(t, seen[outbox.KindPair], seen[outbox.KindStopPairing])
		for kind, lane := range seen {
			switch kind {
			case outbox.KindSendWhatsApp, outbox.KindPair, outbox.KindStopPairing, outbox.KindLogOut, outbox.KindLookUpNumber, outbox.KindFetchGroup:
				require.True(t, outbox.OnWhatsApp(lane), kind)
			default:
				require.False(t, outbox.OnWhatsApp(lane), kind)
			}
		}
	})
}

// A name or a state may come back to what it was: these are added each time.
func TestStatesAreSetEachTime(t *testing.T) {
	t.Parallel()
	db := databasetest.Memory(t)
	o := outbox.New(db)
	for range 3 {
		require.NoError(t, o.SetProfile(t.Context(), outbox.SetProfile{User: "@g:localhost", Name: "a"}))
		require.NoError(t, o.SetState(t.Context(), outbox.SetState{Portal: 1, Type: "m.room.name"}))
	}
	c, err := o.Counts(t.Context())
	require.NoError(t, err)
	require.Equal(t, 6, c.Open)
}

func TestDecode(t *testing.T) {
	t.Parallel()
	message := database.MessageKey{Portal: 1, ID: "m", Sender: 2}
	want := outbox.SendWhatsApp{Login: "49", Chat: types.NewJID("1", types.GroupServer), Message: message, Content: []byte{0, 255}}
	payload, err := json.Marshal(want)
	require.NoError(t, err)
	got, err := outbox.Decode[outbox.SendWhatsApp](queue.Entry{Payload: payload})
	require.NoError(t, err)
	require.Equal(t, want, got)
	_, err = outbox.Decode[outbox.SendWhatsApp](queue.Entry{Kind: outbox.KindSendWhatsApp, Payload: []byte(`{`)})
	require.ErrorContains(t, err, "decode send_whatsapp")
}
