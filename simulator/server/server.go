// Package server is the simulated WhatsApp server: it accepts real clients over TLS, pairs and logs them in, answers their
// queries, relays messages and receipts between devices, and keeps what a device has not acknowledged. It reads no message: the
// phones, which hold keys, are its clients too (package phone).
//
// Everything the server knows is one state under one lock, and no step under the lock waits for anything: what goes to a
// connection or a phone is queued there. So all receivers see the same order.
package server

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/mailbox"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"github.com/coder/websocket"
	"go.mau.fi/whatsmeow/types"
)

// How long a connection stays open after a stanza that ends it. A client that sees the end before it has worked on the stanza
// takes it for a network error, so it gets plenty of time; most close the connection themselves. After a stream error that only
// says to come again it waits for the end, and soon has it.
const (
	farewell  = 5 * time.Second
	interlude = 300 * time.Millisecond
)

// ErrClosed says that the network was shut down.
var ErrClosed = errors.New("the simulated network is closed")

// Options of a server.
type Options struct {
	// Listen is a loopback address such as 127.0.0.1:0.
	Listen string
	// Seed decides the LIDs.
	Seed uint64
	// Window is how many unacknowledged stanzas a device may have in flight; 0 means mailbox.DefaultWindow.
	Window int
	// MediaLimit is how large a file may be, in bytes; 0 means DefaultMediaLimit.
	MediaLimit int64
}

// Server is one simulated network.
type Server struct {
	transport  *transport
	journal    *journal.Journal
	queries    map[string]query
	window     int
	mediaLimit int64
	page       *webPage

	mu    sync.Mutex
	state state
}

// state is what the lock guards.
type state struct {
	accounts *account.Register
	groups   map[types.JID]*Group
	sessions sessions
	links    links
	faults   faults
	relay    relay
	hosting  hosting
	// collections hold the app state.
	collections collections
}

// Start listens and serves until Close.
func Start(o Options) (*Server, error) {
	if o.Window <= 0 {
		o.Window = mailbox.DefaultWindow
	}
	if o.MediaLimit <= 0 {
		o.MediaLimit = DefaultMediaLimit
	}
	s := &Server{journal: journal.New(), window: o.Window, mediaLimit: o.MediaLimit, page: newWebPage(), state: state{accounts: account.NewRegister(o.Seed), groups: map[types.JID]*Group{},
		sessions: newSessions(), links: newLinks(), relay: newRelay(), hosting: newHosting(), collections: collections{}}}
	s.queries = s.table()
	mux := http.NewServeMux()
	mux.HandleFunc("/ws/chat", s.accept)
	mux.Handle("GET web.whatsapp.com/{$}", s.page)
	s.mediaRoutes(mux)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.violate(nil, "http "+r.Method, "no such address on the simulated network: "+r.Host+r.URL.Path)
		http.NotFound(w, r)
	})
	var err error
	if s.transport, err = listen(o.Listen, mux); err != nil {
		return nil, err
	}
	return s, nil
}

// Address is the host and port that clients must dial instead of the real ones.
func (s *Server) Address() string { return s.transport.listener.Addr().String() }

// CAPEM is the certificate authority that clients must trust for TLS.
func (s *Server) CAPEM() []byte { return s.transport.caPEM }

// HTTPClient sends the requests for every host to the simulated network.
func (s *Server) HTTPClient() *http.Client { return s.transport.client() }

// Journal is what the network saw.
func (s *Server) Journal() *journal.Journal { return s.journal }

// Close ends all connections and stops listening.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.state.sessions.closed {
		close(s.state.sessions.ended)
	}
	s.state.sessions.closed = true
	var open []*session
	for c := range s.state.sessions.all {
		open = append(open, c)
	}
	s.mu.Unlock()
	for _, c := range open {
		c.close()
	}
	return s.transport.close()
}

// violate records what a client did wrong. The device may be nil.
func (s *Server) violate(d *account.Device, class, detail string) {
	s.journal.Add(journal.Event{Kind: journal.Violation, Device: name(d), Class: class, Detail: detail})
}

func name(d *account.Device) string {
	if d == nil {
		return ""
	}
	return d.Name()
}

func unix(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// newID makes an identifier for a stanza that the server begins.
func newID(prefix string) string { return prefix + rand.Text()[:16] }

func newRef() string {
	raw := make([]byte, 24)
	_, _ = rand.Read(raw) // crypto/rand never fails
	return "2@" + base64.StdEncoding.EncodeToString(raw)
}

// accept takes a websocket and serves it until it ends.
func (s *Server) accept(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	refused := s.state.sessions.closed || s.state.faults.take(RefuseConnections, nil) != nil
	silent := !refused && s.state.faults.take(SilentHandshake, nil) != nil
	s.mu.Unlock()
	if refused {
		s.journal.Add(journal.Event{Kind: journal.Fault, Class: string(RefuseConnections)})
		http.Error(w, "refused", http.StatusServiceUnavailable)
		return
	}
	socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{CompressionMode: websocket.CompressionDisabled})
	if err != nil {
		s.violate(nil, "websocket", err.Error())
		return
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	if silent {
		s.hold(ctx, socket)
		return
	}
	conn, err := wire.Accept(ctx, socket, s.transport.identity)
	if err != nil {
		_ = socket.CloseNow()
		s.journal.Add(journal.Event{Kind: journal.Disconnected, Detail: "handshake: " + err.Error()})
		return
	}
	c := newSession(conn, cancel)
	defer c.close()
	if !s.begin(c) {
		return
	}
	go c.write()
	s.read(c)
}

// hold keeps a connection on which nothing is said until either side ends it.
func (s *Server) hold(ctx context.Context, socket *websocket.Conn) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-s.state.sessions.ended:
		case <-ctx.Done():
		}
		_ = socket.CloseNow()
	}()
	for said := 0; ; said++ {
		if said == 1 {
			s.journal.Add(journal.Event{Kind: journal.Fault, Class: string(SilentHandshake), Detail: "a client waits for the answer to its hello"})
		}
		if _, _, err := socket.Read(ctx); err != nil {
			s.journal.Add(journal.Event{Kind: journal.Disconnected, Detail: "silent handshake: " + err.Error()})
			return
		}
	}
}

func (s *Server) read(c *session) {
	for {
		node, err := c.conn.ReadNode()
		if err != nil {
			s.end(c, err)
			return
		}
		s.mu.Lock()
		s.handle(c, node)
		s.mu.Unlock()
	}
}

// AddAccount opens an account with a simulated phone.
func (s *Server) AddAccount(number, display, about string, phone account.Endpoint, keys signal.Bundle) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.state.accounts.Add(number, display, phone, keys)
	if err != nil {
		return err
	}
	a.About = about
	return nil
}

// LID is the LID that the account of the number has or will have.
func (s *Server) LID(number string) types.JID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.accounts.LID(number)
}

// Rename changes the push name that receivers of the account's messages see, and its about text; nil leaves either.
func (s *Server) Rename(number string, display, about *string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.find(number)
	if err != nil {
		return err
	}
	if display != nil {
		a.Name = *display
	}
	if about != nil {
		a.About = *about
	}
	return nil
}

// find reads a phone number.
func (s *Server) find(number string) (*account.Account, error) {
	if a := s.state.accounts.Find(types.NewJID(number, types.DefaultUserServer)); a != nil {
		return a, nil
	}
	return nil, fmt.Errorf("%w phone %s", account.ErrUnknown, number)
}

// Resolve reads a chat as the control API names it: digits, a JID, a LID or a group JID. Direct chats come back as the LID, with
// the phone number's JID beside it.
func (s *Server) Resolve(chat string) (jid, pn types.JID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !strings.Contains(chat, "@") {
		chat += "@" + types.DefaultUserServer
	}
	parsed, err := types.ParseJID(chat)
	if err != nil {
		return types.EmptyJID, types.EmptyJID, fmt.Errorf("%w chat %q: %w", account.ErrInvalid, chat, err)
	}
	if parsed.Server == types.GroupServer {
		if s.state.groups[parsed] == nil {
			return types.EmptyJID, types.EmptyJID, fmt.Errorf("%w group %s", account.ErrUnknown, parsed)
		}
		return parsed, parsed, nil
	}
	a := s.state.accounts.Find(parsed)
	if a == nil {
		return types.EmptyJID, types.EmptyJID, fmt.Errorf("%w chat %s", account.ErrUnknown, parsed)
	}
	return a.LID, a.PN, nil
}

// Stats are the counters by device name, with what is queued and unacknowledged now.
func (s *Server) Stats() map[string]journal.Counters {
	out := s.journal.Counters()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.state.accounts.All() {
		for _, d := range a.Devices() {
			c := out[d.Name()]
			if d.Box != nil {
				c.Unacknowledged, c.Queued = d.Box.Flying(), d.Box.Waiting()
			}
			online := s.state.sessions.online[d]
			c.Online = d.Phone != nil || online != nil && online.active
			out[d.Name()] = c
		}
	}
	return out
}

// Violate records what a phone found wrong with what a device sent.
func (s *Server) Violate(device types.JID, class, detail string) {
	s.mu.Lock()
	d := s.state.accounts.Device(device)
	s.mu.Unlock()
	s.violate(d, class, detail)
}
