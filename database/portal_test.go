package database_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

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
