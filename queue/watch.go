package queue

import (
	"context"
	"time"

	"github.com/rs/zerolog"
)

// Patience is how long the head of a lane may fail before the lane is said to be stuck.
type Patience struct {
	Attempts int           // it has failed this often
	Age      time.Duration // or it has failed and is this old
}

// StandardPatience is that of the bridge: longer than what mends itself, shorter than what a person would put up with.
func StandardPatience() Patience { return Patience{Attempts: 10, Age: 10 * time.Minute} }

// Lost reports whether a lane's head has failed for too long.
func (p Patience) Lost(head Entry) bool {
	return head.Attempts >= p.Attempts || head.Attempts > 0 && time.Since(head.Added) >= p.Age
}

// Alarm is told when a lane gets stuck and when it moves again, once each.
type Alarm interface {
	LaneStuck(l LaneState)
	LaneMoves(l LaneState)
}

// LogAlarm is the Alarm that writes a line of the log.
type LogAlarm struct{ Log zerolog.Logger }

// LaneStuck implements Alarm.
func (a LogAlarm) LaneStuck(l LaneState) {
	a.Log.Warn().Str("queue", l.Queue).Str("lane", string(l.Lane)).Str("kind", l.Head.Kind).Int64("entry", l.Head.ID).
		Int("attempts", l.Head.Attempts).Time("since", l.Head.Added).Int("waiting", l.Open).Str("error", l.Head.Error).
		Msg("A lane is stuck: its head has failed for long; the bridge keeps trying")
}

// LaneMoves implements Alarm.
func (a LogAlarm) LaneMoves(l LaneState) {
	a.Log.Info().Str("queue", l.Queue).Str("lane", string(l.Lane)).Time("since", l.Head.Added).Msg("A lane moves again")
}

// Watch finds the lanes that are stuck. It is for one goroutine.
type Watch struct {
	queues   []*Queue
	patience Patience
	alarms   []Alarm
	stuck    map[watched]LaneState
}

type watched struct {
	queue string
	lane  Lane
}

// NewWatch returns a watch over some queues that tells alarms.
func NewWatch(patience Patience, alarms []Alarm, queues ...*Queue) *Watch {
	return &Watch{queues: queues, patience: patience, alarms: alarms, stuck: make(map[watched]LaneState)}
}

// Look compares the lanes with what it saw the last time. A lane whose head gave way to another that fails as well is
// stuck all along.
func (w *Watch) Look(ctx context.Context) error {
	now := make(map[watched]LaneState)
	for _, q := range w.queues {
		lanes, err := q.Lanes(ctx)
		if err != nil {
			return err
		}
		for _, l := range lanes {
			if w.patience.Lost(l.Head) {
				now[watched{l.Queue, l.Lane}] = l
			}
		}
	}
	before := w.stuck
	w.stuck = now
	for name, l := range now {
		if _, known := before[name]; !known {
			w.tell(func(a Alarm) { a.LaneStuck(l) })
		}
	}
	for name, l := range before {
		if _, still := now[name]; !still {
			w.tell(func(a Alarm) { a.LaneMoves(l) })
		}
	}
	return nil
}

func (w *Watch) tell(what func(a Alarm)) {
	for _, a := range w.alarms {
		what(a)
	}
}
