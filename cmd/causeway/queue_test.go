package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

const deskLine = " -c DIR/config.yaml"

// desk is a bench with a configuration and the database of a bridge, which stays open as if the bridge ran.
func desk(t *testing.T, uri string) (*bench, *database.DB) {
	t.Helper()
	b := newBench(t)
	line := initLine
	if uri != "" {
		line += " --database " + uri
	} else {
		uri = "sqlite:" + filepath.Join(b.dir, "causeway.db")
	}
	require.Equal(t, exitOK, b.do(line).code)
	return b, databasetest.Open(t, uri)
}

// bothDatabases runs a test on SQLite and on Postgres.
func bothDatabases(t *testing.T, test func(t *testing.T, b *bench, db *database.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		b, db := desk(t, "")
		test(t, b, db)
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		b, db := desk(t, databasetest.Postgres(t))
		test(t, b, db)
	})
}

func letterOf(name string) queue.Entry {
	return queue.Entry{Lane: "whatsapp/1555/1", Key: "key/" + name, Kind: "send_whatsapp", Payload: []byte(`{"text":"a secret"}`)}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, b *bench, db *database.DB) {
		do := func(line string) outcome {
			got := b.do("queue " + line + deskLine)
			require.NotContains(t, got.out+got.err, "secret", line)
			return got
		}
		require.Equal(t, outcome{exitOK, "Waiting: none\nDead letters: none\n", ""}, do("list"))
		require.Equal(t, outcome{exitOK, "there are no dead letters\n", ""}, do("retry --all"))

		in, out := queue.New(db, "inbox"), queue.New(db, "outbox")
		require.NoError(t, out.Add(t.Context(), letterOf("open"), letterOf("behind")))
		require.NoError(t, out.AddDead(t.Context(), "it broke\x1b[2J"+strings.Repeat(" and broke", 50), letterOf("first")))
		require.NoError(t, in.AddDead(t.Context(), "unreadable", letterOf("second"), letterOf("third")))
		got := do("list")
		require.Equal(t, exitOK, got.code, got.err)
		require.Regexp(t, `Waiting: 1
NUMBER +QUEUE +LANE +FIRST +WAITING +SINCE +ATTEMPTS +CAUSE *
1 +outbox +whatsapp/1555/1 +send_whatsapp +2 +20\S+ \S+Z +0 *
Dead letters: 3
NUMBER +QUEUE +LANE +KIND +DEAD SINCE +ATTEMPTS +CAUSE
5 +inbox .* unreadable
4 +inbox .* unreadable
3 +outbox +whatsapp/1555/1 +send_whatsapp +20\S+ \S+Z +0 +it broke\\x1b\[2J and broke.*…
$`, got.out)
		require.Equal(t, 2, strings.Count(do("list -n 1").out, "inbox")+strings.Count(do("list -n 1").out, "it broke"))

		got = do("show 3")
		require.Equal(t, exitOK, got.code, got.err)
		for _, part := range []string{"number:   3\n", "lane:     whatsapp/1555/1\n", "key:      key/first\n", `cause:    it broke\x1b[2J`} {
			require.Contains(t, got.out, part)
		}
		shown := b.do("queue show 3 --content" + deskLine)
		require.Contains(t, shown.out, `content:  {"text":"a secret"}`)
		for _, line := range []string{"show 1", "retry 1", "drop 1", "show 77"} {
			got := do(line)
			require.Equal(t, exitFailure, got.code, line)
			require.Contains(t, got.err, "there is no dead letter ", line)
		}

		require.Equal(t, outcome{exitOK, "3 is tried again\n", ""}, do("retry 3"))
		open, err := out.IsOpen(t.Context(), "key/first")
		require.NoError(t, err)
		require.True(t, open)
		require.Equal(t, outcome{exitFailure, "4 was dropped\n", "causeway: there is no dead letter 3; see 'causeway queue list'\n"}, do("drop 3 #4"))
		require.Equal(t, outcome{exitOK, "5 was dropped\n", ""}, do("drop --all"))
		c, err := in.Counts(t.Context())
		require.NoError(t, err)
		require.Equal(t, queue.Counts{}, c)
	})
}

// A dead letter that is tried again from outside is worked by the bridge that runs, at its next look at the database.
func TestRetryReachesARunningBridge(t *testing.T) {
	t.Parallel()
	bothDatabases(t, func(t *testing.T, b *bench, db *database.DB) {
		out := queue.New(db, "outbox")
		worked := make(chan string, 10)
		worker := queue.NewWorker(db, out, queue.Options{Lanes: 1, Burst: 1, Poll: 20 * time.Millisecond,
			Handle: func(_ context.Context, e queue.Entry) (queue.Settle, error) {
				return func(context.Context) error { worked <- e.Key; return nil }, nil
			}}, zerolog.Nop())
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- worker.Run(ctx) }()
		t.Cleanup(func() { stop(); <-done })
		require.NoError(t, out.AddDead(t.Context(), "it broke", letterOf("first")))
		require.Equal(t, outcome{exitOK, "1 is tried again\n", ""}, b.do("queue retry 1"+deskLine))
		select {
		case key := <-worked:
			require.Equal(t, "key/first", key)
		case <-time.After(30 * time.Second):
			t.Fatal("it was not worked")
		}
	})
}

func TestQueueOfNoBridge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	require.Equal(t, exitOK, b.do(initLine).code)
	for _, line := range []string{"list", "show 1", "retry --all", "drop 1"} {
		got := b.do(fmt.Sprintf("queue %s%s", line, deskLine))
		require.Equal(t, exitFailure, got.code)
		require.Regexp(t, `^causeway: database.uri: open the database: there is no file DIR/causeway.db; .*\n$`, got.err)
	}
	require.Equal(t, []string{"config.yaml", "registration.yaml"}, b.files())
}
