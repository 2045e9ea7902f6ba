package whatsapp

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// loginTimeout is how long a connection may take from the handshake until it is ready; the library's own questions
	// during the login time out after 75 seconds each.
	loginTimeout = 2 * time.Minute
	// stableAfter is how long a connection must have lasted for the next one to be made at once.
	stableAfter = 30 * time.Second
	// outdatedPause is how long to wait before asking again whether there is a version that WhatsApp accepts.
	outdatedPause = time.Hour
	// phonePause is the least time between two signs of life of a phone that are written down.
	phonePause = time.Minute
)

// session is the connection of one login, made again whenever it is lost.
type session struct {
	edge   *edge
	login  database.LoginID
	device types.JID
	log    zerolog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended
	wake   chan struct{} // has a value when the user wants no more waiting

	client        *whatsmeow.Client // set before anything is shared
	stores        *accountStore
	ready         atomic.Bool  // logged in: may send
	since         atomic.Int64 // when that began last, in nanoseconds since 1970
	over          atomic.Bool  // WhatsApp has ended it for good
	muted         atomic.Bool  // nothing that arrives is taken any more
	lastHeard     atomic.Int64 // when something last came over the connection, in nanoseconds
	phone         chan time.Time
	undecryptable *atomic.Uint64

	mu       sync.Mutex
	link     *link
	reported database.LoginState // what was journaled last
}

// link is one connection of a session.
type link struct {
	fate   chan fate     // how it ended; the first counts
	up     chan struct{} // has a value when it is ready
	broken atomic.Bool   // something on it could not be stored: nothing of it may be taken any more
}

// linkKey is the context key under which whatever happens on a connection carries its link.
type linkKey struct{}

// fate says how a connection ended and what follows from that.
type fate struct {
	state  database.LoginState // empty: connect again
	detail string
	until  time.Time // for a ban: when WhatsApp says that it ends
	retry  time.Time // for a ban: when the bridge connects again
}

// run keeps the login connected until ctx ends or WhatsApp ends it for good.
func (s *session) run(ctx context.Context, backoff queue.Backoff, dialing chan struct{}) {
	if err := retry(ctx, s.log, "The session cannot be loaded; trying again", func() error { return s.load(ctx) }); err != nil {
		return
	}
	if s.client == nil {
		s.report(ctx, fate{state: database.StateLoggedOut, detail: "the session is not in the database"})
		return
	}
	s.client.AddEventHandlerWithSuccessStatus(func(event any) bool { return s.handle(ctx, event) })
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		end, refused := s.connect(ctx, dialing)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= stableAfter {
			failures = 0
		}
		var wait time.Duration
		switch end.state {
		case "":
			s.log.Info().Str("cause", end.detail).Int("failures", failures).Msg("Disconnected from WhatsApp")
			if failures > 0 {
				wait = backoff.After(failures - 1)
				s.report(ctx, fate{state: database.StateDisconnected, detail: end.detail})
			}
		case database.StateOutdated:
			wait = s.outdated(ctx, end, refused)
		case database.StateBanned:
			wait = s.banned(ctx, end)
		default:
			s.log.Warn().Str("state", string(end.state)).Str("cause", end.detail).Msg("WhatsApp has ended the session")
			s.over.Store(true)
			s.report(ctx, end)
			s.forget(ctx, end)
			return
		}
		s.rest(ctx, wait)
	}
}

// rest waits before the next connection, unless the user is in a hurry.
func (s *session) rest(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-s.wake:
	}
}

// hurry ends a rest.
func (s *session) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// banned journals a ban, and returns how long it lasts. What is to be sent waits for its end.
func (s *session) banned(ctx context.Context, end fate) time.Duration {
	end.retry = end.until
	if end.retry.IsZero() {
		end.retry = time.Now().Add(s.edge.timing.Ban)
	}
	s.log.Warn().Str("cause", end.detail).Time("retry", end.retry).Msg("WhatsApp has banned the account for a while")
	s.report(ctx, end)
	return time.Until(end.retry)
}

// forget removes the keys of a session that WhatsApp has ended. whatsmeow does so too, but not if it is disconnected
// meanwhile.
func (s *session) forget(ctx context.Context, end fate) {
	if end.state != database.StateLoggedOut {
		return
	}
	_ = retry(ctx, s.log, "The session cannot be removed; trying again", func() error {
		return s.edge.devices.remove(ctx, s.device)
	})
}

func (s *session) load(ctx context.Context) error {
	device, stores, err := s.edge.devices.load(ctx, s.device, s.fail)
	if err != nil || device == nil {
		return err
	}
	s.stores = stores
	s.client = s.edge.client(device, s.log)
	return nil
}

// outdated looks for a newer version of WhatsApp after ours was refused, and returns how long to wait before connecting.
func (s *session) outdated(ctx context.Context, end fate, refused store.WAVersionContainer) time.Duration {
	if err := s.edge.version.refresh(ctx); err != nil {
		s.log.Warn().Err(err).Msg("WhatsApp has refused our version, and a newer one could not be looked up")
	}
	if s.edge.version.newerThan(refused) {
		return 0
	}
	s.report(ctx, end)
	return outdatedPause
}

// connect makes one connection and returns how it ended, and the version that it claimed to be.
func (s *session) connect(ctx context.Context, dialing chan struct{}) (fate, store.WAVersionContainer) {
	select {
	case dialing <- struct{}{}:
	case <-ctx.Done():
		return fate{}, store.WAVersionContainer{}
	}
	l := &link{fate: make(chan fate, 1), up: make(chan struct{}, 1)}
	s.mu.Lock()
	s.link = l
	s.mu.Unlock()
	claimed, hangUp, err := s.edge.connect(context.WithValue(ctx, linkKey{}, l), s.client)
	<-dialing
	defer hangUp()
	defer s.ready.Store(false)
	switch {
	case errors.Is(err, store.ErrDeviceDeleted):
		return fate{state: database.StateLoggedOut, detail: "the session was removed"}, claimed
	case err != nil:
		return fate{detail: err.Error()}, claimed
	}
	return s.live(ctx, l), claimed
}

// live waits for a connection to become ready and then for its end.
func (s *session) live(ctx context.Context, l *link) fate {
	timeout := time.NewTimer(loginTimeout)
	defer timeout.Stop()
	s.heard()
	look := time.NewTicker(s.edge.timing.Quiet / 2)
	defer look.Stop()
	var seen time.Time
	for {
		select {
		case <-ctx.Done():
			return fate{}
		case end := <-l.fate:
			return end
		case <-timeout.C:
			return fate{detail: "the login took too long"}
		case <-look.C:
			if end, over := s.watch(ctx); over {
				return end
			}
		case <-l.up:
			timeout.Stop()
			if err := s.announce(ctx); err != nil {
				return fate{detail: err.Error()}
			}
		case at := <-s.phone:
			if at.Sub(seen) < phonePause {
				continue
			}
			seen = at
			if err := s.edge.in.AddLoginChanged(ctx, inbox.LoginChanged{Login: s.login, At: at, Phone: true}); err != nil {
				s.log.Warn().Err(err).Msg("A sign of life of the phone could not be recorded")
			}
		}
	}
}

// announce journals that the login is connected, and wakes the actions that waited for it.
func (s *session) announce(ctx context.Context) error {
	s.since.Store(time.Now().UnixNano())
	s.ready.Store(true)
	changed := inbox.LoginChanged{Login: s.login, State: database.StateConnected, At: time.Now()}
	s.mu.Lock()
	isNew := s.reported != changed.State
	s.mu.Unlock()
	err := s.edge.db.Write(ctx, func(ctx context.Context) error {
		if isNew {
			if err := s.edge.in.AddLoginChanged(ctx, changed); err != nil {
				return err
			}
		}
		return s.edge.out.Provide(ctx, outbox.ConnectionOf(s.login))
	})
	if err != nil {
		return err
	}
	s.setReported(changed.State)
	s.log.Info().Msg("Connected to WhatsApp")
	return nil
}

// connectedAt is when the present connection became ready.
func (s *session) connectedAt() time.Time { return time.Unix(0, s.since.Load()) }

// report journals what became of the connection, however often that takes. What was journaled last is not repeated.
func (s *session) report(ctx context.Context, end fate) {
	s.mu.Lock()
	known := s.reported == end.state && end.retry.IsZero()
	s.mu.Unlock()
	if known || s.muted.Load() {
		return
	}
	changed := inbox.LoginChanged{Login: s.login, State: end.state, Detail: end.detail, Until: end.until, Retry: end.retry, At: time.Now()}
	err := retry(ctx, s.log, "The state of the login cannot be recorded; trying again", func() error {
		return s.edge.in.AddLoginChanged(ctx, changed)
	})
	if err == nil {
		s.setReported(end.state)
	}
}

func (s *session) setReported(state database.LoginState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reported = state
}

// finish ends the present connection. The first cause counts.
func (s *session) finish(end fate) {
	l := s.current()
	if l == nil {
		return
	}
	select {
	case l.fate <- end:
	default:
	}
}

// fail ends the present connection because something on it could not be stored. What waits on it may not be taken any
// more: it would overtake what is to be delivered again.
func (s *session) fail(err error) {
	if l := s.current(); l != nil {
		l.broken.Store(true)
	}
	s.finish(fate{detail: "something could not be stored: " + err.Error()})
}

func (s *session) current() *link {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.link
}

// close ends the session for good and waits for that. Nothing is taken or reported any more.
func (s *session) close() {
	s.muted.Store(true)
	s.cancel()
	<-s.done
}
