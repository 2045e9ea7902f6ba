package matrix_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/matrix"
	"causeway/simulator/homeserver"
)

// TestStartWaitsForTheHomeserver: whichever way it is away, the bridge waits, does meanwhile what it can, and goes on.
func TestStartWaitsForTheHomeserver(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(b *bench) (back func()){
		"refuses connections": func(b *bench) func() {
			b.hs.SetDown(true)
			return func() { b.hs.SetDown(false) }
		},
		"a proxy answers for it": func(b *bench) func() {
			b.hs.Inject(homeserver.Fault{Status: 502, Times: 100})
			return b.hs.ClearFaults
		},
		"goes away in between": func(b *bench) func() {
			b.hs.Inject(homeserver.Fault{Match: "/register", Status: 503, Times: 100})
			return b.hs.ClearFaults
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.serve()
			back := away(b)
			checker, err := matrix.NewChecker(b.cfg)
			require.NoError(t, err)
			var log bytes.Buffer
			begun, ended := make(chan struct{}), make(chan error, 1)
			go func() {
				ended <- checker.Start(b.context(), b.server, matrix.Absence{Log: zerolog.New(&log), Begin: func() error {
					close(begun) // twice would panic
					return nil
				}})
			}()
			select {
			case <-begun:
			case err := <-ended:
				t.Fatalf("it has not waited: %v", err)
			}
			back()
			require.NoError(t, <-ended)
			require.Equal(t, 1, strings.Count(log.String(), "waiting for it"), log.String())
			require.Equal(t, 1, strings.Count(log.String(), "The homeserver is there"), log.String())
			require.NotContains(t, log.String(), "as-token")
		})
	}
}

// TestStartEndsWhatCannotMend: no wait will mend these.
func TestStartEndsWhatCannotMend(t *testing.T) {
	t.Parallel()
	never := func(t *testing.T) matrix.Absence {
		return matrix.Absence{Log: zerolog.Nop(), Begin: func() error { t.Error("it waits"); return errors.New("it waits") }}
	}
	for name, server := range map[string]*httptest.Server{
		"a certificate of nobody":   httptest.NewTLSServer(http.NotFoundHandler()),
		"https where there is none": httptest.NewServer(http.NotFoundHandler()),
		"another program":           httptest.NewServer(http.NotFoundHandler()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Cleanup(server.Close)
			b := newBench(t)
			b.cfg.Homeserver = server.URL
			if strings.HasPrefix(name, "https") {
				b.cfg.Homeserver = strings.Replace(server.URL, "http:", "https:", 1)
			}
			checker, err := matrix.NewChecker(b.cfg)
			require.NoError(t, err)
			require.ErrorContains(t, checker.Start(b.context(), b.server, never(t)), "homeserver.address")
		})
	}
	t.Run("wrong token", func(t *testing.T) {
		t.Parallel()
		b := newBenchWith(t, homeserver.Options{ASToken: "another"})
		checker, err := matrix.NewChecker(b.cfg)
		require.NoError(t, err)
		require.ErrorContains(t, checker.Start(b.context(), b.server, never(t)), "appservice.as_token")
	})
}

func TestStartIsStopped(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.hs.SetDown(true)
	checker, err := matrix.NewChecker(b.cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, checker.Start(ctx, b.server, matrix.Absence{Log: zerolog.Nop(), Begin: func() error { cancel(); return nil }}), context.Canceled)
	failed := errors.New("no database")
	require.ErrorIs(t, checker.Start(t.Context(), b.server, matrix.Absence{Log: zerolog.Nop(), Begin: func() error { return failed }}), failed)
}
