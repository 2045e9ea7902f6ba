package portal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

func TestFirstGroupMessage(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	list := b.arrive(message(aliceLogin, "AAA", inGroup(lid("100")), "Hello")).Expect(t, "fetch_group create_room send_event")
	fetch := dispatchtest.Only[outbox.FetchGroup](t, list, outbox.KindFetchGroup)
	if fetch.Login != aliceLogin || fetch.Group != friends() || fetch.Key == "" {
		t.Errorf("got %+v", fetch)
	}
	if a := shown(t, list); a.As != ghost("lid-100") || body(t, a) != "Hello" {
		t.Errorf("got %+v", a)
	}
	portal := b.chat("", friends())
	if portal.IsDirect() || portal.HasDetails || portal.Other != 0 {
		t.Errorf("the portal is %+v", portal)
	}
	b.arrive(message(aliceLogin, "BBB", inGroup(lid("100")), "Anybody?")).Expect(t, "send_event")
	later := message(aliceLogin, "CCC", inGroup(lid("100")), "Hours later, and no answer about the group")
	later.Info.Timestamp = at().Add(2 * time.Hour)
	b.arrive(later).Expect(t, "fetch_group send_event")
}

func TestWholeGroup(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.arrive(message(aliceLogin, "AAA", inGroup(lid("100")), "Hello"))
	whole := inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k1", Whole: &inbox.Group{
		Name: "Fri\x00ends", Topic: "Tea\nand talk", Members: []inbox.GroupMember{
			{LID: lid("100"), PN: pn("15550100"), Role: "superadmin"}, {LID: lid("91555"), PN: pn("1555")}, {PN: pn("15550200")}, {},
		}}}
	list := b.changed(whole).Expect(t, "join_room join_room join_room") // the room is on its way already
	ghosts := []id.UserID{ghost("lid-100"), ghost("1555"), ghost("15550200")}
	for i, join := range dispatchtest.All[outbox.JoinRoom](t, list, outbox.KindJoinRoom) {
		if join.As != ghosts[i] || join.Portal == 0 || join.Room != "" {
			t.Errorf("got %+v", join)
		}
	}
	portal := b.chat("", friends())
	if portal.Name != "Friends" || portal.Topic != "Tea\nand talk" || !portal.HasDetails {
		t.Errorf("got %+v", portal)
	}
	b.changed(whole).Expect(t, "")

	b.made(portal.ID)
	whole.Key, whole.Whole.Name, whole.Whole.Members = "k2", "Best friends", []inbox.GroupMember{{LID: lid("91555")}, {LID: lid("300")}}
	list = b.changed(whole).Expect(t, "set_state join_room leave_room leave_room")
	var gone []id.UserID
	for _, leave := range dispatchtest.All[outbox.LeaveRoom](t, list, outbox.KindLeaveRoom) {
		gone = append(gone, leave.User)
	}
	if !slices.Equal(gone, []id.UserID{ghost("lid-100"), ghost("15550200")}) {
		t.Errorf("gone are %v", gone)
	}
	b.arrive(message(aliceLogin, "BBB", inGroup(lid("300")), "Hi")).Expect(t, "send_event") // nothing is asked again
}

func TestWholeGroupMakesItsRoom(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	list := b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k", Whole: &inbox.Group{Name: "New", Members: []inbox.GroupMember{{PN: pn("1555")}}}})
	list.Expect(t, "join_room create_room")
	logins, err := b.DB.PortalLogins(t.Context(), b.chat("", friends()).ID)
	if err != nil || len(logins) != 1 {
		t.Errorf("in it are %v, %v", logins, err)
	}
}

func TestUnknownGroup(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.arrive(message(aliceLogin, "AAA", inGroup(lid("100")), "Hello"))
	unknown := inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k", Reason: "the account is not in the group"}
	b.changed(unknown).Expect(t, "")
	if portal := b.chat("", friends()); !portal.HasDetails || portal.Name == "" {
		t.Errorf("the room would never be made: %+v", portal)
	}
	// What is known is not forgotten.
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k2", Whole: &inbox.Group{Name: "Friends"}})
	unknown.Key = "k3"
	b.changed(unknown).Expect(t, "")
	if portal := b.chat("", friends()); portal.Name != "Friends" {
		t.Errorf("got %+v", portal)
	}
}

func TestGroupChanges(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	name, topic := "Renamed", ""
	change := inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "early", Name: &name, Join: []inbox.GroupMember{{LID: lid("300")}}}
	b.changed(change).Expect(t, "") // nothing of the group is shown yet
	b.group()

	change.Key = "k1"
	list := b.changed(change).Expect(t, "set_state join_room")
	state := dispatchtest.Only[outbox.SetState](t, list, outbox.KindSetState)
	var content map[string]string
	if err := json.Unmarshal(state.Content, &content); err != nil || state.Type != "m.room.name" || content["name"] != name {
		t.Errorf("got %+v", state)
	}
	b.changed(change).Expect(t, "")
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k2", Topic: &topic}).Expect(t, "set_state")
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k3", Join: []inbox.GroupMember{{LID: lid("300"), Role: "admin"}, {}}, Leave: []inbox.GroupMember{{}}}).Expect(t, "")
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k4", Leave: []inbox.GroupMember{{LID: lid("300")}}}).Expect(t, "leave_room")
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k5", Join: []inbox.GroupMember{{LID: lid("300")}}}).Expect(t, "join_room")
}

func TestOversizedNames(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k", Whole: &inbox.Group{
		Name: strings.Repeat("n", 100_000), Topic: strings.Repeat("t", 100_000)}})
	if portal := b.chat("", friends()); len(portal.Name) > 2*maxGroupName || len(portal.Topic) > 2*maxTopic {
		t.Errorf("%d and %d bytes", len(portal.Name), len(portal.Topic))
	}
}

func TestSharedGroup(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.group()
	list := b.arrive(message(bobLogin, "AAA", inGroup(lid("100")), "Hello")).Expect(t, "invite send_event")
	if invite := dispatchtest.Only[outbox.Invite](t, list, outbox.KindInvite); invite.User != dispatchtest.Bob || invite.Portal != portal.ID {
		t.Errorf("got %+v", invite)
	}
	b.arrive(message(aliceLogin, "AAA", types.MessageSource{Chat: friends(), Sender: lid("100"), SenderAlt: pn("15550100"), IsGroup: true}, "Hello")).Expect(t, "")
	b.arrive(message(aliceLogin, "BBB", inGroup(lid("100")), "Again")).Expect(t, "send_event")
	b.arrive(message(bobLogin, "BBB", inGroup(lid("100")), "Again")).Expect(t, "")
	b.arrive(message(bobLogin, "BBB", inGroup(lid("200")), "The same ID of somebody else")).Expect(t, "send_event")

	for user, login := range map[id.UserID]database.LoginID{dispatchtest.Alice: aliceLogin, dispatchtest.Bob: bobLogin} {
		a := sent(t, b.say(dispatchtest.Text(t, room, user, id.EventID("$"+string(login)), "Hi")))
		own, err := b.DB.LoginByID(t.Context(), login)
		if err != nil || a.Login != login || a.Chat != friends() || a.Message.Sender != own.Puppet {
			t.Errorf("%s speaks by %+v, %v", user, a, err)
		}
	}
	// From Alice's phone, and Bob's account gets it, too.
	own := types.MessageSource{Chat: friends(), Sender: pn("1555"), IsFromMe: true, IsGroup: true}
	if a := shown(t, b.arrive(message(aliceLogin, "CCC", own, "phone"))); a.As != ghost("1555") {
		t.Errorf("got %+v", a)
	}
	b.arrive(message(bobLogin, "CCC", inGroup(lid("91555")), "phone")).Expect(t, "")
}

func TestMemberOfASecondLoginArrivesLater(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	portal := b.group()
	bob := inbox.GroupMember{LID: lid("91777"), PN: pn("1777")}
	list := b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k1", Join: []inbox.GroupMember{bob}}).Expect(t, "join_room invite")
	if invite := dispatchtest.Only[outbox.Invite](t, list, outbox.KindInvite); invite.User != dispatchtest.Bob || invite.Portal != portal.ID {
		t.Errorf("got %+v", invite)
	}
	sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Bob, "$bob", "Here I am")))

	list = b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k2", Leave: []inbox.GroupMember{bob}}).Expect(t, "leave_room leave_room")
	leaves := dispatchtest.All[outbox.LeaveRoom](t, list, outbox.KindLeaveRoom)
	if leaves[0].User != ghost("1777") || leaves[1].User != dispatchtest.Bob || leaves[1].Reason == "" {
		t.Errorf("got %+v", leaves)
	}
	b.refuse("not_logged_in", dispatchtest.Text(t, room, dispatchtest.Bob, "$bob2", "Still here"))

	list = b.changed(inbox.GroupChanged{Login: bobLogin, Group: friends(), Key: "k3", Join: []inbox.GroupMember{bob}}).Expect(t, "join_room invite")
	if invite := dispatchtest.Only[outbox.Invite](t, list, outbox.KindInvite); invite.User != dispatchtest.Bob {
		t.Errorf("got %+v", invite)
	}
}

func TestUserWithTwoAccountsStaysByTheOther(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	b.link("1888", dispatchtest.Alice)
	second := inbox.GroupMember{LID: lid("91888"), PN: pn("1888")}
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k1", Join: []inbox.GroupMember{second}}).Expect(t, "join_room invite")
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k2", Leave: []inbox.GroupMember{second}}).Expect(t, "leave_room")
	if a := sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "x"))); a.Login != aliceLogin {
		t.Errorf("got %+v", a)
	}
}

func TestWhoMaySpeak(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	say := func(n int, user id.UserID) func(code string) {
		return func(code string) {
			t.Helper()
			evt := dispatchtest.Text(t, room, user, id.EventID(fmt.Sprint("$", n)), "x")
			if code == "" {
				sent(t, b.say(evt))
			} else {
				b.refuse(code, evt)
			}
		}
	}
	say(1, dispatchtest.Alice)("")
	say(2, dispatchtest.Bob)("not_logged_in") // linked, but not in this chat
	say(3, "@carol:example.com")("not_logged_in")
	for _, state := range []database.LoginState{database.StateConnecting, database.StateDisconnected, database.StateReplaced, database.StateBanned} {
		b.setState(state)
		say(100+len(state), dispatchtest.Alice)("") // what becomes of it is the connection's business
	}
	b.setState(database.StateLoggedOut)
	say(4, dispatchtest.Alice)("logged_out")
	b.link("1888", dispatchtest.Alice)
	b.changed(inbox.GroupChanged{Login: aliceLogin, Group: friends(), Key: "k1", Join: []inbox.GroupMember{{PN: pn("1888")}}})
	say(5, dispatchtest.Alice)("") // by the account that works
}

func TestNoticesOfOthersAreNotAnswered(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.group()
	notice := func(evt id.EventID, user id.UserID) dispatchtest.Actions {
		e := dispatchtest.Text(t, room, user, evt, "beep")
		e.Content.AsMessage().MsgType = "m.notice"
		return b.say(e)
	}
	notice("$1", "@otherbot:example.com").Expect(t, "")
	sent(t, notice("$2", dispatchtest.Alice)) // a program that acts for Alice speaks for her
}

func TestBlockedUserDoesNotSpeak(t *testing.T) {
	t.Parallel()
	for name, permit := range map[string]dispatchtest.Permissions{
		"blocked": {Blocked: []id.UserID{dispatchtest.Alice}}, "may only relay": {Relays: []id.UserID{dispatchtest.Alice}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBedOf(t, permit)
			b.link(aliceLogin, dispatchtest.Alice) // before the permission was withdrawn
			b.direct()
			b.refuse("not_allowed", dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "x"))
		})
	}
}

func TestLinkedAnew(t *testing.T) {
	t.Parallel()
	unlink := func(b bed) {
		b.Do(func(ctx context.Context) error { return b.DB.RemoveLogin(ctx, aliceLogin) })
		b.refuse("not_logged_in", dispatchtest.Text(t, room, dispatchtest.Alice, "$1", "x"))
		b.link(aliceLogin, dispatchtest.Alice)
	}
	for name, make := range map[string]func(b bed){"direct": func(b bed) { b.direct() }, "group": func(b bed) { b.group() }} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			make(b)
			unlink(b)
			sent(t, b.say(dispatchtest.Text(t, room, dispatchtest.Alice, "$2", "Back again")))
			b.refuse("not_logged_in", dispatchtest.Text(t, room, dispatchtest.Bob, "$3", "x"))
		})
		t.Run(name+", WhatsApp first", func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			make(b)
			unlink(b)
			source := fromAnn()
			if name == "group" {
				source = inGroup(lid("100"))
			}
			b.arrive(message(aliceLogin, "NEW", source, "x")).Expect(t, "invite send_event")
		})
	}
}

func TestRoomWaitsForDetails(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]inbox.GroupChanged{"told": {Whole: &inbox.Group{Name: "Friends"}}, "not told": {Reason: "gone"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			list := b.arrive(message(aliceLogin, "AAA", inGroup(lid("100")), "Hello")).Expect(t, "fetch_group create_room send_event")
			b.Park(list[1], outbox.DetailsOf(b.chat("", friends()).ID))
			answer.Login, answer.Group, answer.Key = aliceLogin, friends(), "k"
			b.changed(answer)
			if n := b.Waiting(); n > 0 {
				t.Errorf("%d still wait", n)
			}
		})
	}
}
