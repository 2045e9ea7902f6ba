package phone

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/pairing"
	"causeway/simulator/server"
)

// linkTimeout bounds how long a companion may take for one answer.
const linkTimeout = 15 * time.Second

// ScanQR links the companion that shows the QR text, and returns its device number.
func (p *Phone) ScanQR(ctx context.Context, text string) (uint16, error) {
	if !p.Online() {
		return 0, ErrOffline
	}
	qr, err := pairing.ParseQR(text)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", account.ErrInvalid, err)
	}
	c, err := p.network.Scanned(qr.Ref)
	if err != nil {
		return 0, err
	}
	if !bytes.Equal(qr.Noise, c.Noise[:]) || !bytes.Equal(qr.Identity, c.Identity) {
		return 0, fmt.Errorf("link: %w: the keys in the QR code are not those of the waiting companion", account.ErrRefused)
	}
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	return p.grant(ctx, c, qr.Secret)
}

// EnterCode links the companion that asked for a pairing code for this number, and returns its device number.
func (p *Phone) EnterCode(ctx context.Context, code string) (uint16, error) {
	if !p.Online() {
		return 0, ErrOffline
	}
	c, wrapped, err := p.network.Awaited(p.number)
	if err != nil {
		return 0, err
	}
	exchange, err := pairing.NewExchange(p.cipher.Identity(), code, wrapped)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", account.ErrInvalid, err)
	}
	ctx, cancel := context.WithTimeout(ctx, linkTimeout)
	defer cancel()
	bundle, companion, err := p.network.Challenge(ctx, c, exchange.Wrapped, p.cipher.Identity().Pub[:])
	if err != nil {
		return 0, err
	}
	secret, err := exchange.Secret(bundle, companion)
	if err != nil {
		return 0, fmt.Errorf("link: %w: %w", account.ErrRefused, err)
	}
	if !bytes.Equal(companion, c.Identity) {
		return 0, fmt.Errorf("link: %w: the companion finished with another identity", account.ErrRefused)
	}
	return p.grant(ctx, c, secret)
}

// grant signs the companion into the account.
func (p *Phone) grant(ctx context.Context, c *server.Candidate, secret []byte) (uint16, error) {
	device, err := p.network.Reserve(p.number, c)
	if err != nil {
		return 0, err
	}
	identity := p.cipher.Identity()
	grant, err := pairing.Grant(identity, uint32(device), c.Identity, secret, time.Now())
	if err != nil {
		return 0, err
	}
	err = p.network.Pair(ctx, p.number, device, c, grant, func(signed []byte) error { return pairing.Verify(identity, c.Identity, signed) })
	if errors.Is(err, context.DeadlineExceeded) {
		return 0, fmt.Errorf("%w: %w", account.ErrRefused, err)
	}
	if err != nil {
		return 0, err
	}
	// The companion cannot begin to speak to its phone; the key share is its first message and begins the session.
	companion := p.lid
	companion.Device = device
	return device, p.sendPeer(ctx, companion, p.book.KeyShare())
}
