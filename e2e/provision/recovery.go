package provision

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // Synapse's database in a run
)

// WaitDelivered waits until the homeserver holds nothing back for its application services, as it does for a while after one of them
// was away.
//
// Whoever goes on before that may meet a race of Synapse (seen in 1.163.2, synapse/appservice/scheduler.py): an event that is sent in
// the instant between the recoverer's last look for held-back transactions and its marking the service as up is stored, but sent only
// after the next outage. No application service can tell that it is missing. Dendrite has one queue in order, and no such state.
func (hs *Homeserver) WaitDelivered(ctx context.Context) error {
	if hs.Kind != Synapse {
		return nil
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(hs.Dir, "homeserver.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return fmt.Errorf("ask what the homeserver holds back: %w", err)
	}
	defer func() { _ = db.Close() }()
	for {
		var held, down int
		err := db.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM application_services_txns),
			(SELECT count(*) FROM application_services_state WHERE state = 'down')`).Scan(&held, &down)
		if err != nil {
			return fmt.Errorf("ask what the homeserver holds back: %w", err)
		}
		if held == 0 && down == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the homeserver, which holds %d transactions back: %w", held, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
