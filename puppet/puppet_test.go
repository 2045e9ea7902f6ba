package puppet

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

func lid(user string) types.JID { return types.NewJID(user, types.HiddenUserServer) }
func pn(user string) types.JID  { return types.NewJID(user, types.DefaultUserServer) }

// bed is a dispatchtest.Bed with the decider of this package.
type bed struct {
	*dispatchtest.Bed
	t *testing.T
	p *Puppets
}

func newBed(t *testing.T) bed {
	t.Helper()
	b := dispatchtest.New(t)
	names := func(pushName, phone string) string {
		if pushName == "" {
			pushName = phone
		}
		return pushName + " (WA)"
	}
	return bed{b, t, New(b.DB, b.Out, names, "whatsapp_", dispatchtest.Domain)}
}

func (b bed) ensure(lid, pn types.JID, name string) (row database.Puppet, actions dispatchtest.Actions) {
	b.t.Helper()
	actions = b.Do(func(ctx context.Context) (err error) {
		row, err = b.p.Ensure(ctx, lid, pn, name)
		return err
	})
	return row, actions
}

// check compares the row of a person as it stands in the database.
func (b bed) check(row database.Puppet, user id.UserID, lid, pn types.JID, name string) {
	b.t.Helper()
	stored, err := b.DB.PuppetByID(b.t.Context(), row.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	if stored != row {
		b.t.Errorf("returned %+v, stored %+v", row, stored)
	}
	if row.UserID != user || row.LID != lid || row.PN != pn || row.Name != name {
		b.t.Errorf("got %s %s %s %q", row.UserID, row.LID, row.PN, row.Name)
	}
}

func (b bed) direct(other database.Puppet, room id.RoomID) (portal database.Portal) {
	b.t.Helper()
	b.Do(func(ctx context.Context) (err error) {
		names := []types.JID{other.LID}
		if other.LID.IsEmpty() {
			names[0] = other.PN
		}
		if portal, err = b.DB.EnsurePortal(ctx, "1555", names...); err != nil {
			return err
		}
		if err := b.DB.SetPortalOther(ctx, portal.ID, other.ID); err != nil || room == "" {
			return err
		}
		_, err = b.DB.SetPortalRoom(ctx, portal.ID, room)
		return err
	})
	return portal
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lid, pn types.JID
		user    id.UserID
		display string
	}{
		"both":           {lid("100"), pn("15550100"), "@whatsapp_15550100:example.com", "Ann (WA)"},
		"LID alone":      {lid("100"), types.EmptyJID, "@whatsapp_lid-100:example.com", "Ann (WA)"},
		"number alone":   {types.EmptyJID, pn("15550100"), "@whatsapp_15550100:example.com", "Ann (WA)"},
		"wrong way":      {pn("15550100"), lid("100"), "@whatsapp_15550100:example.com", "Ann (WA)"},
		"hosted company": {types.NewJID("100", types.HostedLIDServer), types.NewJID("15550100", types.HostedServer), "@whatsapp_15550100:example.com", "Ann (WA)"},
		"of a device":    {types.JID{User: "100", Device: 7, Server: types.HiddenUserServer}, pn("15550100"), "@whatsapp_15550100:example.com", "Ann (WA)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			row, actions := b.ensure(c.lid, c.pn, "Ann")
			wantLID, wantPN := sort(c.lid, c.pn)
			b.check(row, c.user, wantLID, wantPN, c.display)
			profile := dispatchtest.Only[outbox.SetProfile](t, actions, outbox.KindSetProfile)
			if profile.User != c.user || profile.Name != c.display {
				t.Errorf("got %+v", profile)
			}
			again, actions := b.ensure(c.lid, c.pn, "Ann")
			actions.Expect(t, "")
			if again != row {
				t.Errorf("%+v became %+v", row, again)
			}
		})
	}
}

func TestNobody(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, jid := range []types.JID{types.EmptyJID, types.NewMetaAIJID, types.NewJID("1", types.NewsletterServer), types.NewJID("", types.HiddenUserServer)} {
		b.Dead(func(ctx context.Context) error {
			_, err := b.p.Ensure(ctx, jid, types.EmptyJID, "Bot")
			return err
		})
	}
}

func TestLearnsTheOtherName(t *testing.T) {
	t.Parallel()
	t.Run("number after LID", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		first, _ := b.ensure(lid("100"), types.EmptyJID, "")
		b.check(first, "@whatsapp_lid-100:example.com", lid("100"), types.EmptyJID, "WhatsApp user (WA)")
		row, actions := b.ensure(lid("100"), pn("15550100"), "")
		actions.Expect(t, "set_profile") // the name is made of the number now
		b.check(row, "@whatsapp_lid-100:example.com", lid("100"), pn("15550100"), "+15550100 (WA)")
		again, _ := b.ensure(types.EmptyJID, pn("15550100"), "")
		if again.ID != first.ID {
			t.Error("the number leads to somebody else")
		}
	})
	t.Run("LID after number", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		first, _ := b.ensure(types.EmptyJID, pn("15550100"), "Ann")
		row, actions := b.ensure(lid("100"), pn("15550100"), "")
		actions.Expect(t, "")
		b.check(row, "@whatsapp_15550100:example.com", lid("100"), pn("15550100"), "Ann (WA)")
		if again, _ := b.ensure(lid("100"), types.EmptyJID, ""); again.ID != first.ID {
			t.Error("the LID leads to somebody else")
		}
	})
}

func TestTwoRowsAreOnePerson(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	byNumber, _ := b.ensure(types.EmptyJID, pn("15550100"), "Ann")
	byLID, _ := b.ensure(lid("100"), types.EmptyJID, "Ann")
	withRoom, without := b.direct(byNumber, "!room:example.com"), b.direct(byLID, "")
	b.Do(func(ctx context.Context) error {
		if err := b.DB.SetPortalOther(ctx, without.ID, byNumber.ID); err != nil {
			return err
		}
		return b.DB.PutLogin(ctx, database.Login{ID: "15550100", User: dispatchtest.Bob, Puppet: byNumber.ID, Device: pn("15550100")})
	})

	row, actions := b.ensure(lid("100"), pn("15550100"), "")
	b.check(row, "@whatsapp_lid-100:example.com", lid("100"), pn("15550100"), "Ann (WA)")
	actions.Expect(t, "join_room leave_room set_state")
	join := dispatchtest.Only[outbox.JoinRoom](t, actions, outbox.KindJoinRoom)
	leave := dispatchtest.Only[outbox.LeaveRoom](t, actions, outbox.KindLeaveRoom)
	if join.Portal != withRoom.ID || join.As != row.UserID || leave.Portal != withRoom.ID || leave.User != byNumber.UserID {
		t.Errorf("got %+v and %+v", join, leave)
	}
	portals, err := b.DB.DirectPortals(t.Context(), row.ID)
	if err != nil || len(portals) != 2 {
		t.Errorf("the chats of the person are %+v, %v", portals, err)
	}
	if login, err := b.DB.LoginByID(t.Context(), "15550100"); err != nil || login.Puppet != row.ID {
		t.Errorf("the login is of %+v, %v", login, err)
	}
	if again, _ := b.ensure(types.EmptyJID, pn("15550100"), ""); again.ID != row.ID {
		t.Error("the number leads to the row that was given up")
	}
}

func TestNumberChangesHands(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ann, _ := b.ensure(lid("100"), pn("15550100"), "")
	ben, actions := b.ensure(lid("200"), pn("15550100"), "Ben")
	if ben.ID == ann.ID {
		t.Fatal("whoever gets a number becomes the one who had it before")
	}
	b.check(ben, "@whatsapp_lid-200:example.com", lid("200"), pn("15550100"), "Ben (WA)")
	actions.Expect(t, "set_profile set_profile") // Ann's name was made of the number
	ann, _ = b.ensure(lid("100"), types.EmptyJID, "")
	b.check(ann, "@whatsapp_15550100:example.com", lid("100"), types.EmptyJID, "WhatsApp user (WA)")

	ann, actions = b.ensure(lid("100"), pn("15550199"), "")
	b.check(ann, "@whatsapp_15550100:example.com", lid("100"), pn("15550199"), "+15550199 (WA)")
	actions.Expect(t, "set_profile")
}

func TestGhostNamedAfterANumberOfTheDay(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.ensure(lid("100"), pn("15550100"), "Ann")
	b.ensure(lid("100"), pn("15550199"), "Ann") // moved on
	next, _ := b.ensure(types.EmptyJID, pn("15550100"), "Cem")
	b.check(next, "@whatsapp_15550100-2:example.com", types.EmptyJID, pn("15550100"), "Cem (WA)")
}

func TestNamesChange(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	row, _ := b.ensure(lid("100"), pn("15550100"), "Ann")
	portal := b.direct(row, "!room:example.com")
	for _, name := range []string{"Anna", "Ann", "Anna"} { // a name that comes back is set again
		_, actions := b.ensure(lid("100"), types.EmptyJID, name)
		actions.Expect(t, "set_profile set_state")
		profile := dispatchtest.Only[outbox.SetProfile](t, actions, outbox.KindSetProfile)
		state := dispatchtest.Only[outbox.SetState](t, actions, outbox.KindSetState)
		var content event.RoomNameEventContent
		if err := json.Unmarshal(state.Content, &content); err != nil {
			t.Fatal(err)
		}
		if want := name + " (WA)"; profile.Name != want || content.Name != want || state.Portal != portal.ID || state.Type != "m.room.name" {
			t.Errorf("%s: got %+v, %+v", name, profile, state)
		}
	}
	_, actions := b.ensure(lid("100"), types.EmptyJID, "")
	actions.Expect(t, "") // a name that was not told is not taken away
}

func TestNamesOfStrangersAreTidied(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ pushName, want string }{
		"control":   {"An\x00n\n\tB\u0007", "An n B"},
		"direction": {"\u202eevil\u2069", "evil"},
		"emoji":     {"👩‍👧 é", "👩‍👧 é"},
		"broken":    {"a\xffb", "ab"},
		"long":      {strings.Repeat("ä", 500), strings.Repeat("ä", maxName) + "…"},
		"blank":     {" \u202e\n", "+15550100 (WA)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			row, _ := b.ensure(lid("100"), pn("15550100"), c.pushName)
			got := strings.TrimSuffix(row.Name, " (WA)")
			if name == "blank" {
				got = row.Name
			}
			if name == "long" {
				got = row.PushName
			}
			if got != c.want {
				t.Errorf("got %q", got)
			}
			if _, actions := b.ensure(lid("100"), pn("15550100"), c.pushName); len(actions) > 0 {
				t.Errorf("the same name again does %s", actions)
			}
		})
	}
}

func TestContactChanged(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	changed := func(c inbox.ContactChanged) dispatchtest.Actions {
		return b.Do(func(ctx context.Context) error { return b.p.ContactChanged(ctx, c) })
	}
	changed(inbox.ContactChanged{LID: lid("100"), PN: pn("15550100"), PushName: "Ann"}).Expect(t, "")
	changed(inbox.ContactChanged{PushName: "Ann"}).Expect(t, "")
	if _, err := b.DB.PuppetByJID(t.Context(), lid("100")); err == nil {
		t.Error("somebody of whom no chat knows got a ghost")
	}
	b.ensure(lid("100"), types.EmptyJID, "")
	changed(inbox.ContactChanged{LID: lid("100"), PN: pn("15550100"), PushName: "Ann"}).Expect(t, "set_profile")
	row, _ := b.ensure(types.EmptyJID, pn("15550100"), "")
	b.check(row, "@whatsapp_lid-100:example.com", lid("100"), pn("15550100"), "Ann (WA)")
}

func TestIsGhost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for user, want := range map[id.UserID]bool{
		"@whatsapp_15550100:example.com": true, "@whatsapp_lid-1:example.com": true,
		"@whatsapp_1:elsewhere.com": false, "@whatsappbot:example.com": false, "@alice:example.com": false,
		"whatsapp_1:example.com": false, "": false,
	} {
		if got := b.p.IsGhost(user); got != want {
			t.Errorf("%q: %v", user, got)
		}
	}
}

// TestManyMeetings lets people be met by either name or both, in any order: each ends as one row, with both names.
func TestManyMeetings(t *testing.T) {
	t.Parallel()
	orders := [][]int{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}
	for _, order := range orders {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			meetings := [][2]types.JID{{lid("100"), types.EmptyJID}, {types.EmptyJID, pn("15550100")}, {lid("100"), pn("15550100")}}
			for _, i := range order {
				b.ensure(meetings[i][0], meetings[i][1], "Ann")
			}
			one, _ := b.ensure(lid("100"), types.EmptyJID, "")
			two, _ := b.ensure(types.EmptyJID, pn("15550100"), "")
			if one != two || one.LID != lid("100") || one.PN != pn("15550100") {
				t.Errorf("got %+v and %+v", one, two)
			}
		})
	}
}
