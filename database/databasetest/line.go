package databasetest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Line is a network line to a Postgres server, on which things can go wrong.
type Line struct {
	// URI is the address of the database by way of the line.
	URI string

	address, server string

	mu    sync.Mutex
	state lineState
}

type lineState struct {
	listener net.Listener
	conns    []net.Conn
	commits  []bool        // the commits to lose: true is when it has been done, false before
	lost     int           // commits that were lost
	frozen   chan struct{} // closed when bytes pass again; nil while they do
}

// NewLine returns a line to the database of a postgres:// address. It is cut when the test ends.
func NewLine(t testing.TB, uri string) *Line {
	t.Helper()
	u, err := url.Parse(uri)
	require.NoError(t, err)
	l := &Line{address: "127.0.0.1:0", server: u.Host}
	l.On(t)
	l.address = l.state.listener.Addr().String()
	u.Host = l.address
	l.URI = u.String()
	t.Cleanup(l.Off)
	return l
}

// Off cuts all connections, and refuses new ones.
func (l *Line) Off() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.listener != nil {
		_ = l.state.listener.Close()
	}
	for _, conn := range l.state.conns {
		_ = conn.Close()
	}
	l.state.listener, l.state.conns = nil, nil
}

// On lets connections through again.
func (l *Line) On(t testing.TB) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", l.address)
	require.NoError(t, err)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.listener = listener
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.connect(conn)
		}
	}()
}

// Freeze swallows whatever is sent, in both directions, as a firewall that has forgotten the connections. The returned
// function lets it pass again.
func (l *Line) Freeze() (thaw func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	frozen := make(chan struct{})
	l.state.frozen = frozen
	return sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.state.frozen = nil
		close(frozen)
	})
}

// LoseCommit cuts the connection at the next commit: after the server has done it, so that only its answer is lost, or
// before it has heard of it. Several are lost one after the other.
func (l *Line) LoseCommit(done bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.commits = append(l.state.commits, done)
}

// Lost returns how many commits were lost.
func (l *Line) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.lost
}

func (l *Line) connect(client net.Conn) {
	server, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", l.server)
	if err != nil {
		_ = client.Close()
		return
	}
	l.mu.Lock()
	if l.state.listener == nil {
		_, _ = client.Close(), server.Close()
	}
	l.state.conns = append(l.state.conns, client, server)
	l.mu.Unlock()
	deaf := make(chan struct{}) // closed when the client is to hear no more
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.pass(client, server, nil, deaf)
		_ = client.Close()
	}()
	l.pass(server, client, func(sent []byte) bool { return l.lose(sent, server, deaf) }, nil)
	_ = server.Close()
	<-done
}

// pass copies bytes. Those for which lose reports true are the last.
func (l *Line) pass(to, from net.Conn, lose func(sent []byte) bool, deaf <-chan struct{}) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.mu.Lock()
		frozen := l.state.frozen
		l.mu.Unlock()
		if frozen != nil {
			<-frozen
		}
		select {
		case <-deaf:
			return
		default:
		}
		if n > 0 && lose != nil && lose(buffer[:n]) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// lose cuts the connection if what the client has sent is a commit that is to be lost.
func (l *Line) lose(sent []byte, server net.Conn, deaf chan struct{}) bool {
	if !bytes.Contains(sent, []byte("COMMIT\x00")) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.state.commits) == 0 {
		return false
	}
	done := l.state.commits[0]
	l.state.commits = l.state.commits[1:]
	l.state.lost++
	if done {
		close(deaf)
		// The server does what it has been sent before it sees that the line is cut.
		_, _ = server.Write(sent)
		if half, ok := server.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, server)
	}
	return true
}
