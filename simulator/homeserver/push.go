package homeserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// How transactions are pushed: at most so many events in one, and so long between two tries of the same one.
const (
	maxPushed = 100
	firstWait = 10 * time.Millisecond
	mostWait  = 200 * time.Millisecond
	pushLimit = 30 * time.Second
)

// Transaction is a list of events as it is pushed to the application service.
type Transaction struct {
	ID     string
	Events []Event
	// Raw, if set, is the body in place of one made from Events.
	Raw []byte
}

// pusher pushes transactions in order, one at a time, each until the application service says 200 (Application Service
// API, "Pushing events").
type pusher struct {
	token string
	tried func() // called after each try
	wake  chan struct{}
	quit  context.CancelFunc
	done  chan struct{}

	mu    sync.Mutex
	queue pushQueue
}

// pushQueue is what the pusher's lock guards.
type pushQueue struct {
	url     string
	waiting []Event
	again   []Transaction // pushed before what waits
	sent    []Transaction
	serial  int
	tries   int
	lose    int  // how many answers to come are not heard
	pushing bool // whether a transaction is under way
}

func (p *pusher) start(token string, tried func()) {
	ctx, quit := context.WithCancel(context.Background())
	p.token, p.tried, p.wake, p.quit, p.done = token, tried, make(chan struct{}, 1), quit, make(chan struct{})
	go p.run(ctx)
}

func (p *pusher) stop() {
	p.quit()
	<-p.done
}

func (p *pusher) signal() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *pusher) address() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.queue.url
}

func (p *pusher) pushTo(url string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.url = url
	p.signal()
}

func (p *pusher) add(e Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.queue.waiting = append(p.queue.waiting, e)
	p.signal()
}

// run pushes whatever waits until ctx ends.
func (p *pusher) run(ctx context.Context) {
	defer close(p.done)
	for {
		transaction, ok := p.head()
		if !ok {
			select {
			case <-p.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		for wait := firstWait; ; wait = min(2*wait, mostWait) {
			taken := p.push(ctx, transaction)
			p.tried()
			if taken {
				break
			}
			select {
			case <-time.After(wait):
			case <-ctx.Done():
				return
			}
		}
	}
}

// head takes the next transaction.
func (p *pusher) head() (Transaction, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := &p.queue
	if q.url == "" {
		return Transaction{}, false
	}
	if len(q.again) > 0 {
		transaction := q.again[0]
		q.again, q.pushing = q.again[1:], true
		return transaction, true
	}
	n := min(len(q.waiting), maxPushed)
	if n == 0 {
		return Transaction{}, false
	}
	q.serial++
	transaction := Transaction{ID: fmt.Sprint(q.serial), Events: slices.Clone(q.waiting[:n])}
	q.waiting, q.pushing = q.waiting[n:], true
	return transaction, true
}

// push tries once and reports whether the application service took it.
func (p *pusher) push(ctx context.Context, t Transaction) bool {
	p.mu.Lock()
	address := p.queue.url
	p.queue.tries++
	p.mu.Unlock()
	body := t.Raw
	if body == nil {
		var err error
		if body, err = json.Marshal(map[string]any{"events": t.Events}); err != nil {
			return false
		}
	}
	ctx, cancel := context.WithTimeout(ctx, pushLimit)
	defer cancel()
	target := strings.TrimSuffix(address, "/") + "/_matrix/app/v1/transactions/" + t.ID
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, target, bytes.NewReader(body))
	if err != nil {
		return false
	}
	request.Header.Set("Authorization", "Bearer "+p.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody))
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue.lose > 0 {
		p.queue.lose--
		return false
	}
	p.queue.sent, p.queue.pushing = append(p.queue.sent, t), false
	return true
}
