package homeserver

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault is something that goes wrong with requests.
type Fault struct {
	// Method and Match, a part of the path, say which requests it befalls; empty is all.
	Method, Match string
	// Times is how many requests it befalls; 0 is one, and Always all until ClearFaults.
	Times int
	// Every, if set, lets it befall only each so manieth of the requests that it matches.
	Every int
	// Status, if set, is the answer in place of doing what was asked. Code is its errcode; without one the body is as
	// of a proxy.
	Status int
	Code   string
	// RetryAfter goes into the answer as retry_after_ms, and in whole seconds as a header.
	RetryAfter time.Duration
	// LoseAnswer does what was asked and then breaks the connection off. Without Status and LoseAnswer the connection
	// is broken off before anything is done.
	LoseAnswer bool

	matched int // requests so far
}

// Always is a number of times that no test comes to the end of.
const Always = math.MaxInt

// faults are the faults to come.
type faults struct {
	mu   sync.Mutex
	next []Fault
	down bool
	met  int
}

// Inject makes requests fail. Several faults befall the requests they match one after the other.
func (h *Homeserver) Inject(f Fault) {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	f.Times = max(1, f.Times)
	h.faults.next = append(h.faults.next, f)
}

// ClearFaults ends all faults that are still to come.
func (h *Homeserver) ClearFaults() {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	h.faults.next = nil
}

// SetDown makes the homeserver break off every connection, or answer again.
func (h *Homeserver) SetDown(down bool) {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	h.faults.down = down
}

// FaultsMet returns how many requests have met a fault.
func (h *Homeserver) FaultsMet() int {
	h.faults.mu.Lock()
	defer h.faults.mu.Unlock()
	return h.faults.met
}

// draw takes the fault that befalls a request.
func (f *faults) draw(method, path string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		f.met++
		return Fault{}, true
	}
	for i := range f.next {
		if fault := f.next[i]; strings.Contains(path, fault.Match) && (fault.Method == "" || fault.Method == method) {
			if f.next[i].matched++; fault.Every > 0 && f.next[i].matched%fault.Every != 0 {
				continue
			}
			f.met++
			if f.next[i].Times--; f.next[i].Times == 0 {
				f.next = append(f.next[:i:i], f.next[i+1:]...)
			}
			return fault, true
		}
	}
	return Fault{}, false
}

func (f *faults) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fault, befallen := f.draw(r.Method, r.URL.Path)
		switch {
		case !befallen:
			next.ServeHTTP(w, r)
		case fault.LoseAnswer:
			next.ServeHTTP(lost{}, r)
			panic(http.ErrAbortHandler)
		case fault.Status == 0:
			panic(http.ErrAbortHandler)
		default:
			fault.answer(w)
		}
	})
}

func (f Fault) answer(w http.ResponseWriter) {
	if f.RetryAfter >= time.Second {
		w.Header().Set("Retry-After", strconv.Itoa(int(f.RetryAfter/time.Second)))
	}
	if f.Code == "" {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte("<html>" + http.StatusText(f.Status) + "</html>"))
		return
	}
	body := map[string]any{"errcode": f.Code, "error": "as the test wants it"}
	if f.RetryAfter > 0 {
		body["retry_after_ms"] = f.RetryAfter.Milliseconds()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.Status)
	_ = json.NewEncoder(w).Encode(body)
}

// lost is an answer that goes nowhere.
type lost struct{}

func (lost) Header() http.Header            { return http.Header{} }
func (lost) Write(text []byte) (int, error) { return len(text), nil }
func (lost) WriteHeader(int)                {}
