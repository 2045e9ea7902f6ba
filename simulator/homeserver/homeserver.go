// Package homeserver is a null homeserver for tests: in memory, with one application service and no federation. It
// speaks what a bridge uses of the Client-Server API, pushes transactions as Synapse does, keeps to the rules of
// membership and power, and fails on demand.
//
// Where Synapse 1.163 and Dendrite 0.15 agree, it does as they do; where they differ, as Synapse does. In particular both
// tell transactions apart by application service, not by user, and forget them when they restart.
package homeserver

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Options say whose homeserver it is. Empty ones have the values that the comments name.
type Options struct {
	Domain       string // "test.local"
	AppServiceID string // "whatsapp"
	ASToken      string // "as-token"
	HSToken      string // "hs-token"
	Bot          string // "whatsappbot", a localpart
	Prefix       string // "whatsapp_", what the localparts of the application service's users and aliases start with
	// Versions are the versions of the specification that it claims; "v1.1" to "v1.11".
	Versions []string
	// NoPing makes it a homeserver without MSC2659.
	NoPing bool
	// OldMedia makes it a homeserver from before authenticated media (v1.11 of the specification).
	OldMedia bool
	// MediaLimit is how large a file may be, in bytes; 16 MiB if 0.
	MediaLimit int64
	// Pages is what it says about web pages, by their addresses; others it cannot reach.
	Pages map[string]map[string]any
}

func (o Options) filled() Options {
	for _, field := range []struct {
		value    *string
		standard string
	}{
		{&o.Domain, "test.local"}, {&o.AppServiceID, "whatsapp"}, {&o.ASToken, "as-token"}, {&o.HSToken, "hs-token"},
		{&o.Bot, "whatsappbot"}, {&o.Prefix, "whatsapp_"},
	} {
		if *field.value == "" {
			*field.value = field.standard
		}
	}
	if o.MediaLimit == 0 {
		o.MediaLimit = maxMedia
	}
	if o.Versions == nil {
		o.Versions = []string{"v1.1", "v1.11"}
	}
	return o
}

// Homeserver is a running homeserver.
type Homeserver struct {
	opts   Options
	url    string
	door   door
	pusher pusher
	faults faults

	mu      sync.Mutex
	world   world
	changed chan struct{} // closed at the next change
}

// world is everything that people and programs have made.
type world struct {
	users        map[string]*user    // by user ID
	rooms        map[string]*room    // by room ID
	aliases      map[string]string   // room IDs by alias
	media        map[string][]byte   // by content URI
	huge         map[string]Huge     // those too large to be kept
	transactions map[string]response // answers by the path of the request
	requests     []string            // "METHOD path", in the order they came
	serial       int                 // of events, rooms and media
}

type user struct {
	id   string
	name string
}

// Start starts a homeserver on the loopback interface. It pushes nothing before PushTo. Call Close in the end.
func Start(opts Options) (*Homeserver, error) {
	h := &Homeserver{opts: opts.filled(), changed: make(chan struct{})}
	h.world = world{
		users: make(map[string]*user), rooms: make(map[string]*room), aliases: make(map[string]string),
		media: make(map[string][]byte), huge: make(map[string]Huge), transactions: make(map[string]response),
	}
	bot := h.userID(h.opts.Bot)
	h.world.users[bot] = &user{id: bot, name: h.opts.Bot}
	h.door.handler = h.note(h.faults.wrap(h.routes()))
	address, err := h.door.open("127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the null homeserver: %w", err)
	}
	h.url = "http://" + address
	h.pusher.start(h.opts.HSToken, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.change()
	})
	return h, nil
}

// Close stops the homeserver.
func (h *Homeserver) Close() {
	h.door.close()
	h.pusher.stop()
}

// URL is the address of the client API.
func (h *Homeserver) URL() string { return h.url }

// Bot is the user ID of the application service's own user.
func (h *Homeserver) Bot() string { return h.userID(h.opts.Bot) }

// PushTo sets the address of the application service, at which transactions are pushed from now on.
func (h *Homeserver) PushTo(url string) { h.pusher.pushTo(url) }

// note writes down what was asked for, whether or not it is done.
func (h *Homeserver) note(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.world.requests = append(h.world.requests, r.Method+" "+r.URL.Path)
		h.mu.Unlock()
		defer func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.change()
		}()
		next.ServeHTTP(w, r)
	})
}

func (h *Homeserver) userID(localpart string) string { return "@" + localpart + ":" + h.opts.Domain }

// ours reports whether a user belongs to the application service.
func (h *Homeserver) ours(user string) bool {
	return user == h.Bot() || (strings.HasPrefix(user, "@"+h.opts.Prefix) && strings.HasSuffix(user, ":"+h.opts.Domain))
}

// change tells everybody who waits that something is different. The lock is held.
func (h *Homeserver) change() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// Wait waits until a condition holds, looking again at each change.
func (h *Homeserver) Wait(ctx context.Context, condition func() bool) error {
	for {
		h.mu.Lock()
		changed := h.changed
		h.mu.Unlock()
		if condition() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for the homeserver: %w", ctx.Err())
		}
	}
}
