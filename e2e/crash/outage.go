package crash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"causeway/simulator"
	"causeway/simulator/homeserver"
)

// outageTime is how long an outage lasts in make crash.
const outageTime = 5 * time.Second

// outage is a scenario in which something begins, lasts and ends, while the bridge runs all the time.
func outage(name string, length time.Duration, begin, end func(*world) error) Scenario {
	return Scenario{Name: name, Play: func(ctx context.Context, a *Act) error {
		if err := a.world.bridge.ensure(ctx); err != nil {
			return err
		}
		if err := a.pause(ctx, warmUp); err != nil {
			return err
		}
		err := begin(a.world)
		if err == nil {
			err = a.pause(ctx, length)
		}
		if err := errors.Join(err, end(a.world)); err != nil {
			return err
		}
		if !a.world.bridge.running() {
			return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
		}
		return a.pause(ctx, warmUp)
	}}
}

// faulty is an outage in which a homeserver's requests meet a fault.
func faulty(name string, length time.Duration, fault homeserver.Fault) Scenario {
	fault.Times = homeserver.Always
	return outage(name, length,
		func(w *world) error { w.matrix.null.Inject(fault); return nil },
		func(w *world) error { w.matrix.null.ClearFaults(); return nil })
}

// HomeserverRestarts takes away what a homeserver keeps in memory, loses an answer here and there, and pushes what it has pushed
// before, under new transaction IDs and old ones.
func HomeserverRestarts(times int) Scenario {
	return Scenario{Name: "homeserver restarts, pushes again", Play: func(ctx context.Context, a *Act) error {
		hs := a.world.matrix.null
		if err := a.world.bridge.ensure(ctx); err != nil {
			return err
		}
		for range times {
			hs.Inject(homeserver.Fault{Method: "PUT", Match: "/send/", LoseAnswer: true, Times: 3})
			hs.LosePushAnswers(2)
			if err := a.pause(ctx, time.Second); err != nil {
				return err
			}
			if err := hs.Refuse(true); err != nil {
				return err
			}
			hs.ForgetTransactions()
			hs.ResetTransactionIDs()
			old := hs.Transactions()
			hs.Push(old[max(0, len(old)-20):]...)
			if err := hs.Refuse(false); err != nil {
				return err
			}
		}
		hs.ClearFaults()
		return a.pause(ctx, warmUp)
	}}
}

// homeserverAway are the ways in which a homeserver can be away.
func homeserverAway(length time.Duration) []Scenario {
	return []Scenario{
		outage("homeserver refuses connections", length,
			func(w *world) error { return w.matrix.null.Refuse(true) },
			func(w *world) error { return w.matrix.null.Refuse(false) }),
		faulty("homeserver breaks off", length, homeserver.Fault{}),
		faulty("homeserver answers 502", length, homeserver.Fault{Status: 502}),
		faulty("homeserver answers 503", length, homeserver.Fault{Status: 503, Code: "M_UNKNOWN"}),
		faulty("homeserver answers 429", length, homeserver.Fault{Status: 429, Code: "M_LIMIT_EXCEEDED", RetryAfter: time.Second}),
		faulty("homeserver's answers are lost", length, homeserver.Fault{LoseAnswer: true, Every: 3}),
		HomeserverRestarts(5),
	}
}

// repeated is a scenario in which faults befall WhatsApp's side again and again.
func repeated(name string, length, pause time.Duration, faults ...simulator.Fault) Scenario {
	return Scenario{Name: name, Play: func(ctx context.Context, a *Act) error {
		if err := a.world.bridge.ensure(ctx); err != nil {
			return err
		}
		for end := time.Now().Add(length); time.Now().Before(end); {
			for _, fault := range faults {
				if err := a.pause(ctx, pause); err != nil {
					return err
				}
				if err := a.world.network.Fault(fault); err != nil {
					return err
				}
			}
		}
		if !a.world.bridge.running() {
			return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
		}
		return a.pause(ctx, warmUp)
	}}
}

// WhatsAppAway are the ways in which WhatsApp can be away.
func WhatsAppAway(length time.Duration) []Scenario {
	const beat = 700 * time.Millisecond
	drop := simulator.Fault{Kind: simulator.DropConnection}
	return []Scenario{
		repeated("WhatsApp drops connections", length, beat, drop),
		repeated("WhatsApp refuses connections", length/2, beat,
			simulator.Fault{Kind: simulator.RefuseConnections, For: 3 * time.Second}, drop),
		repeated("WhatsApp's acks are lost, then dropped", length, beat,
			simulator.Fault{Kind: simulator.LoseAcks, For: beat}, drop),
		repeated("WhatsApp's acks are late", length, beat,
			simulator.Fault{Kind: simulator.DelayAcks, For: beat, Delay: 2 * time.Second}),
		repeated("WhatsApp delivers twice", length, beat, simulator.Fault{Kind: simulator.Duplicate, Count: 10}, drop),
		repeated("WhatsApp ends streams", length, 2*beat, simulator.Fault{Kind: simulator.StreamError, Code: 503}),
	}
}

// EverythingAtOnce kills the bridge at random while both sides fail.
func EverythingAtOnce(kills int) Scenario {
	random := RandomKills(1)
	return Scenario{Name: "everything at once", Play: func(ctx context.Context, a *Act) error {
		hs := a.world.matrix.null
		for i := range kills {
			// Only what is done in rooms fails: a bridge that finds no homeserver when it starts says so and ends.
			hs.Inject(homeserver.Fault{LoseAnswer: true, Match: "/rooms/", Times: 2, Every: 5})
			hs.Inject(homeserver.Fault{LoseAnswer: true, Match: "/createRoom"})
			hs.Inject(homeserver.Fault{Status: 503, Match: "/rooms/", Times: 2, Every: 7})
			hs.LosePushAnswers(1)
			if i%3 == 0 {
				hs.ForgetTransactions()
			}
			for _, fault := range []simulator.Fault{{Kind: simulator.Duplicate, Count: 5}, {Kind: simulator.LoseAcks, For: longestLife / 4}} {
				if err := a.world.network.Fault(fault); err != nil {
					return err
				}
			}
			if err := random.Play(ctx, a); err != nil {
				return err
			}
		}
		hs.ClearFaults()
		return nil
	}}
}
