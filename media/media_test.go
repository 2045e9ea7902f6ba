package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func begin(t *testing.T, o Options) (context.Context, *Transfer) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	if o.Limit == 0 {
		o.Limit = 1 << 20
	}
	depot, err := Open(o)
	require.NoError(t, err)
	ctx, transfer, err := depot.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(transfer.End)
	return ctx, transfer
}

func newFile(t *testing.T, content []byte) *File {
	t.Helper()
	_, transfer := begin(t, Options{})
	f, err := transfer.File(0)
	require.NoError(t, err)
	require.NoError(t, f.Fill(bytes.NewReader(content)))
	return f
}

// endless is a file that somebody never stops sending.
type endless struct{ read int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.read += int64(len(p))
	return len(p), nil
}

func TestFileIsLimited(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]func(*File, *endless) error{
		"filled":     func(f *File, e *endless) error { return f.Fill(e) },
		"written":    func(f *File, e *endless) error { _, err := io.Copy(f, e); return err },
		"announced":  func(f *File, _ *endless) error { return f.Expect(4001) },
		"written at": func(f *File, e *endless) error { _, err := f.WriteAt(make([]byte, 10), 5000); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, transfer := begin(t, Options{Limit: 10_000})
			f, err := transfer.File(4000)
			require.NoError(t, err)
			source := &endless{}
			require.ErrorIs(t, write(f, source), ErrTooLarge)
			require.Less(t, source.read, int64(100_000))
			require.ErrorIs(t, context.Cause(ctx), ErrTooLarge, "nothing goes on after that")
			require.ErrorIs(t, transfer.Explain(errors.New("canceled")), ErrTooLarge)
		})
	}
	_, transfer := begin(t, Options{Limit: 10})
	f, err := transfer.File(20)
	require.NoError(t, err)
	require.NoError(t, f.Fill(bytes.NewReader(make([]byte, 10))))
	require.ErrorIs(t, f.Fill(bytes.NewReader(make([]byte, 11))), ErrTooLarge, "the depot's limit counts")
}

func TestSpareFileEndsNothing(t *testing.T) {
	t.Parallel()
	ctx, transfer := begin(t, Options{Limit: 10_000})
	f, err := transfer.Spare(4000)
	require.NoError(t, err)
	require.ErrorIs(t, f.Fill(&endless{}), ErrTooLarge)
	require.NoError(t, ctx.Err())
}

func TestTransferThatStandsStillEnds(t *testing.T) {
	t.Parallel()
	ctx, transfer := begin(t, Options{Patience: 50 * time.Millisecond})
	f, err := transfer.File(0)
	require.NoError(t, err)
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { _ = writer.CloseWithError(context.Canceled) })
	late := time.AfterFunc(20*time.Second, func() { _ = writer.CloseWithError(errors.New("nobody has ended it")) })
	defer late.Stop()
	require.ErrorIs(t, f.Fill(reader), ErrStalled)
}

func TestPlacesAreLimited(t *testing.T) {
	t.Parallel()
	depot, err := Open(Options{Dir: t.TempDir(), Limit: 1, Places: 1})
	require.NoError(t, err)
	_, first, err := depot.Begin(t.Context())
	require.NoError(t, err)
	ended, end := context.WithCancel(t.Context())
	end()
	_, _, err = depot.Begin(ended)
	require.ErrorIs(t, err, context.Canceled)
	first.End()
	_, second, err := depot.Begin(t.Context())
	require.NoError(t, err)
	second.End()
}

// A crash leaves nothing: a file has no name while it is used, and what is left in spite of that is removed later.
func TestNothingIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, transfer := begin(t, Options{Dir: dir})
	f, err := transfer.File(0)
	require.NoError(t, err)
	require.NoError(t, f.Fill(bytes.NewReader([]byte("x"))))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Empty(t, entries)
	}
	for name, age := range map[string]time.Duration{prefix + "old": 2 * leftover, prefix + "new": 0, "other": 2 * leftover} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(-age)))
	}
	_, err = Open(Options{Dir: dir, Limit: 1})
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, prefix+"old"))
	require.FileExists(t, filepath.Join(dir, prefix+"new"))
	require.FileExists(t, filepath.Join(dir, "other"))
}

func TestBigFileTakesNoMemory(t *testing.T) {
	t.Parallel()
	const size = 200 << 20
	_, transfer := begin(t, Options{Limit: size})
	f, err := transfer.File(0)
	require.NoError(t, err)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	require.NoError(t, f.Fill(io.LimitReader(&endless{}, size)))
	require.NoError(t, f.Rewind())
	n, err := io.Copy(io.Discard, f)
	require.NoError(t, err)
	require.EqualValues(t, size, n)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "of all tests together")
}
