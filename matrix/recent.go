package matrix

import "sync"

// maxReady is how many ghosts are remembered as ready: about 100 bytes each.
const maxReady = 20_000

// recent is a set that forgets what was not used for long, so that it never grows beyond its size. What it forgets is
// only asked of the homeserver again.
type recent struct {
	size int // of each generation

	mu       sync.Mutex
	now, old map[string]struct{}
}

func newRecent(size int) *recent {
	return &recent{size: max(1, size/2), now: make(map[string]struct{})}
}

func (r *recent) add(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.insert(key)
}

func (r *recent) insert(key string) {
	if _, ok := r.now[key]; !ok && len(r.now) >= r.size {
		r.old, r.now = r.now, make(map[string]struct{})
	}
	r.now[key] = struct{}{}
}

func (r *recent) has(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.now[key]; ok {
		return true
	}
	_, ok := r.old[key]
	if ok {
		r.insert(key)
	}
	return ok
}

func (r *recent) remove(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.now, key)
	delete(r.old, key)
}
