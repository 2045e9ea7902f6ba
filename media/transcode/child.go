package transcode

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

const (
	// maxOutput bounds what is read of a program's output where no writer of the caller's takes it, in bytes.
	maxOutput = 1 << 20
	// maxComplaint bounds what is kept of its complaints.
	maxComplaint = 2 << 10
	// waitDelay is how long the pipes of a killed child are waited for.
	waitDelay = 5 * time.Second
)

// child is one run of a program.
type child struct {
	program string
	args    []string
	// files are its descriptors from 3 on.
	files  []*os.File
	stdout io.Writer
	// output bounds the file it writes, in bytes; 0 is none.
	output int64
}

// run waits for a free slot, starts a child and waits for its end. When the context ends or the time is over the child is
// killed, with all that it has started; so it is when this process ends, however that happens.
func (t *Tool) run(ctx context.Context, c child) error {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.slots }()
	ctx, cancel := context.WithTimeoutCause(ctx, t.limit, ErrTooSlow)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		// The child dies with the thread that started it (see isolate), so the thread must stay as long.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- t.start(ctx, c)
	}()
	err := <-done
	if err == nil {
		return nil
	}
	if cause := context.Cause(ctx); cause != nil {
		return fmt.Errorf("run %s: %w", c.program, cause)
	}
	return err
}

func (t *Tool) start(ctx context.Context, c child) error {
	var complaint bounded
	complaint.limit = maxComplaint
	cmd := exec.CommandContext(ctx, c.program, c.args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "AV_LOG_FORCE_NOCOLOR=1"}
	cmd.ExtraFiles, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = c.files, c.stdout, &complaint, waitDelay
	isolate(cmd)
	cmd.Cancel = func() error { return killAll(cmd) }
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", c.program, err)
	}
	curb(cmd.Process.Pid, t.limit, c.output)
	err := cmd.Wait()
	if _, failed := errors.AsType[*exec.ExitError](err); failed {
		return fmt.Errorf("%w: %w: %s", ErrUnreadable, err, complaint.line())
	} else if err != nil {
		return fmt.Errorf("wait for %s: %w", c.program, err)
	}
	return nil
}

// bounded keeps the start of what is written to it, and takes the rest without keeping it.
type bounded struct {
	bytes.Buffer

	limit int // in bytes; 0 is maxOutput
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	limit := b.limit
	if limit == 0 {
		limit = maxOutput
	}
	_, _ = b.Buffer.Write(p[:min(len(p), max(0, limit-b.Len()))])
	return len(p), nil
}

// line is what was kept, in one line.
func (b *bounded) line() string {
	return strings.Join(strings.Fields(strings.ToValidUTF8(b.String(), "?")), " ")
}
