package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/lib/pq"
)

// Bounds of a connection to Postgres. lib/pq has none of its own: when the network swallows packets, or the server hangs,
// a statement would wait until the system gives the connection up, a quarter of an hour later, or for ever.
const (
	// silence is how long the server may take for a statement. The longest of the bridge's take seconds.
	silence = time.Minute
	// sending is how long the server may take no bytes.
	sending = 30 * time.Second
)

// serverBounds are what the server is to hold to, each in its own unit, so that the locks of a bridge whose machine has
// vanished in the middle of a transaction do not keep the next bridge waiting for two hours.
const serverBounds = `SELECT set_config('idle_in_transaction_session_timeout', '120s', false),
	set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false)`

// boundConnector opens connections on which the server keeps serverBounds. A server that knows them not goes without.
type boundConnector struct{ driver.Connector }

// Connect implements driver.Connector.
func (c boundConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if run, ok := conn.(driver.ExecerContext); ok {
		_, err = run.ExecContext(ctx, serverBounds, nil)
	}
	if _, refused := errors.AsType[*pq.Error](err); err != nil && !refused {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// dialer opens connections that end by themselves when the other side is gone.
type dialer struct {
	net.Dialer
	silence *atomic.Int64 // as a time.Duration; 0 is for ever
}

func newDialer() *dialer {
	d := &dialer{silence: new(atomic.Int64)}
	d.silence.Store(int64(silence))
	d.KeepAliveConfig = net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}
	return d
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &line{Conn: conn, silence: d.silence}, nil
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// Dial implements pq.Dialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// line is one connection. Each of its reads and writes has a deadline, unless there is one for all of them, as lib/pq sets
// it while it connects.
type line struct {
	net.Conn
	silence *atomic.Int64
	fixed   atomic.Bool
}

// SetDeadline implements net.Conn.
func (l *line) SetDeadline(at time.Time) error {
	l.fixed.Store(!at.IsZero())
	return l.Conn.SetDeadline(at)
}

func (l *line) Read(into []byte) (int, error) {
	if !l.fixed.Load() {
		var at time.Time
		if patience := time.Duration(l.silence.Load()); patience > 0 {
			at = time.Now().Add(patience)
		}
		if err := l.SetReadDeadline(at); err != nil {
			return 0, err
		}
	}
	return l.Conn.Read(into)
}

func (l *line) Write(from []byte) (int, error) {
	if !l.fixed.Load() {
		if err := l.SetWriteDeadline(time.Now().Add(sending)); err != nil {
			return 0, err
		}
	}
	return l.Conn.Write(from)
}
