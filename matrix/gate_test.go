package matrix_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

// crowd is a bench with many groups, each with its room.
func crowd(b *bench, n int) (portals []database.Portal) {
	b.t.Helper()
	for i := range n {
		p, err := b.db.EnsurePortal(b.t.Context(), "", types.NewJID(fmt.Sprint("crowd", i), types.GroupServer))
		require.NoError(b.t, err)
		_, err = b.db.Exec(b.t.Context(), `UPDATE portal SET has_details=true WHERE id=$1`, p.ID)
		require.NoError(b.t, err)
		require.NoError(b.t, b.do(outbox.KindCreateRoom, outbox.CreateRoom{Portal: p.ID}))
		portals = append(portals, b.portal(p.ID))
	}
	return portals
}

// run works the outbox as the bridge does. What is to be done on WhatsApp is done at once.
func (b *bench) run(done func(e queue.Entry)) {
	b.t.Helper()
	worker := queue.NewWorker(b.db, b.out.Queue, queue.Options{
		Handle: func(ctx context.Context, e queue.Entry) (queue.Settle, error) {
			if outbox.OnWhatsApp(e.Lane) {
				done(e)
				return nil, nil
			}
			return b.sender.Perform(ctx, e)
		},
		Backoff: queue.Backoff{First: 5 * time.Millisecond, Most: 20 * time.Millisecond}, Burst: 1, Lanes: 64, Poll: time.Second,
	}, zerolog.Nop())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()
	b.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Error(err)
		}
	})
}

// While the homeserver is away one request at a time looks for it, however many lanes have something to say; WhatsApp's
// lanes notice nothing; and afterwards all is said in order, once.
func TestOneProbeWhileTheHomeserverIsAway(t *testing.T) {
	t.Parallel()
	const lanes, each = 40, 3
	for name, fault := range map[string]homeserver.Fault{
		"broken off":  {Times: 1 << 30},
		"bad gateway": {Times: 1 << 30, Status: 502},
		"unavailable": {Times: 1 << 30, Status: 503, Code: "M_UNKNOWN", RetryAfter: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			portals := crowd(b, lanes)
			sent := make(chan struct{}, 1)
			before := b.hs.Requests("")
			b.hs.Inject(fault)
			b.run(func(queue.Entry) { sent <- struct{}{} })
			require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error {
				var errs []error
				for n := range each {
					for _, p := range portals {
						errs = append(errs, b.out.SendEvent(ctx, text(p.ID, bot, fmt.Sprintf("%d-%d", p.ID, n), fmt.Sprint(n), nil)))
					}
				}
				return errors.Join(errs...)
			}))
			require.NoError(t, b.hs.Wait(b.context(), func() bool { return b.hs.Requests("/whoami") >= 4 }))
			require.NoError(t, b.out.Add(t.Context(), queue.Entry{Lane: "whatsapp/1/2", Key: "x", Kind: outbox.KindSendWhatsApp}))
			select {
			case <-sent:
			case <-b.context().Done():
				t.Fatal("WhatsApp's lane waits for the homeserver")
			}
			require.LessOrEqual(t, b.hs.Requests("/send/"), lanes, "what was under way when it went away")
			require.LessOrEqual(t, b.hs.Requests("")-before, lanes+8)
			counts, err := b.out.Counts(t.Context())
			require.NoError(t, err)
			require.GreaterOrEqual(t, counts.Open, lanes*each)

			b.hs.ClearFaults()
			for _, p := range portals {
				require.NoError(t, b.hs.Wait(b.context(), func() bool { return len(b.hs.Messages(p.RoomID.String())) >= each }))
			}
			for _, p := range portals {
				require.Equal(t, []string{bot.String() + ": 0", bot.String() + ": 1", bot.String() + ": 2"}, b.hs.Messages(p.RoomID.String()))
			}
		})
	}
}

// One request that the homeserver always fails at holds nobody else back.
func TestOneFailingRequestHoldsNobodyBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	portals := crowd(b, 2)
	b.hs.Inject(homeserver.Fault{Match: portals[0].RoomID.String(), Status: 500, Code: "M_UNKNOWN", Times: 1 << 30})
	b.run(nil)
	require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error {
		return b.out.SendEvent(ctx, text(portals[0].ID, bot, "stuck", "stuck", nil))
	}))
	for n := range 10 {
		require.NoError(t, b.hs.Wait(b.context(), func() bool { return b.hs.FaultsMet() > n }))
		require.NoError(t, b.db.Write(t.Context(), func(ctx context.Context) error {
			return b.out.SendEvent(ctx, text(portals[1].ID, bot, fmt.Sprint(n), fmt.Sprint(n), nil))
		}))
		require.NoError(t, b.hs.Wait(b.context(), func() bool { return len(b.hs.Messages(portals[1].RoomID.String())) > n }))
	}
	b.hs.ClearFaults()
	require.NoError(t, b.hs.Wait(b.context(), func() bool { return len(b.hs.Messages(portals[0].RoomID.String())) == 1 }))
}

// Who waits for the homeserver stops at once when the bridge does.
func TestStopWhileTheHomeserverIsAway(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	portals := crowd(b, 3)
	b.hs.SetDown(true)
	ctx, cancel := context.WithCancel(b.context())
	failed := make(chan error, 10)
	for _, p := range portals {
		e := b.entry(outbox.KindSendEvent, text(p.ID, bot, "1", "x", nil))
		go func() {
			for ctx.Err() == nil {
				_, err := b.sender.Perform(ctx, e)
				failed <- err
			}
		}()
	}
	require.NoError(t, b.hs.Wait(b.context(), func() bool { return b.hs.Requests("/whoami") >= 2 }))
	cancel()
	for range portals {
		for err := range failed {
			if errors.Is(err, context.Canceled) {
				break
			}
		}
	}
}
