package homeserver

import (
	"context"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// door is where the client API is served, as long as it is open.
type door struct {
	handler http.Handler

	mu     sync.Mutex
	server *http.Server
}

// open serves at an address and returns the one that it came to.
func (d *door) open(address string) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		return address, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", address)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: d.handler, ReadHeaderTimeout: 10 * time.Second}
	d.server = server
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), nil
}

// close breaks all connections off and refuses new ones.
func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.server != nil {
		_ = d.server.Close()
		d.server = nil
	}
}

// Refuse makes the homeserver refuse connections, as if it were not running, or take them again at the same address. What people do
// and what is pushed goes on.
func (h *Homeserver) Refuse(refuse bool) error {
	if refuse {
		h.door.close()
		return nil
	}
	_, err := h.door.open(strings.TrimPrefix(h.url, "http://"))
	return err
}
