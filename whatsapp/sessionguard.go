package whatsapp

import (
	"errors"
	"fmt"
	"sync"
)

// errSessionMoved says that a message was decrypted with a Signal session while another was being encrypted with it.
// Both may not be written: nothing has been sent yet, and encrypting again will do.
var errSessionMoved = errors.New("the session changed while encrypting")

// errLeftOut says that a message was not encrypted for one of its devices, because its keys could not be had. whatsmeow
// would send it to the others only, and the device would never show it. Nothing has been sent yet.
var errLeftOut = errors.New("a device's keys could not be had")

// leaveOutTries is how often in a row a device's keys may be missing before messages are sent without it: the connection
// may have been lost while asking, but there are devices that have no keys.
const leaveOutTries = 5

// sessionGuard keeps two writers from one Signal session. whatsmeow reads the sessions of a message's recipients,
// encrypts, perhaps asking the network for keys meanwhile, and writes them back; a message from one of them that is
// decrypted in between would be undone, and what they send next could not be read. Held while decrypting and while
// writing back; whatever moved in between makes the write fail, before anything was sent.
type sessionGuard struct {
	sync.Mutex

	mu      sync.Mutex
	watched map[string]bool // the sessions that a message is being encrypted with, true when they have moved since
	lacking map[string]bool // those of them that must be begun first, with keys that the network is asked for
	without map[string]int  // how often they could not be begun, by address
}

func (g *sessionGuard) watch(addresses []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.watched = make(map[string]bool, len(addresses))
	for _, address := range addresses {
		g.watched[address] = false
	}
}

func (g *sessionGuard) moved(address string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.watched[address]; ok {
		g.watched[address] = true
	}
}

// settle ends watching, and fails when any of the sessions has moved.
func (g *sessionGuard) settle() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	watched := g.watched
	g.watched = nil
	for address, moved := range watched {
		if moved {
			return fmt.Errorf("write back the session with %s: %w", address, errSessionMoved)
		}
	}
	return nil
}

// need notes which of the sessions do not exist yet.
func (g *sessionGuard) need(sessions map[string][]byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lacking = make(map[string]bool)
	for address, session := range sessions {
		if session == nil {
			g.lacking[address] = true
		}
	}
}

// leftOut fails when a session that had to be begun is not among those of a message that is about to be sent.
func (g *sessionGuard) leftOut(encrypted map[string][]byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	lacking := g.lacking
	g.lacking = nil
	if g.without == nil {
		g.without = make(map[string]int)
	}
	var err error
	for address := range lacking {
		if encrypted[address] != nil {
			delete(g.without, address)
			continue
		}
		if g.without[address]++; g.without[address] < leaveOutTries {
			err = fmt.Errorf("encrypt for %s: %w", address, errLeftOut)
		}
	}
	return err
}
