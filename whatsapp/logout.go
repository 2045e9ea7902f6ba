package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow"
	waBinary "go.mau.fi/whatsmeow/binary"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"

	"causeway/outbox"
	"causeway/queue"
)

const (
	// unlinkTimeout is how long WhatsApp may take to unlink a device.
	unlinkTimeout = 20 * time.Second
	// briefly is how long a connection may take that is made only to unlink a device.
	briefly = 30 * time.Second
)

// logOut unlinks a device on WhatsApp and forgets it. When WhatsApp cannot be told, it is forgotten all the same after
// a few tries: the phone still lists it then, but nobody has its keys any more.
func (s *Sender) logOut(ctx context.Context, e queue.Entry, a outbox.LogOut) (queue.Settle, error) {
	live := s.sessions.get(a.Login)
	if live != nil && live.device != a.Device {
		live = nil // the account has been linked anew meanwhile
	}
	var err error
	if live != nil {
		err = live.unlink(ctx)
	} else {
		err = s.sessions.unlinkBriefly(ctx, a)
	}
	if err != nil && e.Attempts+1 < logOutTries {
		return nil, err
	} else if err != nil {
		s.sessions.log.Warn().Err(err).Str("login", string(a.Login)).Msg("WhatsApp could not be told of a logout; the session is only forgotten")
	}
	if live != nil {
		live.close()
	}
	return nil, s.sessions.edge.devices.remove(ctx, a.Device)
}

// unlink asks WhatsApp to unlink the device. Nothing that arrives is taken any more.
func (s *session) unlink(ctx context.Context) error {
	if s.client == nil || !s.ready.Load() {
		return fmt.Errorf("unlink %s: %w", s.device, whatsmeow.ErrNotConnected)
	}
	ctx, cancel := context.WithTimeout(ctx, unlinkTimeout)
	defer cancel()
	s.muted.Store(true)
	if err := askToUnlink(ctx, s.client, s.device); err != nil {
		s.muted.Store(false)
		return fmt.Errorf("unlink %s: %w", s.device, err)
	}
	return nil
}

// unlinkBriefly connects a device that has no connection, in order to unlink it.
func (s *Sessions) unlinkBriefly(ctx context.Context, a outbox.LogOut) error {
	ctx, cancel := context.WithTimeout(ctx, briefly+unlinkTimeout)
	defer cancel()
	device, _, err := s.edge.devices.load(ctx, a.Device, func(error) {})
	if err != nil || device == nil {
		return err
	}
	// Without handlers, whatever arrives is acknowledged: it is for a device that is about to be gone.
	client := s.edge.client(device, s.log)
	_, hangUp, err := s.edge.connect(ctx, client)
	defer hangUp()
	if err != nil {
		return fmt.Errorf("connect to unlink %s: %w", a.Device, err)
	}
	if !client.WaitForConnection(briefly) {
		if device.Deleted {
			return nil
		}
		return fmt.Errorf("connect to unlink %s: %w", a.Device, whatsmeow.ErrNotConnected)
	}
	if err := askToUnlink(ctx, client, a.Device); err != nil {
		return fmt.Errorf("unlink %s: %w", a.Device, err)
	}
	return nil
}

// askToUnlink does what whatsmeow's Logout does, but leaves the client's store alone: Logout exchanges it while the
// client's own goroutines still read it. Our caller hangs up first and removes the keys from the database then.
func askToUnlink(ctx context.Context, client *whatsmeow.Client, device types.JID) error {
	_, err := client.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // nothing else asks just this
		Namespace: "md", Type: "set", To: types.ServerJID,
		Content: []waBinary.Node{{
			Tag:   "remove-companion-device",
			Attrs: waBinary.Attrs{"jid": device, "reason": "user_initiated"},
		}},
	})
	if unlinked(err) {
		return nil
	}
	return err
}

// unlinked reports whether an error says that the device is not linked anyway.
func unlinked(err error) bool {
	return errors.Is(err, whatsmeow.ErrNotLoggedIn) || errors.Is(err, store.ErrDeviceDeleted)
}
