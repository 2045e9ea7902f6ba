package whatsapp

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
)

// watch looks after a connection that is up: when nothing has come over it for a while it asks WhatsApp for a sign of
// life, and returns how the connection ended if there is none. whatsmeow's own questions only end in events, three of
// which in a row end the connection too, but more slowly, and not when its goroutine that asks them is stuck.
func (s *session) watch(ctx context.Context) (fate, bool) {
	if s.quiet() < s.edge.timing.Quiet {
		return fate{}, false
	}
	_, err := s.client.DangerousInternals().SendIQ(ctx, whatsmeow.DangerousInfoQuery{ //nolint:staticcheck // no public way to ask just this
		Namespace: "w:p", Type: "get", To: types.ServerJID, Timeout: s.edge.timing.Probe, NoRetry: true,
	})
	if _, answered := errors.AsType[*whatsmeow.IQError](err); err == nil || answered {
		s.heard()
		return fate{}, false
	}
	s.log.Warn().Err(err).Msg("The connection brings nothing and does not answer; connecting anew")
	return fate{detail: "the connection was silent: " + err.Error()}, true
}

// heard notes that something came over the connection.
func (s *session) heard() { s.lastHeard.Store(time.Now().UnixNano()) }

// quiet is for how long nothing has come over the connection.
func (s *session) quiet() time.Duration { return time.Since(time.Unix(0, s.lastHeard.Load())) }
