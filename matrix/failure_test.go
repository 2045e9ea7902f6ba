package matrix_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

// final reports whether a worker gives an entry up because of an error. queue.Dead's type is its own, so it is told by
// comparison with one.
func final(err error) bool {
	dead := reflect.TypeOf(queue.Dead(errors.New("some")))
	for ; err != nil; err = errors.Unwrap(err) {
		if reflect.TypeOf(err) == dead {
			return true
		}
	}
	return false
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault homeserver.Fault
		final bool
	}{
		"bad gateway":         {homeserver.Fault{Status: 502}, false},
		"unavailable":         {homeserver.Fault{Status: 503, Code: "M_UNKNOWN"}, false},
		"broken off":          {homeserver.Fault{}, false},
		"limited":             {homeserver.Fault{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 7 * time.Second}, false},
		"token unknown":       {homeserver.Fault{Status: 401, Code: "M_UNKNOWN_TOKEN"}, false},
		"proxy without it":    {homeserver.Fault{Status: 404}, false},
		"no such endpoint":    {homeserver.Fault{Status: 404, Code: "M_UNRECOGNIZED"}, false},
		"redirect":            {homeserver.Fault{Status: 302}, false},
		"bad json":            {homeserver.Fault{Status: 400, Code: "M_BAD_JSON"}, true},
		"forbidden":           {homeserver.Fault{Status: 403, Code: "M_FORBIDDEN", Times: 9}, true},
		"too large, by nginx": {homeserver.Fault{Status: 413}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p := b.groupRoom()
			c.fault.Match = "/send/"
			b.hs.Inject(c.fault)
			err := b.do(outbox.KindSendEvent, text(p.ID, bot, "1", "hello", nil))
			require.Error(t, err)
			require.Equal(t, c.final, final(err), "%v", err)
			require.Equal(t, 1, b.hs.Requests("/send/"), "nothing is tried again here")
		})
	}
}

// The whole way with a real worker: a homeserver that is down, refuses and asks for pauses loses nothing and doubles
// nothing, and keeps the order.
func TestLaneThroughTrouble(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.group()
	b.puppet(carol, "Carol", "15550101")
	ctx, cancel := context.WithCancel(b.context())
	worker := queue.NewWorker(b.db, b.out.Queue, queue.Options{
		Handle: b.sender.Perform, Backoff: queue.Backoff{First: time.Millisecond, Most: 5 * time.Millisecond},
		Burst: 1, Lanes: 4, Poll: 20 * time.Millisecond,
	}, zerolog.Nop())
	done := make(chan error, 1)
	go func() { done <- worker.Run(ctx) }()
	defer func() { cancel(); require.NoError(t, <-done) }()

	b.hs.Inject(homeserver.Fault{Match: "/createRoom", Status: 502})
	b.hs.Inject(homeserver.Fault{Match: "/createRoom", LoseAnswer: true})
	b.hs.Inject(homeserver.Fault{Match: "/send/", Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: 30 * time.Millisecond})
	b.hs.Inject(homeserver.Fault{Match: "/send/", Times: 2, LoseAnswer: true})
	b.hs.Inject(homeserver.Fault{Match: "/invite", Status: 503})
	key1, key2 := b.message(p.ID, 1, "A"), b.message(p.ID, 1, "B")
	require.NoError(t, b.db.Write(ctx, func(ctx context.Context) error {
		return errors.Join(
			b.out.JoinRoom(ctx, "1", outbox.JoinRoom{Portal: p.ID, As: carol}),
			b.out.CreateRoom(ctx, outbox.CreateRoom{Portal: p.ID}),
			b.out.SendEvent(ctx, text(p.ID, carol, "1", "one", &key1)),
			b.out.SendEvent(ctx, text(p.ID, carol, "2", "two", &key2)),
			b.out.SendEvent(ctx, text(p.ID, bot, "3", "three", nil)),
		)
	}))
	require.NoError(t, b.hs.Wait(ctx, func() bool {
		rooms := b.hs.Rooms()
		return len(rooms) > 0 && len(b.hs.Messages(rooms[0])) >= 3
	}))
	require.Len(t, b.hs.Rooms(), 1)
	require.Equal(t, []string{carol.String() + ": one", carol.String() + ": two", bot.String() + ": three"}, b.hs.Messages(b.hs.Rooms()[0]))
}
