package matrix_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/matrix"
	"causeway/simulator/homeserver"
)

func (b *bench) check() error {
	b.t.Helper()
	checker, err := matrix.NewChecker(b.cfg)
	if err != nil {
		return err
	}
	return checker.Check(b.context())
}

func (b *bench) start() error {
	b.t.Helper()
	checker, err := matrix.NewChecker(b.cfg)
	require.NoError(b.t, err)
	return checker.Start(b.context(), b.server, matrix.Absence{Log: zerolog.Nop()})
}

func TestStartCheck(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.serve()
	require.NoError(t, b.check())
	before, _ := b.hs.Name(bot.String())
	require.Equal(t, "whatsappbot", before, "Check changes nothing")
	require.NoError(t, b.start())
	name, _ := b.hs.Name(bot.String())
	require.Equal(t, "WhatsApp bridge", name)
	require.Equal(t, 1, b.hs.Requests("/ping"))
	_, exists := b.hs.Name("@whatsapp_0:test.local")
	require.False(t, exists, "the probe leaves no user behind")
}

func TestStartCheckWithoutPing(t *testing.T) {
	t.Parallel()
	b := newBenchWith(t, homeserver.Options{NoPing: true})
	require.NoError(t, b.start(), "Dendrite cannot ping")
}

func TestCheckSaysWhatToChange(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts   homeserver.Options
		change func(b *bench)
		want   string
	}{
		"no URL":       {change: func(b *bench) { b.cfg.Homeserver = "localhost" }, want: "homeserver.address"},
		"nobody there": {change: func(b *bench) { b.cfg.Homeserver = "http://127.0.0.1:1" }, want: "homeserver.address: no homeserver can be reached at http://127.0.0.1:1"},
		"down":         {change: func(b *bench) { b.hs.Inject(homeserver.Fault{Status: 502}) }, want: "is not a working homeserver (HTTP 502"},
		"too old":      {opts: homeserver.Options{Versions: []string{"r0.6.1"}}, want: "needs v1.1 or later"},
		"as_token":     {opts: homeserver.Options{ASToken: "another"}, want: "app_service_config_files"},
		"bot":          {opts: homeserver.Options{Bot: "otherbot"}, want: "appservice.bot.username: the homeserver has @otherbot:test.local"},
		"domain":       {opts: homeserver.Options{Domain: "real.domain"}, want: `homeserver.domain: it is "test.local" here, but the homeserver's own name is "real.domain"`},
		"ghosts":       {opts: homeserver.Options{Prefix: "wa_"}, want: "appservice.ghost_prefix"},
		"ghosts of Dendrite": {opts: homeserver.Options{Prefix: "wa_"}, change: func(b *bench) {
			b.hs.Inject(homeserver.Fault{Match: "/whoami", Status: 403, Code: "M_FORBIDDEN", Times: 2}) // it says no more
		}, want: "appservice.ghost_prefix"},
		"token in the error": {change: func(b *bench) { b.hs.SetDown(true) }, want: "homeserver.address"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchWith(t, c.opts)
			if c.change != nil {
				c.change(b)
			}
			err := b.check()
			require.ErrorContains(t, err, c.want)
			require.NotContains(t, err.Error(), "as-token")
		})
	}
}

func TestCheckThroughARedirect(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	proxy := httptest.NewServer(http.RedirectHandler(b.hs.URL()+"/_matrix/client/versions", http.StatusMovedPermanently))
	defer proxy.Close()
	b.cfg.Homeserver = proxy.URL
	require.ErrorContains(t, b.check(), "redirects to "+b.hs.URL())
}

func TestPingSaysWhatToChange(t *testing.T) {
	t.Parallel()
	t.Run("nobody at the address", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.hs.PushTo("http://127.0.0.1:1")
		require.ErrorContains(t, b.start(), "appservice.address: the homeserver cannot reach the bridge")
	})
	t.Run("a connection of before", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		b.serve()
		b.hs.Inject(homeserver.Fault{Match: "/ping", Status: 502, Code: "M_CONNECTION_FAILED", Times: 2})
		require.NoError(t, b.start())
	})
	t.Run("another program at the address", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(other.Close)
		b.hs.PushTo(other.URL)
		require.ErrorContains(t, b.start(), "something else than this bridge")
	})
	t.Run("hs_token", func(t *testing.T) {
		t.Parallel()
		b := newBenchWith(t, homeserver.Options{HSToken: "another"})
		b.serve()
		require.ErrorContains(t, b.start(), "appservice.hs_token")
	})
	t.Run("id", func(t *testing.T) {
		t.Parallel()
		b := newBenchWith(t, homeserver.Options{AppServiceID: "another"})
		b.serve()
		require.ErrorContains(t, b.start(), "appservice.id")
	})
}

func TestIsGhost(t *testing.T) {
	t.Parallel()
	cfg := matrix.Config{Domain: "test.local", GhostPrefix: "whatsapp_", Bot: bot}
	for user, want := range map[id.UserID]bool{
		carol: true, dave: true, alice: false, bot: false, "@whatsapp_1:other": false, "whatsapp_1": false, "": false,
	} {
		require.Equal(t, want, cfg.IsGhost(user), user)
	}
}
