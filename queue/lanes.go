package queue

import (
	"slices"
	"time"
)

// laneSet knows which lanes wait for a goroutine and which have one. The worker's lock guards it.
type laneSet struct {
	limit   int
	kindOf  func(Lane) string
	kinds   map[string]*laneKind
	order   []*laneKind          // the kinds in the order they were met, so that each gets its turn
	timers  map[Lane]*time.Timer // for lanes whose head is not due yet
	changed chan struct{}        // has a value when something may be claimed
}

// laneKind is all lanes of one kind, first come first served.
type laneKind struct {
	name    string
	waiting []Lane
	state   map[Lane]laneState
	busy    int
}

type laneState int

const (
	waiting laneState = iota + 1 // in the waiting list
	working                      // has a goroutine
	hinted                       // has a goroutine, and new work came meanwhile
)

func newLaneSet(limit int, kindOf func(Lane) string) laneSet {
	if kindOf == nil {
		kindOf = Lane.Kind
	}
	return laneSet{limit: limit, kindOf: kindOf, kinds: make(map[string]*laneKind), timers: make(map[Lane]*time.Timer), changed: make(chan struct{}, 1)}
}

func (s *laneSet) kind(l Lane) *laneKind {
	name := s.kindOf(l)
	k := s.kinds[name]
	if k == nil {
		k = &laneKind{name: name, state: make(map[Lane]laneState)}
		s.kinds[name] = k
		s.order = append(s.order, k)
	}
	return k
}

// hint notes that a lane may have work.
func (s *laneSet) hint(l Lane) {
	k := s.kind(l)
	switch k.state[l] {
	case working:
		k.state[l] = hinted
	case waiting, hinted:
	default:
		k.state[l] = waiting
		k.waiting = append(k.waiting, l)
	}
}

// claim takes a waiting lane whose kind has a free place.
func (s *laneSet) claim() (Lane, bool) {
	for _, k := range s.order {
		if len(k.waiting) > 0 && k.busy < s.limit {
			lane := k.waiting[0]
			k.waiting = k.waiting[1:]
			k.state[lane] = working
			k.busy++
			return lane, true
		}
	}
	return "", false
}

// release gives a claimed lane back. It waits again when there is more to do or a hint came meanwhile.
func (s *laneSet) release(l Lane, more bool) {
	k := s.kind(l)
	k.busy--
	again := more || k.state[l] == hinted
	delete(k.state, l)
	if again {
		s.hint(l)
	} else if len(k.state) == 0 { // kinds may be many and come and go, as logins do
		delete(s.kinds, k.name)
		s.order = slices.DeleteFunc(s.order, func(other *laneKind) bool { return other == k })
	}
}

// later calls hint after a time, in place of an earlier call for the same lane.
func (s *laneSet) later(l Lane, wait time.Duration, hint func()) {
	if t := s.timers[l]; t != nil {
		t.Stop()
		delete(s.timers, l)
	}
	if wait > 0 {
		s.timers[l] = time.AfterFunc(wait, hint)
	}
}

// signal wakes the worker.
func (s *laneSet) signal() {
	select {
	case s.changed <- struct{}{}:
	default:
	}
}
