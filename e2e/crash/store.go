package crash

import (
	"context"
	"database/sql"
	"fmt"

	_ "github.com/lib/pq"  // one of the bridge's databases
	_ "modernc.org/sqlite" // the other
)

// store looks into the bridge's database. The promise is not judged by it; it says when the bridge has nothing more to do, and
// whether rows were left behind that no message and no room belong to.
type store struct{ db *sql.DB }

func openStore(uri, file string) (*store, error) {
	driver, source := "postgres", uri
	if uri == "" {
		driver, source = "sqlite", "file:"+file+"?mode=ro&_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, fmt.Errorf("look into the bridge's database: %w", err)
	}
	return &store{db}, nil
}

func (s *store) close() error { return s.db.Close() }

// leftovers are counts of rows.
type leftovers struct {
	// Open entries of the queues, and dead ones.
	Open, Dead int
	// Unsettled messages have no event; Homeless portals have messages and no room.
	Unsettled, Homeless int
}

func (s *store) count(ctx context.Context) (leftovers, error) {
	var l leftovers
	for query, into := range map[string]*int{
		`SELECT COUNT(*) FROM queue_entry WHERE state=0`:                                              &l.Open,
		`SELECT COUNT(*) FROM queue_entry WHERE state=2`:                                              &l.Dead,
		`SELECT COUNT(*) FROM message WHERE event_id=''`:                                              &l.Unsettled,
		`SELECT COUNT(*) FROM portal WHERE room_id IS NULL AND id IN (SELECT portal_id FROM message)`: &l.Homeless,
	} {
		if err := s.db.QueryRowContext(ctx, query).Scan(into); err != nil {
			return l, fmt.Errorf("count the rows of the bridge: %w", err)
		}
	}
	return l, nil
}

func (l leftovers) problems() []string {
	var list []string
	for _, rows := range []struct {
		n    int
		what string
	}{{l.Open, "open entries in its queues"}, {l.Dead, "dead letters"}, {l.Unsettled, "messages without an event"},
		{l.Homeless, "chats with messages and without a room"}} {
		if rows.n > 0 {
			list = append(list, fmt.Sprintf("the bridge's database has %d %s", rows.n, rows.what))
		}
	}
	return list
}
