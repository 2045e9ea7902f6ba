package media

import "sync"

// tries counts how often moving a file has failed. It is kept in memory: after a restart a file has all its tries again,
// and what is in vain ends all the same. The attempts of the queue would not do, for they count each look whether a
// connection is there.
type tries struct {
	mu     sync.Mutex
	failed map[int64]int
}

// Failed notes that the file of an action could not be moved, and returns how often that was so.
func (d *Depot) Failed(action int64) int {
	d.tries.mu.Lock()
	defer d.tries.mu.Unlock()
	if d.tries.failed == nil {
		d.tries.failed = make(map[int64]int)
	}
	d.tries.failed[action]++
	return d.tries.failed[action]
}

// Settled forgets how often moving a file has failed: it was moved, or was given up.
func (d *Depot) Settled(action int64) {
	d.tries.mu.Lock()
	defer d.tries.mu.Unlock()
	delete(d.tries.failed, action)
}
