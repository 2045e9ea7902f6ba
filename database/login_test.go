package database_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

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
