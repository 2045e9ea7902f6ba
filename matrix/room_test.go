package matrix_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

func TestDirectRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.direct()
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))

	room := b.portal(p.ID).RoomID.String()
	require.Equal(t, b.hs.RoomByAlias("#whatsapp_portal_1:test.local"), room)
	require.Equal(t, "Carol", b.hs.State(room, "m.room.name", "")["name"])
	require.Equal(t, "WhatsApp chat with +15550101", b.hs.State(room, "m.room.topic", "")["topic"])
	require.Equal(t, "join", b.hs.Membership(room, carol.String()))
	invitation := b.hs.State(room, "m.room.member", alice.String())
	require.Equal(t, "invite", invitation["membership"])
	require.Equal(t, true, invitation["is_direct"])
	for _, e := range b.hs.Events(room) {
		if e.StateKey != nil && *e.StateKey == alice.String() {
			require.Equal(t, carol.String(), e.Sender, "the contact invites, so that the client files the room under them")
		}
		if e.StateKey != nil && *e.StateKey == carol.String() && e.Content["membership"] == "join" {
			require.Equal(t, "Carol", e.Content["displayname"], "a ghost has its name before it joins")
		}
	}
	bridge := b.hs.State(room, "m.bridge", "test.local/whatsapp")
	require.Equal(t, bot.String(), bridge["bridgebot"])
	require.Equal(t, "15550101@s.whatsapp.net", bridge["channel"].(map[string]any)["id"])
	require.NotNil(t, b.hs.State(room, "uk.half-shot.bridge", "test.local/whatsapp"))
	require.Equal(t, []any{bot.String(), own.String()}, b.hs.State(room, "io.element.functional_members", "")["service_members"])
	require.Equal(t, map[string]any{"room": 0.0}, b.hs.State(room, "m.room.power_levels", "")["notifications"], "anybody may mention all")
	require.Empty(t, b.hs.State(room, "m.room.power_levels", "")["users"], "since room version 12 creators may not be listed")
}

func TestGroupRoom(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.group()
	require.NoError(t, b.db.PutLogin(t.Context(), database.Login{
		ID: "15550109", User: bob, Puppet: b.puppet(dave, "Bob (WhatsApp)", "15550109").ID, Device: types.NewJID("15550109", types.DefaultUserServer),
	}))
	_, err := b.db.AddPortalLogin(t.Context(), p.ID, "15550109")
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))

	room := b.portal(p.ID).RoomID.String()
	require.Equal(t, "Rowing club", b.hs.State(room, "m.room.name", "")["name"])
	require.Equal(t, "We row", b.hs.State(room, "m.room.topic", "")["topic"])
	require.Equal(t, "invite", b.hs.Membership(room, alice.String()))
	require.Equal(t, "invite", b.hs.Membership(room, bob.String()))
	require.Nil(t, b.hs.State(room, "io.element.functional_members", ""))
	require.NoError(t, b.hs.Join(alice.String(), room))
	require.Error(t, b.hs.Move(alice.String(), room, "@stranger:test.local", "invite"), "groups are joined on WhatsApp")
}

func TestGroupRoomWaitsForDetails(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.login()
	p, err := b.db.EnsurePortal(t.Context(), "", types.NewJID("120363", types.GroupServer))
	require.NoError(t, err)
	var park *queue.Park
	require.ErrorAs(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}), &park)
	require.Equal(t, outbox.DetailsOf(p.ID), park.Name)
	require.Empty(t, b.hs.Rooms())
}

// The answer to each request on the way is lost once; there must still be one room, with everybody in it.
func TestRoomOnceThoughAnswersAreLost(t *testing.T) {
	t.Parallel()
	for _, lost := range []struct{ method, match string }{
		{"POST", "/createRoom"}, {"POST", "/register"}, {"PUT", "/displayname"}, {"POST", "/invite"}, {"POST", "/join"}, {"PUT", "/state/m.room.member"},
	} {
		t.Run(lost.match, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p, _ := b.direct()
			b.hs.Inject(homeserver.Fault{Method: lost.method, Match: lost.match, LoseAnswer: true})
			require.Error(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
			require.Equal(t, 1, b.hs.FaultsMet())
			require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
			require.Len(t, b.hs.Rooms(), 1)
			room := b.portal(p.ID).RoomID.String()
			require.Equal(t, "join", b.hs.Membership(room, carol.String()))
			require.Equal(t, "invite", b.hs.Membership(room, alice.String()))
			invitations := 0
			for _, e := range b.hs.Events(room) {
				if e.StateKey != nil && *e.StateKey == alice.String() {
					invitations++
				}
			}
			require.Equal(t, 1, invitations)
		})
	}
}

// The room's create event comes back before the answer is seen: the row has the room, but nobody is in it.
func TestRoomKnownFromItsCreateEvent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve()
	p, _ := b.direct()
	b.hs.Inject(homeserver.Fault{Match: "/createRoom", LoseAnswer: true})
	require.Error(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	require.NoError(t, b.hs.WaitPushed(b.context()))
	room := b.portal(p.ID).RoomID.String()
	require.Equal(t, b.hs.Rooms(), []string{room}, "the create event settles the portal")
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	require.Equal(t, "invite", b.hs.Membership(room, alice.String()))
	require.Len(t, b.hs.Rooms(), 1)
}

// With a new database the portals are numbered from 1 again: an old room under the same alias is not of this chat.
func TestRoomOfAnEarlierDatabaseIsNotTakenOver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.direct()
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	old := b.portal(p.ID).RoomID
	_, err := b.db.Exec(t.Context(), `UPDATE portal SET room_id=NULL, chat='999@s.whatsapp.net' WHERE id=1`)
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	made := b.portal(p.ID).RoomID
	require.NotEqual(t, old, made)
	require.Equal(t, made.String(), b.hs.RoomByAlias("#whatsapp_portal_1:test.local"))
}

func TestRoomProvidesItself(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.direct()
	var park *queue.Park
	require.ErrorAs(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", nil)), &park)
	require.Equal(t, outbox.RoomOf(p.ID), park.Name)
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	require.NoError(t, b.do(outbox.KindSendEvent, text(p.ID, carol, "1", "hello", nil)))
	require.Equal(t, []string{carol.String() + ": hello"}, b.hs.Messages(b.portal(p.ID).RoomID.String()))
}

func TestSetState(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.group()
	topic := outbox.SetState{Portal: p.ID, Type: "m.room.topic", Content: []byte(`{"topic":"We sail"}`)}
	require.NoError(t, b.do(outbox.KindSetState, topic), "without a room there is nothing to do")
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	require.NoError(t, b.do(outbox.KindSetState, topic))
	room := b.portal(p.ID).RoomID.String()
	require.Equal(t, "We sail", b.hs.State(room, "m.room.topic", "")["topic"])
}

// In a room that a user has made for a contact its name is theirs to choose.
func TestSetStateWithoutPower(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.direct()
	room, err := b.hs.MakeRoom(alice.String(), false, bot.String())
	require.NoError(t, err)
	require.NoError(t, b.hs.Join(bot.String(), room))
	_, err = b.db.SetPortalRoom(t.Context(), p.ID, id.RoomID(room))
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindSetState, outbox.SetState{Portal: p.ID, Type: "m.room.name", Content: []byte(`{"name":"Carol"}`)}))
	require.Nil(t, b.hs.State(room, "m.room.name", ""))
}
