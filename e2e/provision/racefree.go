package provision

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The library that races with itself, and where: exsync.Event.GetChan notes that somebody waits, under a lock for readers. Two
// questions of whatsmeow that lose their connection at once (Client.retryFrame, WaitForConnection) do that side by side.
const (
	racing     = "go.mau.fi/util"
	racingFile = "exsync/event.go"
	raced      = "e.l.RLock()\n\tdefer e.l.RUnlock()\n\te.waiting = true"
	unraced    = "e.l.Lock()\n\tdefer e.l.Unlock()\n\te.waiting = true"
)

// RaceFree returns a go.mod for `go test -race -modfile`, in which that library takes the lock for writers. It is for tests only: the
// race is of two writers of the same value and does no harm, but the race detector ends any test in which it happens to see it.
func (c *Cache) RaceFree(ctx context.Context) (modfile string, err error) {
	list := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Version}} {{.Dir}}", racing)
	list.Dir = c.Root
	out, err := list.Output()
	version, source, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || !ok || source == "" {
		return "", errors.Join(fmt.Errorf("find %s: %s", racing, out), err)
	}
	unlock, err := c.lock(ctx, "race-free")
	if err != nil {
		return "", err
	}
	defer unlock()
	dir := filepath.Join(c.Dir, "race-free-"+version)
	library := filepath.Join(dir, "library")
	if whole := filepath.Join(dir, "complete"); !exists(whole) { // written last
		if err := mendRace(source, library); err != nil {
			return "", err
		}
		if err := os.WriteFile(whole, nil, 0o644); err != nil {
			return "", err
		}
	}
	// Checkouts may share the cache, and need not have the same modules.
	own := filepath.Join(dir, strings.ReplaceAll(c.Root, string(filepath.Separator), "-"))
	if err := os.MkdirAll(own, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(c.Root, name))
		if err != nil {
			return "", err
		}
		if name == "go.mod" {
			text = fmt.Appendf(text, "\nreplace %s => %s\n", racing, library)
		}
		if err := os.WriteFile(filepath.Join(own, name), text, 0o644); err != nil {
			return "", err
		}
	}
	return filepath.Join(own, "go.mod"), nil
}

// mendRace copies the library and changes its lock.
func mendRace(source, library string) error {
	if err := os.RemoveAll(library); err != nil {
		return err
	}
	if err := os.CopyFS(library, os.DirFS(source)); err != nil {
		return fmt.Errorf("copy %s: %w", racing, err)
	}
	file := filepath.Join(library, racingFile)
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if strings.Count(string(text), raced) != 1 {
		return fmt.Errorf("mend %s of %s: it is not what it was; see whether the race is gone, and with it the need for this", racingFile, racing)
	}
	return os.WriteFile(file, []byte(strings.Replace(string(text), raced, unraced, 1)), 0o644)
}
