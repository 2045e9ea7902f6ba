// Package media moves files from one side to the other with bounded memory: they lie on the disk while a hash or a length
// is needed before they can go on, never in memory. It knows nothing of either network; the edges bring the readers and
// writers.
package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"causeway/media/transcode"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrTooLarge says that a file has more bytes than are allowed.
	ErrTooLarge = errors.New("the file is too large")
	// ErrGone says that a file is not, or not any more, where it should be.
	ErrGone = errors.New("the file is not there")
	// ErrBroken says that a file is not what its sender says of it.
	ErrBroken = errors.New("the file is broken")
	// ErrStalled says that a transfer made no progress for too long.
	ErrStalled = errors.New("the transfer made no progress")
)

const (
	// prefix begins the names of all temporary files.
	prefix = "causeway-media-"
	// overhead is how much larger a file may be while it is encrypted, in bytes: a block of padding and the code of WhatsApp.
	overhead = 64
	// leftover is how old a file is that nobody can be working on.
	leftover = 24 * time.Hour
	// places is how many files are on their way at once: each takes disk space up to the limit.
	places = 8
	// patience is how long a transfer may stand still.
	patience = 2 * time.Minute
)

// Options of a depot. Zero values are the defaults.
type Options struct {
	// Dir is where temporary files lie; empty is the system's place for them.
	Dir string
	// Limit is how large a file may be, in bytes.
	Limit int64
	// Places is how many files may be on their way at once; 0 is 8.
	Places int
	// Patience is how long a transfer may stand still; 0 is two minutes.
	Patience time.Duration
	// Tool is ffmpeg, or nil.
	Tool *transcode.Tool
}

// Depot is where files lie on their way.
type Depot struct {
	opts    Options
	places  chan struct{}
	tries   tries
	drawing sync.Mutex // pictures are decoded one at a time, so that their memory is bounded
}

// Open prepares the directory, and removes what a crash has left there.
func Open(o Options) (*Depot, error) {
	if o.Dir == "" {
		o.Dir = os.TempDir()
	}
	if o.Places <= 0 {
		o.Places = places
	}
	if o.Patience <= 0 {
		o.Patience = patience
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for media: %w", err)
	}
	if err := sweep(o.Dir, time.Now().Add(-leftover)); err != nil {
		return nil, err
	}
	return &Depot{opts: o, places: make(chan struct{}, o.Places)}, nil
}

// sweep removes our files that were last written before a time. A file normally has no name while it is used; one is
// left only by a crash right after it was made, or by systems that do not remove the name of an open file.
func sweep(dir string, before time.Time) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("look into the directory for media: %w", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) || !entry.Type().IsRegular() {
			continue
		}
		if info, err := entry.Info(); err == nil && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, entry.Name())) // whoever may remove it will
		}
	}
	return nil
}

// Limit is how large a file may be, in bytes.
func (d *Depot) Limit() int64 { return d.opts.Limit }

// Transfer is the way of one file, with the temporary files that it needs.
type Transfer struct {
	depot  *Depot
	cancel context.CancelCauseFunc
	ctx    context.Context //nolint:containedctx // the cause of its end is the transfer's own
	timer  *time.Timer
	files  []*File
}

// Begin waits for a place. What the transfer does must use the context that is returned: it ends when nothing moves for
// too long, or when a file grows beyond its limit.
func (d *Depot) Begin(ctx context.Context) (context.Context, *Transfer, error) {
	select {
	case d.places <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	t := &Transfer{depot: d, cancel: cancel, ctx: ctx}
	t.timer = time.AfterFunc(d.opts.Patience, func() { cancel(ErrStalled) })
	return ctx, t, nil
}

// moved notes progress.
func (t *Transfer) moved() {
	if t.timer.Stop() {
		t.timer.Reset(t.depot.opts.Patience)
	}
}

// Explain puts the transfer's own reason for its end before an error.
func (t *Transfer) Explain(err error) error {
	cause := context.Cause(t.ctx)
	if err == nil || cause == nil || errors.Is(err, cause) {
		return err
	}
	if errors.Is(cause, ErrTooLarge) || errors.Is(cause, ErrStalled) {
		return fmt.Errorf("%w (%w)", cause, err)
	}
	return err
}

// End removes the temporary files and frees the place.
func (t *Transfer) End() {
	t.timer.Stop()
	t.cancel(nil)
	for _, f := range t.files {
		f.remove()
	}
	t.files = nil
	<-t.depot.places
}

// Spare makes a temporary file as File does, for what the transfer can do without: that it is too large does not end the
// transfer.
func (t *Transfer) Spare(limit int64) (*File, error) {
	f, err := t.File(limit)
	if err == nil {
		f.spare = true
	}
	return f, err
}

// File makes a temporary file that may grow to limit bytes, or to the depot's limit if that is less. A limit of 0 is the
// depot's.
func (t *Transfer) File(limit int64) (*File, error) {
	if limit <= 0 || limit > t.depot.opts.Limit {
		limit = t.depot.opts.Limit
	}
	file, err := os.CreateTemp(t.depot.opts.Dir, prefix+"*")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	// Without its name the file is gone with the process, however that ends. Where that cannot be, remove does it.
	named := os.Remove(file.Name()) != nil
	f := &File{file: file, named: named, limit: limit, transfer: t}
	t.files = append(t.files, f)
	return f, nil
}
