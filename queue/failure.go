package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// Reject is a final refusal that the user is told about: the entry is closed, the lane goes on.
type Reject struct {
	Code string // for programs and the log, such as "not_logged_in"
	Text string // for the user: a sentence that says what to do
	Err  error  // the cause, for the log; may be nil
}

func (r *Reject) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %v", r.Code, r.Err)
	}
	return r.Code
}

func (r *Reject) Unwrap() error { return r.Err }

// Park says that an entry cannot be worked before something named is provided with Queue.Provide, by a settled action
// or from another lane. Its lane waits. After Limit the entry is a dead letter.
type Park struct {
	Name  string
	Limit time.Duration
}

func (p *Park) Error() string { return "waits for " + p.Name }

// errDead marks an error that no repeat will mend.
type errDead struct{ error }

func (e errDead) Unwrap() error { return e.error }

// Dead makes an error final: the entry becomes a dead letter at once.
func Dead(err error) error { return errDead{err} }

// Backoff is how long a failed entry waits: First, doubled with each attempt up to Most, then spread by a quarter
// either way so that lanes that failed together do not come back together.
type Backoff struct{ First, Most time.Duration }

// After returns the wait after a number of failed attempts before this one.
func (b Backoff) After(attempts int) time.Duration {
	wait := b.Most
	if attempts < 30 {
		wait = min(b.First<<attempts, b.Most)
	}
	return wait*3/4 + rand.N(wait/2+1)
}

// retryAfter is an error that says how long to wait at least.
type retryAfter struct {
	error
	wait time.Duration
}

func (r retryAfter) Unwrap() error { return r.error }

// RetryAfter says that the outside world asked for a pause of at least wait.
func RetryAfter(err error, wait time.Duration) error { return retryAfter{err, wait} }

func askedWait(err error) time.Duration {
	if r, ok := errors.AsType[retryAfter](err); ok {
		return r.wait
	}
	return 0
}
