package matrix_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/outbox"
	"causeway/queue"
)

func TestGhostsJoinAndLeave(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.group()
	b.puppet(carol, "Carol", "15550101")
	var park *queue.Park
	require.ErrorAs(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Portal: p.ID, As: carol}), &park)
	require.NoError(t, b.do(outbox.KindLeaveRoom, outbox.LeaveRoom{Portal: p.ID, User: carol}), "there is no room to leave")
	require.NoError(t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
	room := b.portal(p.ID).RoomID.String()
	for range 2 {
		require.NoError(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Portal: p.ID, As: carol}))
		require.Equal(t, "join", b.hs.Membership(room, carol.String()))
	}
	for range 2 {
		require.NoError(t, b.do(outbox.KindLeaveRoom, outbox.LeaveRoom{Portal: p.ID, User: carol, Reason: "left on WhatsApp"}))
		require.Equal(t, "leave", b.hs.Membership(room, carol.String()))
	}
	require.Equal(t, carol.String(), b.last(id.RoomID(room)).Sender, "ghosts leave by themselves")
	require.Equal(t, "left on WhatsApp", b.last(id.RoomID(room)).Content["reason"])
}

func TestUsersAreInvitedAndRemoved(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.groupRoom()
	room := p.RoomID.String()
	require.NoError(t, b.do(outbox.KindInvite, outbox.Invite{Portal: p.ID, User: bob}))
	require.Equal(t, "invite", b.hs.Membership(room, bob.String()))
	require.NoError(t, b.hs.Join(bob.String(), room))
	require.NoError(t, b.do(outbox.KindInvite, outbox.Invite{Portal: p.ID, User: bob}))
	require.Equal(t, "join", b.hs.Membership(room, bob.String()))
	for range 2 {
		require.NoError(t, b.do(outbox.KindLeaveRoom, outbox.LeaveRoom{Portal: p.ID, User: bob}))
		require.Equal(t, "leave", b.hs.Membership(room, bob.String()))
		require.Equal(t, bot.String(), b.last(p.RoomID).Sender)
	}
	require.NoError(t, b.do(outbox.KindLeaveRoom, outbox.LeaveRoom{Portal: p.ID, User: dave}), "who was never there")
}

func TestInvitationThatWasWithdrawn(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room, err := b.hs.MakeRoom(alice.String(), true, bot.String())
	require.NoError(t, err)
	require.NoError(t, b.hs.Move(alice.String(), room, bot.String(), "leave"))
	require.True(t, final(b.do(outbox.KindJoinRoom, outbox.JoinRoom{Room: id.RoomID(room), As: bot})))
}

func TestDirectInvitationWhenTheGhostMayNot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	room := p.RoomID.String()
	require.NoError(t, b.hs.Move(bot.String(), room, carol.String(), "leave"))
	require.NoError(t, b.do(outbox.KindInvite, outbox.Invite{Portal: p.ID, User: bob}))
	require.Equal(t, "invite", b.hs.Membership(room, bob.String()))
}

func TestProfile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.groupRoom()
	b.puppet(carol, "Carol", "15550101")
	require.NoError(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Portal: p.ID, As: carol}))
	require.NoError(t, b.do(outbox.KindSetProfile, outbox.SetProfile{User: carol, Name: "Caroline"}))
	require.Equal(t, "Caroline", b.hs.State(p.RoomID.String(), "m.room.member", carol.String())["displayname"])
	puts := b.hs.Requests("PUT /_matrix/client/v3/profile/")
	require.NoError(t, b.do(outbox.KindSetProfile, outbox.SetProfile{User: carol, Name: "Caroline"}))
	require.Equal(t, puts, b.hs.Requests("PUT /_matrix/client/v3/profile/"), "a name that is there is not set again")
	require.NoError(t, b.do(outbox.KindSetProfile, outbox.SetProfile{User: dave, Name: "Dave"}))
	name, _ := b.hs.Name(dave.String())
	require.Equal(t, "Dave", name)
}

// A user has made a room for a contact; the bot comes in by the ghost, and so do other ghosts while it is not in.
func TestRoomThatAUserMade(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, contact := b.direct()
	require.NoError(t, b.do(outbox.KindSetProfile, outbox.SetProfile{User: carol, Name: "Carol"}))
	made, err := b.hs.MakeRoom(alice.String(), true, carol.String())
	require.NoError(t, err)
	room := id.RoomID(made)
	require.NoError(t, b.hs.SetState(alice.String(), made, "m.room.power_levels", "", map[string]any{"invite": 0}))
	_, err = b.db.SetPortalRoom(t.Context(), p.ID, room)
	require.NoError(t, err)
	require.NoError(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Room: room, As: carol}))

	key := b.message(p.ID, contact.ID, "3EB0A")
	e := b.entry(outbox.KindSendEvent, text(p.ID, own, "1", "from my phone", &key))
	e.Attempts = 1
	require.NoError(t, b.doEntry(e), "the contact's ghost brings the own ghost in")
	require.Equal(t, "join", b.hs.Membership(made, own.String()))
	require.NoError(t, b.do(outbox.KindInvite, outbox.Invite{Portal: p.ID, User: alice}), "she is in")

	for range 2 {
		require.NoError(t, b.do(outbox.KindJoinRoom, outbox.JoinRoom{Room: room, As: bot, By: carol}))
		require.Equal(t, "join", b.hs.Membership(made, bot.String()))
	}
}
