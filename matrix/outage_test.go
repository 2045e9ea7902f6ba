package matrix_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/database/databasetest"
	"causeway/inbox"
	"causeway/matrix"
)

// lockedBuffer collects a log.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line)
}

func (b *lockedBuffer) count(part string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Count(b.text.String(), part)
}

// The disk is full for a while: the homeserver keeps what it was not told 200 for, and the log says so once.
func TestPushedOntoAFullDisk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	room := b.management()
	uri := "sqlite:" + filepath.Join(t.TempDir(), "full.db")
	other := databasetest.Open(t, uri)
	var pages int
	require.NoError(t, other.QueryRow(t.Context(), `PRAGMA page_count`).Scan(&pages))
	b.db = databasetest.Open(t, fmt.Sprintf("%s?_pragma=max_page_count(%d)", uri, pages+40))
	b.in = inbox.New(b.db, bot)
	for _, size := range []int{20_000, 2_000, 100} { // until nothing more has room
		for n := 0; b.db.PutSetting(t.Context(), fmt.Sprint(size, "/", n), strings.Repeat("x", size)) == nil; n++ {
			require.Less(t, n, 1000)
		}
	}
	book := &lockedBuffer{}
	b.server = matrix.NewServer(b.cfg, b.in, b.db, zerolog.New(book))
	b.serve()
	ctx := b.context()
	const messages = 30
	for n := range messages {
		_, err := b.hs.SendText(alice.String(), room.String(), fmt.Sprint(n, strings.Repeat("y", 500)))
		require.NoError(t, err)
	}
	require.NoError(t, b.hs.Wait(ctx, func() bool { return book.count(`"level":"debug"`) >= 4 }))
	require.Equal(t, 1, book.count(`"level":"error"`))

	_, err := other.Exec(ctx, `DELETE FROM setting`)
	require.NoError(t, err)
	require.NoError(t, b.hs.WaitPushed(ctx))
	require.Equal(t, 1, book.count("Transactions can be stored again"))
	var stored, distinct int
	require.NoError(t, other.QueryRow(ctx, `SELECT COUNT(*), COUNT(DISTINCT dedup_key) FROM queue_entry WHERE CAST(payload AS TEXT) LIKE '%yyy%'`).Scan(&stored, &distinct))
	require.Equal(t, messages, stored)
	require.Equal(t, messages, distinct)
}
