package journal_test

import (
	"context"
	"testing"
	"time"

	"causeway/simulator/journal"

	"github.com/stretchr/testify/require"
)

func TestEventsAreNumberedAndWaitedFor(t *testing.T) {
	t.Parallel()
	j := journal.New()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	j.Add(journal.Event{Kind: journal.Message, ID: "1"})
	events := j.After(ctx, 0)
	require.Len(t, events, 1)
	require.EqualValues(t, 1, events[0].Seq)
	found := make(chan journal.Event, 1)
	go func() {
		e, _ := j.Find(ctx, func(e journal.Event) bool { return e.ID == "3" })
		found <- e
	}()
	for _, id := range []string{"2", "3"} {
		j.Add(journal.Event{Kind: journal.Message, ID: id})
	}
	require.EqualValues(t, 3, (<-found).Seq)
	require.Len(t, j.After(ctx, 1), 2)
	ended, end := context.WithCancel(ctx)
	end()
	require.Empty(t, j.After(ended, 3))
	_, err := j.Find(ended, func(journal.Event) bool { return false })
	require.ErrorIs(t, err, context.Canceled)
}

func TestViolationsAreCounted(t *testing.T) {
	t.Parallel()
	j := journal.New()
	j.Add(journal.Event{Kind: journal.Violation, Device: "49:1", Detail: "why"})
	require.Len(t, j.Violations(), 1)
	require.EqualValues(t, 1, j.Counters()["49:1"].Violations)
}

func TestListForgetsTheOldest(t *testing.T) {
	t.Parallel()
	l := journal.NewList[int](3)
	for i := range 5 {
		l.Add(i)
	}
	require.EqualValues(t, 5, l.Last())
	require.Equal(t, []int{2, 3, 4}, l.All())
}
