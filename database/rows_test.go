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
