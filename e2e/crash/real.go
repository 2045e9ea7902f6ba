package crash

import (
	"context"
	"fmt"
	"time"
)

// Synapse has a race of its own when an application service comes back (docs/compatibility.md): what is written between its last look
// for what it kept and its marking the service as up is kept until the next outage, and is then late. It also forgets what it was
// about to push when it is stopped itself. No bridge can see either, so people on Matrix are silent in these moments, and only in
// these: they talk while the bridge is away and while it is at work, and WhatsApp talks all the time.

// noticeTime is how long Synapse gets to notice that the bridge has gone.
const noticeTime = 300 * time.Millisecond

// OnSynapse are the scenarios against the real homeserver.
func OnSynapse(kills int) []Scenario {
	return []Scenario{synapseKills(kills), synapseRestarts(outageTime)}
}

// synapseKills kills the bridge at random moments: every other time while Synapse hands over what it kept, else while all talk.
func synapseKills(kills int) Scenario {
	return Scenario{Name: "Synapse: killed at random", Play: func(ctx context.Context, a *Act) error {
		if err := a.pause(ctx, 3*warmUp); err != nil { // making the rooms takes its time here
			return err
		}
		for i := range kills {
			a.stage.hush(true)
			if !a.world.bridge.running() {
				if err := a.world.bridge.start(""); err != nil {
					return err
				}
			}
			if i%2 == 1 {
				if err := a.recovered(ctx); err != nil {
					return err
				}
			}
			if err := a.pause(ctx, time.Duration(a.chance.Int64N(int64(longestLife)))); err != nil {
				return err
			}
			if !a.world.bridge.kill() {
				return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
			}
			a.kills++
			if err := a.pause(ctx, noticeTime); err != nil {
				return err
			}
			a.stage.hush(false)
			if err := a.pause(ctx, noticeTime); err != nil {
				return err
			}
		}
		a.stage.hush(true)
		return a.recovered(ctx)
	}}
}

// recovered waits until the bridge is at work and Synapse pushes at once, and lets people on Matrix talk again.
func (a *Act) recovered(ctx context.Context) error {
	if err := a.world.bridge.ensure(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	if err := a.world.matrix.synapse.server.WaitRecovered(ctx); err != nil {
		return err
	}
	a.stage.hush(false)
	return nil
}

// synapseRestarts stops Synapse for a while.
func synapseRestarts(length time.Duration) Scenario {
	return Scenario{Name: "Synapse: stopped, started again", Play: func(ctx context.Context, a *Act) error {
		a.stage.hush(true)
		if err := a.recovered(ctx); err != nil {
			return err
		}
		if err := a.pause(ctx, 3*warmUp); err != nil {
			return err
		}
		a.stage.hush(true)
		if err := a.stage.waitHeard(ctx); err != nil {
			return err
		}
		s := a.world.matrix.synapse
		if err := s.server.Stop(); err != nil {
			return err
		}
		if err := a.pause(ctx, length); err != nil {
			return err
		}
		if err := s.installed.Restart(ctx, s.server); err != nil {
			return err
		}
		if !a.world.bridge.running() {
			return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
		}
		if err := a.recovered(ctx); err != nil {
			return err
		}
		return a.pause(ctx, 2*warmUp)
	}}
}

// hush silences the people on Matrix, or lets them talk again. Once it has returned nobody is in the middle of a line.
func (s *stage) hush(silent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = silent
}

// waitHeard waits until all that was said on Matrix is on the phones.
func (s *stage) waitHeard(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTime)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var said []Line
		for _, line := range s.said.all() {
			if line.onMatrix() {
				said = append(said, line)
			}
		}
		s.mu.Lock()
		report := compare(said, s.phoneViews())
		s.mu.Unlock()
		if report.Lost == 0 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait until %d lines from Matrix are on the phones: %w", report.Lost, ctx.Err())
		}
	}
}
