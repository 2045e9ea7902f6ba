// Package whatsapp is the bridge's edge to WhatsApp, and the only package with the whatsmeow client: it holds one
// connection per login, journals what arrives before it is acknowledged, links accounts, and carries out the outbox's
// actions on WhatsApp's side. DESIGN.md says why it is as it is.
package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// Config says how the bridge connects.
type Config struct {
	// OSName is the bridge's name in the list of linked devices on the phone.
	OSName string
	// MaxBackoff is the longest wait between two attempts to connect. 0 is five minutes.
	MaxBackoff time.Duration
	// FirstBackoff is the wait after the second failed attempt; the first is repeated at once. 0 is two seconds.
	FirstBackoff time.Duration
	// Receipts are those that are journaled.
	Receipts Receipts
	// Typing, if set, is told who is typing. It must not wait.
	Typing func(Typing)
	// Timing is how long to wait for what.
	Timing Timing
	// Network is the network to connect to; the zero value is the real one.
	Network Network
}

const (
	defaultMaxBackoff   = 5 * time.Minute
	defaultFirstBackoff = 2 * time.Second
	// maxDialing is how many connections are being made at once: each is a TLS and a Noise handshake.
	maxDialing = 8
)

// edge is what every connection needs of the rest of the bridge.
type edge struct {
	db       *database.DB
	in       *inbox.Inbox
	out      *outbox.Outbox
	devices  *devices
	version  *version
	http     *http.Client
	receipts Receipts // those that are journaled
	typing   func(Typing)
	timing   Timing
}

// client makes a client that never connects by itself: the bridge does, so that a message which could not be journaled
// is delivered again on a new connection.
func (e *edge) client(device *store.Device, log zerolog.Logger) *whatsmeow.Client {
	c := whatsmeow.NewClient(device, newLibraryLog(log))
	c.SetPreLoginHTTPClient(e.http)
	c.SetWebsocketHTTPClient(e.http)
	c.SetMediaHTTPClient(e.http)
	c.EnableAutoReconnect = false
	c.DisableLoginAutoReconnect = true
	c.SynchronousAck = true
	c.EnableDecryptedEventBuffer = true
	c.UseRetryMessageStore = true // recipients may ask for a message again after the bridge was restarted
	return c
}

// attempt is what came of an attempt to connect.
type attempt struct {
	claimed store.WAVersionContainer
	err     error
}

// connect connects a client until hangUp is called, and returns the version that it claimed to be. Ending ctx only ends
// the attempt: whatsmeow must be told to disconnect before its own context ends, or it closes its socket twice at once.
// An attempt that is given up is left to itself: whatsmeow waits 20 seconds for the answer to its handshake, whatever
// becomes of the context, and the bridge would stop only then.
func (e *edge) connect(ctx context.Context, c *whatsmeow.Client) (claimed store.WAVersionContainer, hangUp func(), err error) {
	connCtx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	done := make(chan attempt, 1)
	go func() {
		claimed, err := e.version.claim(func() error { return c.ConnectContext(connCtx) })
		done <- attempt{claimed, err}
	}()
	end := func() { // not hangUp, which the last return sets while the attempt that is given up may be about to end
		c.Disconnect()
		cancel()
	}
	select {
	case a := <-done:
		stop()
		return a.claimed, end, a.err
	case <-ctx.Done():
		go func() {
			<-done
			end()
		}()
		return claimed, func() {}, ctx.Err()
	}
}

// Sessions holds the connections of the logins, and the logins that are being made.
type Sessions struct {
	edge    *edge
	backoff queue.Backoff
	dialing chan struct{} // a place for each connection that is being made
	log     zerolog.Logger
	unread  atomic.Uint64
	limit   time.Duration // of an attempt to link an account

	mu       sync.Mutex
	stopped  bool
	live     map[database.LoginID]*session
	pairings map[id.UserID]*pairing
	waits    map[*context.CancelFunc]struct{} // what else runs
	wg       sync.WaitGroup
}

// New prepares the connections and upgrades whatsmeow's tables. Nothing connects before Start.
func New(ctx context.Context, cfg Config, db *database.DB, in *inbox.Inbox, out *outbox.Outbox, log zerolog.Logger) (*Sessions, error) {
	client, err := cfg.Network.client()
	if err != nil {
		return nil, err
	}
	devices, err := openDevices(ctx, db, log)
	if err != nil {
		return nil, err
	}
	e := &edge{db: db, in: in, out: out, devices: devices, version: newVersion(db, client, log), http: client, receipts: cfg.Receipts, typing: cfg.Typing,
		timing: cfg.Timing.withDefaults()}
	backoff := queue.Backoff{First: cfg.FirstBackoff, Most: cfg.MaxBackoff}
	if backoff.First <= 0 {
		backoff.First = defaultFirstBackoff
	}
	if backoff.Most <= 0 {
		backoff.Most = defaultMaxBackoff
	}
	return &Sessions{edge: e, backoff: backoff, limit: pairingLimit, dialing: make(chan struct{}, maxDialing), log: log,
		live: make(map[database.LoginID]*session), pairings: make(map[id.UserID]*pairing),
		waits: make(map[*context.CancelFunc]struct{})}, nil
}

// Start connects the logins of the database, and returns without waiting for them. Those that WhatsApp or the user
// has ended are left alone; banned ones are connected when the ban is over.
func (s *Sessions) Start(ctx context.Context) error {
	if err := s.edge.version.load(ctx); err != nil {
		return err
	}
	logins, err := s.edge.db.Logins(ctx)
	if err != nil {
		return err
	}
	devices, err := s.edge.devices.all(ctx)
	if err != nil {
		return err
	}
	s.background(ctx, func(ctx context.Context) {
		if err := s.edge.version.refresh(ctx); err != nil {
			s.log.Warn().Err(err).Msg("The version of WhatsApp is not known; using the last one")
		}
		s.connectAll(ctx, logins, devices)
	})
	return nil
}

func (s *Sessions) connectAll(ctx context.Context, logins []database.Login, devices []types.JID) {
	unclaimed := make(map[types.JID]bool, len(devices))
	for _, device := range devices {
		unclaimed[device] = true
	}
	for _, login := range logins {
		known := unclaimed[login.Device]
		delete(unclaimed, login.Device)
		switch {
		case login.State == database.StateLoggedOut, login.State == database.StateReplaced:
		case !known:
			s.reportLost(ctx, login)
		default:
			s.open(ctx, login)
		}
	}
	for device := range unclaimed {
		s.background(ctx, func(ctx context.Context) { s.claim(ctx, device) })
	}
}

// reportLost says that a login has no session any more.
func (s *Sessions) reportLost(ctx context.Context, login database.Login) {
	lost := inbox.LoginChanged{Login: login.ID, State: database.StateLoggedOut, Detail: "the session is not in the database", At: time.Now()}
	if err := s.edge.in.AddLoginChanged(ctx, lost); err != nil {
		s.log.Error().Err(err).Str("login", string(login.ID)).Msg("A login has lost its session, and that could not be recorded")
	}
}

const (
	// claimPause is how often a device without a login is looked at again, and claimLimit for how long.
	claimPause = 500 * time.Millisecond
	claimLimit = 2 * time.Minute
)

// claim connects a device that was linked just before the bridge was stopped, once its login has been written down.
func (s *Sessions) claim(ctx context.Context, device types.JID) {
	for deadline := time.Now().Add(claimLimit); time.Now().Before(deadline); {
		login, err := s.edge.db.LoginByID(ctx, database.LoginID(device.User))
		if err == nil && login.Device == device {
			s.open(ctx, login)
			return
		}
		if !pause(ctx, claimPause) {
			return
		}
	}
	s.log.Warn().Stringer("device", device).Msg("A linked device belongs to no login; leaving it alone")
}

// Stop disconnects everything and waits until nothing runs any more.
func (s *Sessions) Stop() {
	s.mu.Lock()
	s.stopped = true
	for _, live := range s.live {
		live.cancel()
	}
	for _, p := range s.pairings {
		p.end(inbox.ProblemInterrupted)
	}
	for cancel := range s.waits {
		(*cancel)()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Connected reports whether a login can send and receive right now.
func (s *Sessions) Connected(login database.LoginID) bool {
	live := s.get(login)
	return live != nil && live.ready.Load()
}

// Reconnect connects a login once more that was replaced, banned or refused, because its user asks for it.
func (s *Sessions) Reconnect(ctx context.Context, login database.LoginID) error {
	row, err := s.edge.db.LoginByID(ctx, login)
	if err != nil {
		return err
	}
	if live := s.get(login); live != nil {
		live.hurry()
		return nil
	}
	row.RetryAt = time.Time{}
	s.open(ctx, row)
	return nil
}

// Undecryptable returns how many messages could not be decrypted since the process was started.
func (s *Sessions) Undecryptable() uint64 { return s.unread.Load() }

func (s *Sessions) get(login database.LoginID) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live[login]
}

// open starts the connection of a login, unless it has one or the bridge is being stopped. It outlives ctx.
func (s *Sessions) open(ctx context.Context, login database.Login) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped || s.live[login.ID] != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	log := s.log.With().Str("login", string(login.ID)).Logger()
	live := &session{edge: s.edge, login: login.ID, device: login.Device, log: log, cancel: cancel, wake: make(chan struct{}, 1),
		done: make(chan struct{}), phone: make(chan time.Time, 1), undecryptable: &s.unread}
	var wait time.Duration
	if login.State == database.StateBanned {
		wait, live.reported = time.Until(login.RetryAt), login.State
	}
	s.live[login.ID] = live
	s.wg.Go(func() {
		defer cancel()
		live.rest(ctx, wait)
		live.run(ctx, s.backoff, s.dialing)
		s.mu.Lock()
		if s.live[login.ID] == live {
			delete(s.live, login.ID)
		}
		s.mu.Unlock()
		close(live.done)
	})
}

// take ends the connection of a login and returns what is left of it; nil when there was none.
func (s *Sessions) take(login database.LoginID) *session {
	s.mu.Lock()
	live := s.live[login]
	delete(s.live, login)
	s.mu.Unlock()
	return live
}

// background runs fn until it ends or the bridge is stopped. It outlives ctx.
func (s *Sessions) background(ctx context.Context, fn func(ctx context.Context)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.waits[&cancel] = struct{}{}
	s.wg.Go(func() {
		fn(ctx)
		cancel()
		s.mu.Lock()
		delete(s.waits, &cancel)
		s.mu.Unlock()
	})
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, wait time.Duration) bool {
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// retry calls fn until it succeeds or ctx ends.
func retry(ctx context.Context, log zerolog.Logger, what string, fn func() error) error {
	backoff := queue.Backoff{First: 100 * time.Millisecond, Most: 30 * time.Second}
	for attempt := 0; ; attempt++ {
		err := fn()
		if err == nil {
			return nil
		}
		log.Error().Err(err).Int("attempt", attempt+1).Msg(what)
		if !pause(ctx, backoff.After(attempt)) {
			return fmt.Errorf("give up: %w", err)
		}
	}
}
