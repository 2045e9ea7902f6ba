package journal

import (
	"context"
	"fmt"
	"sync"
)

// List is a numbered list that forgets its oldest entries beyond a limit and whose readers can wait for new ones. The numbers
// count from 1 without gaps. The lock around it is its owner's.
type List[T any] struct {
	limit   int
	dropped uint64
	entries []T
	changed chan struct{}
}

// NewList makes a list that holds at most limit entries.
func NewList[T any](limit int) *List[T] { return &List[T]{limit: limit} }

// Last is the number of the newest entry; 0 when there was none.
func (l *List[T]) Last() uint64 { return l.dropped + uint64(len(l.entries)) }

// Add appends an entry and wakes the readers.
func (l *List[T]) Add(entry T) {
	l.entries = append(l.entries, entry)
	if len(l.entries) > l.limit {
		var zero T
		l.entries[0] = zero
		l.entries = l.entries[1:]
		l.dropped++
	}
	if l.changed != nil {
		close(l.changed)
		l.changed = nil
	}
}

// All is the list as it stands; it must not be changed.
func (l *List[T]) All() []T { return l.entries }

// Changed is closed when the next entry comes.
func (l *List[T]) Changed() <-chan struct{} {
	if l.changed == nil {
		l.changed = make(chan struct{})
	}
	return l.changed
}

func (l *List[T]) after(number uint64) []T {
	if number < l.dropped {
		number = l.dropped
	}
	if number >= l.Last() {
		return nil
	}
	return append([]T(nil), l.entries[number-l.dropped:]...)
}

// After returns the entries above a number, and waits for one if there are none, until the context ends. It takes the lock of
// the list's owner while it reads.
func After[T any](ctx context.Context, mu *sync.Mutex, l *List[T], number uint64) []T {
	for {
		mu.Lock()
		found, changed := l.after(number), l.Changed()
		mu.Unlock()
		if len(found) > 0 || ctx.Err() != nil {
			return found
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// Find returns the first entry, old or new, that matches, and waits for one until the context ends.
func Find[T any](ctx context.Context, mu *sync.Mutex, l *List[T], match func(T) bool) (T, error) {
	var next uint64
	for {
		found := After(ctx, mu, l, next)
		for _, entry := range found {
			if match(entry) {
				return entry, nil
			}
		}
		mu.Lock()
		next = max(next+uint64(len(found)), l.dropped)
		mu.Unlock()
		if len(found) == 0 && ctx.Err() != nil {
			var none T
			return none, fmt.Errorf("wait: %w (%d entries, none matches)", ctx.Err(), next)
		}
	}
}
