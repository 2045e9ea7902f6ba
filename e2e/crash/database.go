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
// was so is seen from the transactions that it did not take.
func DiskFull(length time.Duration) Scenario {
	return Scenario{Name: "SQLite's disk is full", Play: func(ctx context.Context, a *Act) error {
		untaken := 0
		full := outage("", length,
			func(w *world) error {
				untaken = w.untaken()
				return w.bridge.limitFiles("4096:unlimited")
			},
			func(w *world) error {
				if n := w.untaken() - untaken; n < fewUntaken {
					a.complain("the disk was not full: the bridge refused only %d transactions", n)
				}
				return w.bridge.limitFiles("unlimited:unlimited")
			})
		return full.Play(ctx, a)
	}}
}

// fewUntaken is how many pushes must fail at least while the database takes nothing; one may be on its way.
const fewUntaken = 2

// untaken is how often the homeserver has pushed a transaction that the bridge did not take.
func (w *world) untaken() int { return w.matrix.null.PushTries() - len(w.matrix.null.Transactions()) }

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
