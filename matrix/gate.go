package matrix

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"maunium.net/go/mautrix"

	"causeway/queue"
)

// probeTimeout bounds a look whether the homeserver is there.
const probeTimeout = 15 * time.Second

// gate holds all actions back while the homeserver is away: one request at a time looks whether it is there again, in
// place of one of each lane. The lanes keep their places and go on at once when it opens.
type gate struct {
	probe   func(ctx context.Context) error
	backoff queue.Backoff
	log     zerolog.Logger

	mu    sync.Mutex
	state gateState
}

// gateState is what the gate's lock guards.
type gateState struct {
	since   time.Time // when the homeserver was found away; zero while the gate is open
	next    time.Time // when to look again
	looks   int       // how often it was looked in vain
	probing bool
	opens   int           // how often the gate has been opened
	changed chan struct{} // closed at the next change
}

func newGate(probe func(ctx context.Context) error, log zerolog.Logger) *gate {
	g := &gate{probe: probe, backoff: queue.Backoff{First: 250 * time.Millisecond, Most: 15 * time.Second}, log: log}
	g.state.changed = make(chan struct{})
	return g
}

// enter waits until the homeserver is there. It returns a number for report.
func (g *gate) enter(ctx context.Context) (int, error) {
	for ctx.Err() == nil {
		g.mu.Lock()
		s := &g.state
		if s.since.IsZero() {
			defer g.mu.Unlock()
			return s.opens, nil
		}
		wait, changed := time.Until(s.next), s.changed
		if wait <= 0 && !s.probing {
			s.probing = true
			g.mu.Unlock()
			g.look(ctx)
			continue
		} else if s.probing {
			wait = probeTimeout
		}
		g.mu.Unlock()
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
	}
	return 0, ctx.Err()
}

// report closes the gate if an error says that the homeserver is away. It may also have been the fault of one request
// alone; the first look, which is made at once, will tell. What was begun before the gate was last opened says nothing.
func (g *gate) report(entered int, err error) {
	if !isAway(err) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &g.state
	if !s.since.IsZero() || entered != s.opens {
		return
	}
	s.since, s.next, s.looks = time.Now(), time.Now(), 0
	g.change()
}

// look asks the homeserver whether it is there.
func (g *gate) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := g.probe(limited)
	g.mu.Lock()
	defer g.mu.Unlock()
	defer g.change()
	s := &g.state
	s.probing = false
	switch {
	case ctx.Err() != nil: // stopping says nothing of the homeserver
	case isAway(err):
		if s.looks == 0 {
			g.log.Error().Err(err).Msg("The homeserver cannot be reached; what is to be done there waits")
		}
		s.next = time.Now().Add(g.backoff.After(s.looks))
		s.looks++
	default:
		if s.looks > 0 {
			g.log.Warn().Dur("after", time.Since(s.since)).Msg("The homeserver is there again")
		}
		s.since = time.Time{}
		s.opens++
	}
}

// away reports whether the homeserver is known to be away.
func (g *gate) away() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return !g.state.since.IsZero()
}

// change tells everybody who waits that something is different. The lock is held.
func (g *gate) change() {
	close(g.state.changed)
	g.state.changed = make(chan struct{})
}

// isAway reports whether an error says that the homeserver was not reached or could do nothing: the network, a proxy
// before it, or its own trouble.
func isAway(err error) bool {
	failed, ok := errors.AsType[mautrix.HTTPError](err)
	if !ok || failed.Request == nil || errors.Is(err, context.Canceled) {
		return false
	}
	return failed.Response == nil || failed.Response.StatusCode >= http.StatusInternalServerError
}
