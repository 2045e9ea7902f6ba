// Package crash proves the bridge's promise: it lets people talk on both sides of a real bridge, kills it and takes away what it
// stands on, and then compares what was said with what every phone and every room shows. What it compares does not come from the
// bridge's database: it is the simulated phones' lists of messages and the homeserver's list of events.
package crash

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"causeway/e2e/provision"
)

// Options of a run.
type Options struct {
	// Binary is the bridge, built with the tag crashpoints.
	Binary string
	// Database is the address of the bridge's database; empty for SQLite in Dir.
	Database string
	// Synapse is the homeserver; nil for the null homeserver.
	Synapse *provision.Installed
	// Dir takes all files; it must be empty.
	Dir string
	// Seed decides what is said by whom, and when the bridge is killed.
	Seed uint64
	// Rate is how many messages a second are said each way.
	Rate int
	// Say takes progress lines.
	Say func(string)
}

// settleTime is how long nothing may arrive, once nothing goes wrong any more, before what is missing counts as lost. The waits
// between tries are shorter.
const settleTime = 2 * time.Minute

// Run runs scenarios one after the other on one bridge and returns a row of the table for each. What a scenario broke of the promise
// stands in its row; the error is about what kept the run from being made.
func Run(ctx context.Context, options Options, scenarios ...Scenario) (rows []Row, err error) {
	w, err := open(ctx, options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	for i, scenario := range scenarios {
		began := time.Now()
		row, err := w.play(ctx, scenario, i)
		if err != nil {
			return rows, fmt.Errorf("%s: %w; the bridge's log ends with:\n%s", scenario.Name, err, w.bridge.tail())
		}
		row.Took = time.Since(began)
		if !row.Faultless() {
			if err := w.keepEvents(); err != nil {
				return rows, err
			}
		}
		options.Say(row.String())
		for _, problem := range row.Problems {
			options.Say(problem)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// play lets people talk while a scenario goes on, waits until all has arrived, and looks.
func (w *world) play(ctx context.Context, scenario Scenario, number int) (Row, error) {
	row := Row{Scenario: scenario.Name, Database: w.databaseName()}
	stage, err := w.newStage(ctx, number)
	if err != nil {
		return row, err
	}
	act := &Act{world: w, stage: stage, chance: rand.New(rand.NewPCG(w.options.Seed, uint64(number)))} //nolint:gosec // a test's dice
	talking, hush := context.WithCancel(ctx)
	quiet := make(chan error, 1)
	go func() { quiet <- stage.talk(talking) }()
	err = scenario.Play(ctx, act)
	hush()
	if err := errors.Join(err, <-quiet); err != nil {
		return row, err
	}
	if err := w.bridge.ensure(ctx); err != nil {
		return row, err
	}
	row.Kills = act.kills
	row.Report, err = w.settle(ctx, stage)
	row.Problems = append(row.Problems, act.problems...)
	return row, err
}

// settle waits until everything has arrived and the bridge has nothing more to do.
func (w *world) settle(ctx context.Context, s *stage) (Report, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	patience := time.AfterFunc(settleTime, cancel)
	defer patience.Stop()
	arrived := 0
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		report, err := s.check()
		if err != nil {
			return report, err
		}
		if report.Arrived > arrived {
			arrived = report.Arrived
			patience.Reset(settleTime)
		}
		rest, err := w.left(ctx)
		if ctx.Err() == nil && err != nil {
			return report, err
		}
		if done := report.Arrived == report.Sent && rest.Open == 0; done || ctx.Err() != nil {
			// Once more: what came in between the two looks may be a repeat.
			if report, err = s.check(); err == nil {
				report.Problems = append(report.Problems, rest.problems()...)
			}
			return report, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}
