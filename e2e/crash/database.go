package crash

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"time"
)

// DatabaseRestarts ends the bridge's Postgres in the middle of its work and starts it again, some times.
func DatabaseRestarts(times int, restart func(context.Context) error) Scenario {
	return Scenario{Name: "Postgres restarts", Play: func(ctx context.Context, a *Act) error {
		if err := a.world.bridge.ensure(ctx); err != nil {
			return err
		}
		for range times {
			if err := a.pause(ctx, warmUp); err != nil {
				return err
			}
			if err := restart(ctx); err != nil {
				return err
			}
		}
		if !a.world.bridge.running() {
			return fmt.Errorf("the bridge ended by itself: %w", a.world.bridge.process.Err())
		}
		return a.pause(ctx, warmUp)
	}}
}

// DiskFull lets the bridge's files grow no more for a while. Its log is one of them, so that the bridge can say nothing of it; that it
// was so is seen at WhatsApp, where what it cannot store waits.
func DiskFull(length time.Duration) Scenario {
	return Scenario{Name: "SQLite's disk is full", Play: func(ctx context.Context, a *Act) error {
		return outage("", length,
			func(w *world) error { return w.bridge.limitFiles("4096:unlimited") },
			func(w *world) error {
				// A quarter of what was said meanwhile: far more than is ever on its way.
				waiting, few := a.waiting(), w.options.Rate*int(length/time.Second)/4
				if waiting < few {
					a.complain("the disk was not full: only %d messages waited at WhatsApp, not %d", waiting, few)
				}
				return w.bridge.limitFiles("unlimited:unlimited")
			}).Play(ctx, a)
	}}
}

// waiting is how many messages WhatsApp has for the bridge that it has not acknowledged.
func (a *Act) waiting() (n int) {
	for _, d := range a.devices() {
		n += d.Unacknowledged + d.Queued
	}
	return n
}

// limitFiles sets how large files the running bridge may write, as "soft:hard".
func (b *bridge) limitFiles(limit string) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyTime)
	defer cancel()
	command := exec.CommandContext(ctx, "prlimit", "--pid", strconv.Itoa(b.process.PID()), "--fsize="+limit) //nolint:gosec // a test's own
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("limit the files of the bridge: %w: %s", err, output)
	}
	return nil
}
