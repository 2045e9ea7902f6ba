package matrix

import (
	"strings"
	"testing"
	"time"

	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

// A file waits a day for a connection; while the bridge was not running it has not waited.
func TestFileWaitsForConnection(t *testing.T) {
	t.Parallel()
	depot, err := media.Open(media.Options{Dir: t.TempDir(), Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	s := &Sender{started: time.Now(), files: Media{Depot: depot}}
	old := queue.Entry{Added: time.Now().Add(-bringLimit - time.Hour), Attempts: 1000}
	if text := s.lost(old, outbox.FileOnWhatsApp{}, &queue.Park{Name: "x"}); text != "" {
		t.Errorf("right after the start it says %q", text)
	}
	s.started = old.Added
	if text := s.lost(old, outbox.FileOnWhatsApp{Kind: "image"}, &queue.Park{Name: "x"}); !strings.Contains(text, "no connection") {
		t.Errorf("after a day it says %q", text)
	}
}
