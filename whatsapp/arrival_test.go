package whatsapp

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"

	"causeway/database"
	"causeway/inbox"
)

// until waits until a condition holds, looking again whenever something has arrived or was refused.
func (b *bridge) until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := limit(t)
	for {
		b.mu.Lock()
		ok, changed := holds(), b.changed
		b.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			require.Fail(t, "waited in vain for "+what, "arrived: %s", b.kinds())
		}
	}
}

func (b *bridge) kinds() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var list []string
	for _, e := range b.arrived {
		list = append(list, e.Kind+" "+e.Key)
	}
	return list
}

// all returns what has arrived of a kind. The lock is not held.
func all[T any](t *testing.T, b *bridge, kind string) []T {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	return decode[T](t, b, kind)
}

func decode[T any](t *testing.T, b *bridge, kind string) []T {
	t.Helper()
	var list []T
	for _, e := range b.arrived {
		if e.Kind == kind {
			var v T
			require.NoError(t, json.Unmarshal(e.Payload, &v))
			list = append(list, v)
		}
	}
	return list
}

// await waits for the first arrival of a kind that matches, and returns it.
func await[T any](t *testing.T, b *bridge, kind string, match func(T) bool) T {
	t.Helper()
	var found T
	b.until(t, kind, func() bool {
		list := decode[T](t, b, kind)
		i := slices.IndexFunc(list, match)
		if i >= 0 {
			found = list[i]
		}
		return i >= 0
	})
	return found
}

func (b *bridge) step(t *testing.T, flow string, step inbox.PairingStep) inbox.Pairing {
	t.Helper()
	return await(t, b, inbox.KindPairing, func(p inbox.Pairing) bool { return p.Flow == flow && p.Step == step })
}

// state waits for the nth report of a state.
func (b *bridge) state(t *testing.T, state database.LoginState, nth int) inbox.LoginChanged {
	t.Helper()
	var n int
	return await(t, b, inbox.KindLoginChanged, func(l inbox.LoginChanged) bool {
		if l.State == state {
			n++
		}
		return l.State == state && n == nth
	})
}

func (b *bridge) message(t *testing.T, wanted string) inbox.WhatsAppMessage {
	t.Helper()
	return await(t, b, inbox.KindWhatsAppMessage, func(m inbox.WhatsAppMessage) bool { return m.Info.ID == wanted })
}

// texts lists the texts that were journaled, in order.
func (b *bridge) texts(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, m := range all[inbox.WhatsAppMessage](t, b, inbox.KindWhatsAppMessage) {
		list = append(list, textOf(t, m))
	}
	return list
}

func textOf(t *testing.T, m inbox.WhatsAppMessage) string {
	t.Helper()
	var content waE2E.Message
	require.NoError(t, proto.Unmarshal(m.Message, &content))
	if content.Conversation != nil {
		return content.GetConversation()
	}
	return content.GetExtendedTextMessage().GetText()
}
