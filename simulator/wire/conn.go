// Package wire is the transport of the simulated network: frames on a websocket, the Noise handshake and transport, and binary
// nodes. It is the server's side of what whatsmeow's socket package does; nothing here knows what the nodes mean.
package wire

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"

	"github.com/coder/websocket"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/proto/waWa6"
)

const (
	// maxFrame is the largest frame that three length bytes can name.
	maxFrame   = 1<<24 - 1
	lengthSize = 3
	headerSize = 4
)

var errHeader = errors.New("connection header is not WA 6 3")

// Conn is one connection of a client after the handshake. One goroutine may read while one other writes.
type Conn struct {
	socket    *websocket.Conn
	pending   []byte
	header    []byte
	clientKey [keySize]byte
	payload   *waWa6.ClientPayload
	opener    cipher.AEAD
	sealer    cipher.AEAD
	opened    uint64
	sealed    uint64
	ctx       context.Context //nolint:containedctx // a connection's life is its context
}

// Accept runs the handshake on a fresh websocket. The context is the life of the connection.
func Accept(ctx context.Context, socket *websocket.Conn, id *Identity) (*Conn, error) {
	socket.SetReadLimit(maxFrame + lengthSize + headerSize)
	c := &Conn{socket: socket, ctx: ctx}
	if err := c.fill(headerSize); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	c.header = append([]byte(nil), c.pending[:headerSize]...)
	c.pending = c.pending[headerSize:]
	if string(c.header) != "WA\x06\x03" {
		return nil, errHeader
	}
	if err := c.handshake(id); err != nil {
		return nil, err
	}
	return c, nil
}

// Payload is what the client said about itself in the handshake.
func (c *Conn) Payload() *waWa6.ClientPayload { return c.payload }

// ClientKey is the client's static Noise public key.
func (c *Conn) ClientKey() [32]byte { return c.clientKey }

func (c *Conn) fill(size int) error {
	for len(c.pending) < size {
		_, data, err := c.socket.Read(c.ctx)
		if err != nil {
			return err
		}
		c.pending = append(c.pending, data...)
	}
	return nil
}

// readFrame tolerates frames that share or straddle websocket messages.
func (c *Conn) readFrame() ([]byte, error) {
	if err := c.fill(lengthSize); err != nil {
		return nil, err
	}
	size := int(c.pending[0])<<16 | int(c.pending[1])<<8 | int(c.pending[2])
	if err := c.fill(lengthSize + size); err != nil {
		return nil, err
	}
	frame := c.pending[lengthSize : lengthSize+size]
	c.pending = c.pending[lengthSize+size:]
	return frame, nil
}

// writeFrame puts exactly one frame into one websocket message: the client loses its place in frames split inside the body.
func (c *Conn) writeFrame(payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("write frame: %d bytes are too many", len(payload))
	}
	out := make([]byte, lengthSize, lengthSize+len(payload))
	out[0], out[1], out[2] = byte(len(payload)>>16), byte(len(payload)>>8), byte(len(payload))
	return c.socket.Write(c.ctx, websocket.MessageBinary, append(out, payload...))
}

// ReadNode waits for the next stanza.
func (c *Conn) ReadNode() (*Node, error) {
	frame, err := c.readFrame()
	if err != nil {
		return nil, err
	}
	plain, err := c.opener.Open(nil, nonce(c.opened), frame, nil)
	if err != nil {
		return nil, fmt.Errorf("decrypt frame %d: %w", c.opened, err)
	}
	c.opened++
	plain, err = waBinary.Unpack(plain)
	if err != nil {
		return nil, fmt.Errorf("unpack frame: %w", err)
	}
	node, err := waBinary.Unmarshal(plain)
	if err != nil {
		return nil, fmt.Errorf("decode node: %w", err)
	}
	return node, nil
}

// WriteNode sends one stanza.
func (c *Conn) WriteNode(n Node) error {
	raw, err := waBinary.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode node %s: %w", n.Tag, err)
	}
	out := c.sealer.Seal(nil, nonce(c.sealed), raw, nil)
	c.sealed++
	return c.writeFrame(out)
}

// Close drops the connection without a farewell.
func (c *Conn) Close() error { return c.socket.CloseNow() }
