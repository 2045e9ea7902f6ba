package database_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/database/databasetest"
)

var day = time.Date(2026, 2, 3, 4, 5, 6, 789e6, time.Local)

func lid(n int) types.JID { return types.NewJID(fmt.Sprint(1000+n), types.HiddenUserServer) }
func pn(n int) types.JID  { return types.NewJID(fmt.Sprint(49000+n), types.DefaultUserServer) }

func addPuppet(t *testing.T, db *database.DB, n int) database.Puppet {
	t.Helper()
	p, err := db.AddPuppet(t.Context(), database.Puppet{
		UserID: id.UserID(fmt.Sprintf("@whatsapp_%d:localhost", n)), LID: lid(n), PN: pn(n), PushName: "Zoë", Name: "Zoë (WA)",
	})
	require.NoError(t, err)
	return p
}

func putLogin(t *testing.T, db *database.DB, n int, user id.UserID) database.Login {
	t.Helper()
	l := database.Login{
		ID: database.LoginID(fmt.Sprint(49000 + n)), User: user, Puppet: addPuppet(t, db, n).ID,
		Device: types.JID{User: fmt.Sprint(49000 + n), Device: 7, Server: types.DefaultUserServer},
		State:  database.StateConnected, StateDetail: "fine", StateSince: day,
	}
	require.NoError(t, db.PutLogin(t.Context(), l))
	return l
}

func same[T any](t *testing.T, want T) func(got T, err error) {
	t.Helper()
	return func(got T, err error) {
		t.Helper()
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func missing[T any](t *testing.T) func(got T, err error) {
	t.Helper()
	return func(_ T, err error) {
		t.Helper()
		require.ErrorIs(t, err, database.ErrNotFound)
	}
}

func TestPuppets(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		missing[database.Puppet](t)(db.PuppetByID(ctx, 1))
		missing[database.Puppet](t)(db.PuppetByJID(ctx, lid(1)))
		p := addPuppet(t, db, 1)
		device := p.PN
		device.Device = 12
		same(t, p)(db.PuppetByID(ctx, p.ID))
		same(t, p)(db.PuppetByJID(ctx, p.LID))
		same(t, p)(db.PuppetByJID(ctx, device))
		same(t, p)(db.PuppetByUserID(ctx, p.UserID))

		for _, again := range []database.Puppet{{UserID: p.UserID}, {UserID: "@b:localhost", LID: p.LID}, {UserID: "@c:localhost", PN: p.PN}} {
			_, err := db.AddPuppet(ctx, again)
			require.ErrorIs(t, err, database.ErrNotFound, "the person is there")
		}
		for n := range 2 { // people of whom one name is known do not meet in the other
			bare, err := db.AddPuppet(ctx, database.Puppet{UserID: id.UserID(fmt.Sprintf("@bare%d:localhost", n))})
			require.NoError(t, err)
			same(t, bare)(db.PuppetByID(ctx, bare.ID))
		}
		p.LID, p.PN, p.PushName, p.Name = lid(8), types.EmptyJID, "other", "other (WA)"
		require.NoError(t, db.SetPuppetJIDs(ctx, p))
		require.NoError(t, db.SetPuppetNames(ctx, p))
		same(t, p)(db.PuppetByJID(ctx, lid(8)))
		missing[database.Puppet](t)(db.PuppetByJID(ctx, pn(1)))
	})
}

func TestConcurrentPuppets(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ids := make([]database.PuppetID, 24)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				err := db.Write(t.Context(), func(ctx context.Context) error {
					p, err := db.AddPuppet(ctx, database.Puppet{UserID: "@a:localhost", LID: lid(1)})
					if errors.Is(err, database.ErrNotFound) {
						p, err = db.PuppetByJID(ctx, lid(1))
					}
					ids[i] = p.ID
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, puppet := range ids {
			require.NotZero(t, puppet)
			require.Equal(t, ids[0], puppet)
		}
	})
}

func TestPortals(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		missing[database.Portal](t)(db.PortalByID(ctx, 1))
		missing[database.Portal](t)(db.PortalByRoom(ctx, "!none:localhost"))
		_, err := db.EnsurePortal(ctx, "49001")
		require.Error(t, err, "a chat without a name")

		device := pn(2)
		device.Device = 3
		portal, err := db.EnsurePortal(ctx, "49001", device)
		require.NoError(t, err)
		require.True(t, portal.IsDirect() && portal.HasDetails)
		require.Equal(t, pn(2), portal.Chat)
		same(t, portal)(db.EnsurePortal(ctx, "49001", lid(2), pn(2))) // the LID becomes known
		same(t, portal)(db.EnsurePortal(ctx, "49001", lid(2)))
		same(t, portal)(db.PortalByChat(ctx, "49001", lid(2)))
		missing[database.Portal](t)(db.PortalByChat(ctx, "49002", lid(2)))

		other, err := db.EnsurePortal(ctx, "49002", lid(2), pn(2))
		require.NoError(t, err)
		require.NotEqual(t, portal.ID, other.ID, "each login has direct chats of its own")
		third, err := db.EnsurePortal(ctx, "49001", lid(3))
		require.NoError(t, err)
		same(t, third)(db.EnsurePortal(ctx, "49001", lid(3), pn(2))) // pn(2) leads elsewhere already
		same(t, portal)(db.PortalByChat(ctx, "49001", pn(2)))

		ok, err := db.SetPortalRoom(ctx, portal.ID, "!a:localhost")
		require.NoError(t, err)
		require.True(t, ok)
		for _, again := range []database.PortalID{portal.ID, third.ID, 999} { // has a room; the room is taken; is not there
			ok, err = db.SetPortalRoom(ctx, again, "!a:localhost")
			require.NoError(t, err)
			require.False(t, ok)
		}
		ok, err = db.SetPortalRoom(ctx, portal.ID, "!b:localhost")
		require.NoError(t, err)
		require.False(t, ok)
		portal.RoomID = "!a:localhost"
		same(t, portal)(db.PortalByRoom(ctx, "!a:localhost"))

		portal.Other = addPuppet(t, db, 2).ID
		require.NoError(t, db.SetPortalOther(ctx, portal.ID, portal.Other))
		same(t, []database.Portal{portal})(db.DirectPortals(ctx, portal.Other))

		group, err := db.EnsurePortal(ctx, "", types.NewJID("123-456", types.GroupServer))
		require.NoError(t, err)
		require.False(t, group.IsDirect() || group.HasDetails)
		require.NoError(t, db.SetPortalDetails(ctx, group.ID, "Größe", "top\nic"))
		group.Name, group.Topic, group.HasDetails = "Größe", "top\nic", true
		same(t, group)(db.PortalByID(ctx, group.ID))
	})
}

// However many callers learn of a chat at once, and by whichever of its names, it is one portal.
func TestConcurrentPortals(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		const chats, callers = 6, 24
		var mu sync.Mutex
		found := make(map[int]map[database.PortalID]bool)
		var wg sync.WaitGroup
		for i := range callers * chats {
			wg.Go(func() {
				chat := i / callers
				names := []types.JID{lid(chat), pn(chat)}
				switch i % 3 {
				case 0:
					names = []types.JID{pn(chat), lid(chat)}
				case 1:
					names = append(names, types.NewJID(fmt.Sprint(chat), "lid.test"))
				}
				var portal database.Portal
				err := db.Write(t.Context(), func(ctx context.Context) (err error) {
					portal, err = db.EnsurePortal(ctx, "49001", names...)
					return err
				})
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				if found[chat] == nil {
					found[chat] = make(map[database.PortalID]bool)
				}
				found[chat][portal.ID] = true
			})
		}
		wg.Wait()
		var rows int
		require.NoError(t, db.QueryRow(t.Context(), `SELECT COUNT(*) FROM portal`).Scan(&rows))
		require.Equal(t, chats, rows)
		for chat, ids := range found {
			require.Len(t, ids, 1, "chat %d", chat)
			for portal := range ids {
				for _, name := range []types.JID{lid(chat), pn(chat)} {
					p, err := db.PortalByChat(t.Context(), "49001", name)
					require.NoError(t, err)
					require.Equal(t, portal, p.ID)
				}
			}
		}
	})
}

// Two replicas learn of a chat by different names, and the second looks before the first has committed.
func TestPortalOfTwoNamesAtOnce(t *testing.T) {
	t.Parallel()
	uri := databasetest.Postgres(t)
	db, other := databasetest.Open(t, uri), databasetest.Open(t, uri)
	var first, second database.Portal
	ended := make(chan error, 1)
	require.NoError(t, db.Tx(t.Context(), func(ctx context.Context) (err error) {
		if first, err = db.EnsurePortal(ctx, "49001", lid(1), pn(1)); err != nil {
			return err
		}
		go func() {
			var err error
			second, err = other.EnsurePortal(context.Background(), "49001", pn(1))
			ended <- err
		}()
		eventually(t, "the second waits for the first", func() (waits bool) {
			require.NoError(t, db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid=database
				WHERE datname=current_database() AND NOT granted)`).Scan(&waits))
			return waits
		})
		return nil
	}))
	require.NoError(t, <-ended)
	require.Equal(t, first, second)
}

func TestLogins(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		missing[database.Login](t)(db.LoginByID(ctx, "49001"))
		a, b := putLogin(t, db, 1, "@alice:localhost"), putLogin(t, db, 2, "@alice:localhost")
		same(t, a)(db.LoginByID(ctx, a.ID))
		same(t, b)(db.LoginByPuppet(ctx, b.Puppet))
		same(t, []database.Login{a, b})(db.LoginsOf(ctx, "@alice:localhost"))
		same(t, []database.Login(nil))(db.LoginsOf(ctx, "@bob:localhost"))

		a.State, a.StateDetail, a.StateSince, a.RetryAt = database.StateBanned, "an hour", day.Add(time.Hour), day.Add(2*time.Hour)
		require.NoError(t, db.SetLoginState(ctx, a))
		require.NoError(t, db.SetPhoneSeen(ctx, a.ID, day.Add(time.Minute)))
		require.NoError(t, db.SetPhoneSeen(ctx, a.ID, day)) // older news
		a.PhoneSeen = day.Add(time.Minute)
		same(t, a)(db.LoginByID(ctx, a.ID))
		a.User, a.State, a.RetryAt = "@bob:localhost", database.StateConnecting, time.Time{} // linked again by somebody else
		require.NoError(t, db.PutLogin(ctx, a))
		same(t, []database.Login{a, b})(db.Logins(ctx))

		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		for _, want := range []bool{true, false} {
			is, err := db.AddPortalLogin(ctx, group.ID, a.ID)
			require.NoError(t, err)
			require.Equal(t, want, is)
		}
		_, err = db.AddPortalLogin(ctx, group.ID, b.ID)
		require.NoError(t, err)
		same(t, []database.Login{a, b})(db.PortalLogins(ctx, group.ID))
		require.NoError(t, db.RemoveLogin(ctx, a.ID))
		same(t, []database.Login{b})(db.PortalLogins(ctx, group.ID))
		for _, want := range []bool{true, false} {
			was, err := db.RemovePortalLogin(ctx, group.ID, b.ID)
			require.NoError(t, err)
			require.Equal(t, want, was)
		}
		_, err = db.AddPortalLogin(ctx, group.ID, "nobody")
		require.Error(t, err, "a login that is not there")
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		a, b := addPuppet(t, db, 1), addPuppet(t, db, 2)
		for _, step := range []struct {
			who   database.Puppet
			role  string
			isNew bool
		}{{a, "", true}, {b, "admin", true}, {a, "superadmin", false}, {a, "", false}} {
			isNew, err := db.PutMember(ctx, database.Member{Portal: group.ID, Puppet: step.who.ID, Role: step.role})
			require.NoError(t, err)
			require.Equal(t, step.isNew, isNew)
		}
		same(t, []database.Puppet{a, b})(db.Members(ctx, group.ID))
		for _, want := range []bool{true, false} {
			was, err := db.RemoveMember(ctx, group.ID, a.ID)
			require.NoError(t, err)
			require.Equal(t, want, was)
		}
		same(t, []database.Puppet{b})(db.Members(ctx, group.ID))
		same(t, "admin")(db.RoleOf(ctx, group.ID, b.ID))
		same(t, "")(db.RoleOf(ctx, group.ID, a.ID))
	})
}

func TestMessages(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		key := database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: addPuppet(t, db, 1).ID}
		other := database.MessageKey{Portal: group.ID, ID: "3EB0", Sender: addPuppet(t, db, 2).ID}
		missing[database.Message](t)(db.MessageByKey(ctx, key))
		m := database.Message{MessageKey: key, Sent: day}
		for _, want := range []bool{true, false} {
			isNew, err := db.AddMessage(ctx, m)
			require.NoError(t, err)
			require.Equal(t, want, isNew)
		}
		missing[database.Message](t)(db.MessageByEvent(ctx, ""))
		isNew, err := db.AddMessage(ctx, database.Message{MessageKey: other, Sent: day})
		require.NoError(t, err)
		require.True(t, isNew, "another sender may use the same ID")
		require.NoError(t, db.SettleMessage(ctx, key, "$a"))
		require.NoError(t, db.SettleMessage(ctx, key, "$b"))
		m.Event = "$a"
		same(t, m)(db.MessageByKey(ctx, key))
		same(t, m)(db.MessageByEvent(ctx, "$a"))
	})
}

func TestAwaited(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		login := putLogin(t, db, 1, "@alice:localhost")
		portal, err := db.EnsurePortal(ctx, login.ID, lid(2))
		require.NoError(t, err)
		key := database.MessageKey{Portal: portal.ID, ID: "3EB0", Sender: login.Puppet}
		missing[database.Awaited](t)(db.AwaitedByKey(ctx, key))
		a := database.Awaited{MessageKey: key, Placeholder: true, Since: day}
		for _, want := range []bool{true, false} {
			isNew, err := db.AddAwaited(ctx, a)
			require.NoError(t, err)
			require.Equal(t, want, isNew)
		}
		same(t, a)(db.AwaitedByKey(ctx, key))
		same(t, a)(db.TakeAwaited(ctx, key))
		missing[database.Awaited](t)(db.TakeAwaited(ctx, key))
		missing[database.Awaited](t)(db.AwaitedByKey(ctx, key))
	})
}

func TestUsersAndSettings(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		missing[database.User](t)(db.UserByID(ctx, "@a:localhost"))
		u := database.User{ID: "@a:localhost", ManagementRoom: "!m:localhost"}
		require.NoError(t, db.PutManagementRoom(ctx, u))
		u.ManagementRoom = "!n:localhost"
		require.NoError(t, db.PutManagementRoom(ctx, u))
		same(t, u)(db.UserByID(ctx, u.ID))
		same(t, u)(db.UserByManagementRoom(ctx, "!n:localhost"))
		missing[database.User](t)(db.UserByManagementRoom(ctx, "!m:localhost"))

		missing[database.LoginFlow](t)(db.LoginFlowOf(ctx, u.ID))
		f := database.LoginFlow{User: u.ID, ID: "1", Method: "qr", Room: "!m:localhost", Started: day}
		require.NoError(t, db.PutLoginFlow(ctx, f))
		f.ID, f.Method = "2", "phone"
		require.NoError(t, db.PutLoginFlow(ctx, f))
		same(t, f)(db.LoginFlowOf(ctx, u.ID))
		same(t, []database.LoginFlow{f})(db.LoginFlows(ctx))
		require.NoError(t, db.RemoveLoginFlow(ctx, u.ID))
		missing[database.LoginFlow](t)(db.LoginFlowOf(ctx, u.ID))

		same(t, "")(db.Setting(ctx, "version"))
		require.NoError(t, db.PutSetting(ctx, "version", "1"))
		require.NoError(t, db.PutSetting(ctx, "version", "2"))
		same(t, "2")(db.Setting(ctx, "version"))

		missing[database.BotEvent](t)(db.BotEventByName(ctx, "qr"))
		e := database.BotEvent{Name: "qr", Room: "!m:localhost", Event: "$1"}
		require.NoError(t, db.PutBotEvent(ctx, e))
		require.NoError(t, db.PutBotEvent(ctx, database.BotEvent{Name: "qr", Room: "!o:localhost", Event: "$2"}))
		same(t, e)(db.BotEventByName(ctx, "qr"))
		require.NoError(t, db.RemoveBotEvent(ctx, "qr"))
		missing[database.BotEvent](t)(db.BotEventByName(ctx, "qr"))
	})
}
