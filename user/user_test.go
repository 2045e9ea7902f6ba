package user

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"testing"

	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/outbox"
	"causeway/puppet"
)

const (
	room  = id.RoomID("!room:example.com")
	other = id.RoomID("!other:example.com")
)

type bed struct {
	*dispatchtest.Bed
	t *testing.T
	u *Users
}

func newBed(t *testing.T) bed {
	t.Helper()
	return newBedOf(t, dispatchtest.Permissions{})
}

func newBedOf(t *testing.T, permit Permissions) bed {
	t.Helper()
	b := dispatchtest.New(t)
	people := puppet.New(b.DB, b.Out, func(pushName, phone string) string { return cmp.Or(pushName, phone) }, "whatsapp_", dispatchtest.Domain)
	return bed{b, t, New(b.DB, b.In, b.Out, permit, people)}
}

// do leaves the profiles of ghosts out of the actions: they are the puppet package's.
func (b bed) do(decide func(ctx context.Context) error) dispatchtest.Actions {
	b.t.Helper()
	return slices.DeleteFunc(b.Do(decide), func(a dispatchtest.Action) bool { return a.Kind == outbox.KindSetProfile })
}

func (b bed) invite(by id.UserID, where id.RoomID, direct bool) dispatchtest.Actions {
	b.t.Helper()
	evt := dispatchtest.Membership(b.t, where, by, id.EventID("$"+where.String()+by.String()), dispatchtest.Bot,
		event.MemberEventContent{Membership: event.MembershipInvite, IsDirect: direct})
	return b.do(func(ctx context.Context) error { return b.u.BotInvited(ctx, evt) })
}

func (b bed) management(user id.UserID) id.RoomID {
	b.t.Helper()
	row, err := b.DB.UserByID(b.t.Context(), user)
	if err != nil {
		return ""
	}
	return row.ManagementRoom
}

// notice demands exactly one notice, in a room and with some words.
func notice(t *testing.T, list dispatchtest.Actions, where id.RoomID, words string) outbox.SendNotice {
	t.Helper()
	n := dispatchtest.Only[outbox.SendNotice](t, list, outbox.KindSendNotice)
	if n.Room != where || !strings.Contains(n.Text, words) || n.Txn == "" {
		t.Errorf("got %+v", n)
	}
	return n
}

func TestBotInvited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rooms      []id.RoomID
		direct     []bool
		management id.RoomID
		words      string
	}{
		"direct":               {[]id.RoomID{room}, []bool{true}, room, "login qr"},
		"first, not direct":    {[]id.RoomID{room}, []bool{false}, room, "login qr"},
		"second, direct":       {[]id.RoomID{room, other}, []bool{true, true}, other, "login qr"},
		"second, not direct":   {[]id.RoomID{room, other}, []bool{true, false}, room, "!wa help"},
		"the same room, again": {[]id.RoomID{room, other, room}, []bool{true, false, true}, room, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			var list dispatchtest.Actions
			for i, where := range c.rooms {
				list = b.invite(dispatchtest.Alice, where, c.direct[i])
			}
			if got := b.management(dispatchtest.Alice); got != c.management {
				t.Errorf("they talk in %s", got)
			}
			if c.words == "" {
				return
			}
			list.Expect(t, "join_room send_notice")
			last := c.rooms[len(c.rooms)-1]
			notice(t, list, last, c.words)
			if join := dispatchtest.Only[outbox.JoinRoom](t, list, outbox.KindJoinRoom); join.Room != last || join.As != dispatchtest.Bot {
				t.Errorf("got %+v", join)
			}
		})
	}
	t.Run("blocked", func(t *testing.T) {
		t.Parallel()
		b := newBedOf(t, dispatchtest.Permissions{Blocked: []id.UserID{dispatchtest.Bob}})
		notice(t, b.invite(dispatchtest.Bob, room, true), room, "not allowed")
		if b.management(dispatchtest.Bob) != "" {
			t.Error("a blocked user has a management room")
		}
	})
	t.Run("back into the room of a chat", func(t *testing.T) {
		t.Parallel()
		b := newBed(t)
		b.portal("1555", "100", room)
		b.invite(dispatchtest.Alice, room, true).Expect(t, "join_room")
		if b.management(dispatchtest.Alice) != "" {
			t.Error("the room of a chat became a management room")
		}
	})
}

// portal writes down a chat with a room, direct when it has a receiver, else a group.
func (b bed) portal(receiver database.LoginID, chat string, where id.RoomID) (portal database.Portal) {
	b.t.Helper()
	server := types.HiddenUserServer
	if receiver == "" {
		server = types.GroupServer
	}
	b.do(func(ctx context.Context) (err error) {
		if portal, err = b.DB.EnsurePortal(ctx, receiver, types.NewJID(chat, server)); err == nil {
			_, err = b.DB.SetPortalRoom(ctx, portal.ID, where)
		}
		return err
	})
	return portal
}

func TestLeft(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.invite(dispatchtest.Alice, room, true)
	left := func(user id.UserID, where id.RoomID) {
		b.do(func(ctx context.Context) error { return b.u.Left(ctx, user, where) }).Expect(t, "")
	}
	left(dispatchtest.Bob, room)
	left(dispatchtest.Alice, other)
	if got := b.management(dispatchtest.Alice); got != room {
		t.Fatalf("they talk in %q", got)
	}
	left(dispatchtest.Alice, room)
	if got := b.management(dispatchtest.Alice); got != "" {
		t.Errorf("they talk in %q", got)
	}
	b.invite(dispatchtest.Alice, other, false)
	if got := b.management(dispatchtest.Alice); got != other {
		t.Errorf("they talk in %q", got)
	}
}

func TestSealed(t *testing.T) {
	t.Parallel()
	b := newBedOf(t, dispatchtest.Permissions{Blocked: []id.UserID{dispatchtest.Bob}})
	sealed := func(user id.UserID, where id.RoomID, evt id.EventID) dispatchtest.Actions {
		e := dispatchtest.Event(t, where, user, evt, event.EventEncrypted, `{"algorithm":"m.megolm.v1.aes-sha2","ciphertext":"x"}`)
		return b.do(func(ctx context.Context) error { return b.u.Sealed(ctx, e) })
	}
	sealed(dispatchtest.Bob, room, "$0").Expect(t, "")
	notice(t, sealed(dispatchtest.Alice, room, "$1"), room, "encrypted")
	sealed(dispatchtest.Alice, room, "$2").Expect(t, "") // once is enough
	notice(t, sealed(dispatchtest.Alice, other, "$3"), other, "encrypted")
}
