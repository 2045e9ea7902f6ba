package portal

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

const management = id.RoomID("!talk:example.com")

// met returns a bed in which the bridge knows Ann, and Alice has a management room.
func met(t *testing.T, permit Permissions) (bed, id.UserID) {
	t.Helper()
	b := newBedOf(t, permit)
	b.link(aliceLogin, dispatchtest.Alice)
	b.Do(func(ctx context.Context) error {
		if _, err := b.people.Ensure(ctx, lid("100"), pn("15550100"), "Ann"); err != nil {
			return err
		}
		return b.DB.PutManagementRoom(ctx, database.User{ID: dispatchtest.Alice, ManagementRoom: management})
	})
	return b, ghost("15550100")
}

func (b bed) invite(by, who id.UserID, where id.RoomID, direct bool) dispatchtest.Actions {
	b.t.Helper()
	evt := dispatchtest.Membership(b.t, where, by, "$invite", who, event.MemberEventContent{Membership: event.MembershipInvite, IsDirect: direct})
	return b.Do(func(ctx context.Context) error { return b.p.GhostInvited(ctx, evt) })
}

// told demands one notice in the management room that holds some words.
func told(t *testing.T, list dispatchtest.Actions, words string) {
	t.Helper()
	notice := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
	if notice.Room != management || !strings.Contains(notice.Text, words) {
		t.Errorf("got %+v", notice)
	}
}

func TestGhostInvitedAdoptsTheRoom(t *testing.T) {
	t.Parallel()
	b, ann := met(t, dispatchtest.Permissions{})
	// What Alice writes before the invitation is decided is on the room's own lane.
	raw, err := json.Marshal(dispatchtest.Text(t, otherRoom, dispatchtest.Alice, "$early", "Hello?"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.In.AddMatrix(t.Context(), []json.RawMessage{raw}, nil); err != nil {
		t.Fatal(err)
	}
	list := b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "join_room join_room")
	joins := dispatchtest.All[outbox.JoinRoom](t, list, outbox.KindJoinRoom)
	if joins[0].As != ann || joins[0].Room != otherRoom || joins[1].As != dispatchtest.Bot || joins[1].By != ann || joins[1].Room != otherRoom {
		t.Errorf("got %+v", joins)
	}
	portal := b.chat(aliceLogin, pn("15550100"))
	if portal.RoomID != otherRoom || portal.Other == 0 || portal.Chat != lid("100") {
		t.Errorf("got %+v", portal)
	}
	var lane string
	if err := b.DB.QueryRow(t.Context(), `SELECT lane FROM queue_entry WHERE queue='inbox' AND state=0`).Scan(&lane); err != nil {
		t.Fatal(err)
	}
	if lane != string(inbox.ChatLane(portal.ID)) {
		t.Errorf("what was said early is on the lane %s", lane)
	}
	sent(t, b.say(dispatchtest.Text(t, otherRoom, dispatchtest.Alice, "$early", "Hello?")))
	b.arrive(message(aliceLogin, "AAA", fromAnn(), "Hi")).Expect(t, "send_event")
	b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "")
}

func TestAdoptedRoomEndsTheWait(t *testing.T) {
	t.Parallel()
	b, ann := met(t, dispatchtest.Permissions{})
	list := b.arrive(message(aliceLogin, "AAA", fromAnn(), "Hi")).Expect(t, "create_room send_event")
	b.Park(list[1], outbox.RoomOf(b.chat(aliceLogin, lid("100")).ID))
	b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "join_room join_room")
	if n := b.Waiting(); n > 0 {
		t.Errorf("%d still wait", n)
	}
}

func TestGhostInvitedInVain(t *testing.T) {
	t.Parallel()
	t.Run("has a room", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		portal := b.direct()
		list := b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "invite send_notice")
		told(t, list, room.String())
		if invite := dispatchtest.Only[outbox.Invite](t, list, outbox.KindInvite); invite.Portal != portal.ID || invite.User != dispatchtest.Alice {
			t.Errorf("got %+v", invite)
		}
	})
	t.Run("a room of several", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		told(t, b.invite(dispatchtest.Alice, ann, otherRoom, false), "direct chat")
	})
	t.Run("the management room", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		told(t, b.invite(dispatchtest.Alice, ann, management, true), "direct chat")
	})
	t.Run("no login", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		b.setState(database.StateLoggedOut)
		told(t, b.invite(dispatchtest.Alice, ann, otherRoom, true), "link your WhatsApp account")
	})
	t.Run("the account that works", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		b.setState(database.StateLoggedOut)
		b.link("1888", dispatchtest.Alice)
		b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "join_room join_room")
		if portal := b.chat("1888", lid("100")); portal.RoomID != otherRoom {
			t.Errorf("got %+v", portal)
		}
	})
	t.Run("unknown ghost", func(t *testing.T) {
		t.Parallel()
		b, _ := met(t, dispatchtest.Permissions{})
		told(t, b.invite(dispatchtest.Alice, ghost("4711"), otherRoom, true), "4711")
	})
	t.Run("nobody to tell", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{})
		b.invite("@carol:example.com", ann, otherRoom, true).Expect(t, "")
	})
	t.Run("not allowed", func(t *testing.T) {
		t.Parallel()
		b, ann := met(t, dispatchtest.Permissions{Blocked: []id.UserID{dispatchtest.Alice}})
		b.invite(dispatchtest.Alice, ann, otherRoom, true).Expect(t, "")
		if _, err := b.DB.PortalByRoom(t.Context(), otherRoom); err == nil {
			t.Error("the room was taken all the same")
		}
	})
}

func TestNumberLookedUp(t *testing.T) {
	t.Parallel()
	b, _ := met(t, dispatchtest.Permissions{})
	look := func(n inbox.NumberLookedUp) dispatchtest.Actions {
		n.User, n.Room, n.Number = dispatchtest.Alice, management, "15550100"
		return b.Do(func(ctx context.Context) error { return b.p.NumberLookedUp(ctx, n) })
	}
	told(t, look(inbox.NumberLookedUp{Login: aliceLogin, Key: "$1"}), "+15550100 is not on WhatsApp")
	told(t, look(inbox.NumberLookedUp{Login: aliceLogin, Key: "$2", Found: true}), "is not on WhatsApp")
	told(t, look(inbox.NumberLookedUp{Login: aliceLogin, Key: "$3", Problem: "Not connected."}), "Not connected.")
	found := inbox.NumberLookedUp{Login: "1999", Key: "$4", Found: true, LID: lid("100"), PN: pn("15550100")}
	told(t, look(found), "logged out")
	b.link("1999", dispatchtest.Bob)
	found.Key = "$5"
	told(t, look(found), "logged out")

	found.Login, found.Key = aliceLogin, "$6"
	told(t, look(found).Expect(t, "create_room send_notice"), "is being made")
	portal := b.chat(aliceLogin, lid("100"))
	b.made(portal.ID)
	found.Key = "$7"
	list := look(found).Expect(t, "invite send_notice")
	told(t, list, room.String())
	if invite := dispatchtest.Only[outbox.Invite](t, list, outbox.KindInvite); invite.User != dispatchtest.Alice || invite.Portal != portal.ID {
		t.Errorf("got %+v", invite)
	}
}

func TestLeftRoomsAreOfferedAgain(t *testing.T) {
	t.Parallel()
	left := func(b bed, who id.UserID, previous string) {
		evt := dispatchtest.Membership(t, room, who, "$leave", who, event.MemberEventContent{Membership: event.MembershipLeave})
		if previous != "" {
			evt.Unsigned.PrevContent = &event.Content{Raw: map[string]any{"membership": previous}}
		}
		b.Do(func(ctx context.Context) error { return b.p.Left(ctx, evt) }).Expect(t, "")
	}
	for name, c := range map[string]struct {
		who      id.UserID
		previous string
		expect   string
	}{
		"left":             {dispatchtest.Alice, "join", "invite send_event"},
		"previous unknown": {dispatchtest.Alice, "", "invite send_event"},
		"declined":         {dispatchtest.Alice, "invite", "send_event"},
		"somebody else":    {dispatchtest.Bob, "join", "send_event"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.direct()
			left(b, c.who, c.previous)
			b.arrive(message(aliceLogin, "AAA", fromAnn(), "x")).Expect(t, c.expect)
			b.arrive(message(aliceLogin, "BBB", fromAnn(), "x")).Expect(t, "send_event")
		})
	}
	t.Run("a group", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.group()
		left(b, dispatchtest.Alice, "join")
		b.arrive(message(aliceLogin, "AAA", inGroup(lid("100")), "x")).Expect(t, "send_event")
	})
	t.Run("no portal", func(t *testing.T) {
		t.Parallel()
		left(newBed(t), dispatchtest.Alice, "join")
	})
}
