package server

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/wire"
)

// maxUnwritten bounds what a connection that does not read may pile up in answers; mailboxes have their own window.
const maxUnwritten = 1 << 16

// session is one connection of a client. Fields below the writer belong to the server's lock.
type session struct {
	conn   *wire.Conn
	cancel context.CancelFunc
	out    writer

	device *account.Device
	// active says that the client asked for its stanzas; nothing is delivered before.
	active bool
	// backlog counts queued stanzas to send before the end-of-queue mark.
	backlog   int
	available bool
	// refused says that the connection is at its end, and what the client still says on it does not count.
	refused bool
	// stalled says that nothing is heard or said on the connection any more, although it is open.
	stalled atomic.Bool
	pairing *Candidate
	// answers wait for the results of queries that the server sent.
	answers map[string]chan<- *wire.Node
}

// writer is the ordered queue of what goes out on a connection. Nobody but its own goroutine waits for the socket.
type writer struct {
	mu     sync.Mutex
	cond   *sync.Cond
	queue  []wire.Node
	closed bool
}

// sessions are the open connections.
type sessions struct {
	all    map[*session]struct{}
	online map[*account.Device]*session
	closed bool
	ended  chan struct{} // closed with the server
}

func newSessions() sessions {
	return sessions{all: map[*session]struct{}{}, online: map[*account.Device]*session{}, ended: make(chan struct{})}
}

func newSession(conn *wire.Conn, cancel context.CancelFunc) *session {
	c := &session{conn: conn, cancel: cancel, answers: map[string]chan<- *wire.Node{}}
	c.out.cond = sync.NewCond(&c.out.mu)
	return c
}

// send queues a stanza. It never blocks.
func (c *session) send(n wire.Node) {
	if c.stalled.Load() {
		return
	}
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if c.out.closed {
		return
	}
	if len(c.out.queue) >= maxUnwritten {
		c.shut()
		return
	}
	c.out.queue = append(c.out.queue, n)
	c.out.cond.Signal()
}

func (c *session) shut() {
	c.out.closed = true
	c.out.queue = nil
	c.out.cond.Broadcast()
	c.cancel()
}

// sendLater queues a stanza after a while.
func (c *session) sendLater(n wire.Node, delay time.Duration) {
	time.AfterFunc(delay, func() { c.send(n) })
}

// part sends a last stanza and closes the connection a while later. What the client says meanwhile does not count.
func (c *session) part(n wire.Node, while time.Duration) {
	c.refused = true
	c.send(n)
	time.AfterFunc(while, c.close)
}

// close drops the connection.
func (c *session) close() {
	c.out.mu.Lock()
	c.shut()
	c.out.mu.Unlock()
	_ = c.conn.Close()
}

// write carries the queue to the socket until the session closes.
func (c *session) write() {
	for {
		c.out.mu.Lock()
		for len(c.out.queue) == 0 && !c.out.closed {
			c.out.cond.Wait()
		}
		batch, closed := c.out.queue, c.out.closed
		c.out.queue = nil
		c.out.mu.Unlock()
		if closed {
			return
		}
		for _, n := range batch {
			if err := c.conn.WriteNode(n); err != nil {
				c.close()
				return
			}
		}
	}
}
