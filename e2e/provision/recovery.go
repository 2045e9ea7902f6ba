package provision

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // Synapse's database in a run
)

// WaitRecovered waits until the homeserver pushes new events to its application services at once again. After one of them was away it
// first sends what it has held back meanwhile.
//
// Whoever writes something before that may meet a race of Synapse (seen in 1.163.2, synapse/appservice/scheduler.py): an event that is sent in
// the instant between the recoverer's last look for held-back transactions and its marking the service as up is stored, but sent only
// after the next outage. No application service can tell that it is missing. That happens to events of the service's own ghosts too,
// so transactions that are left over do not mean that there is anything to wait for. Dendrite has no such state.
func (hs *Homeserver) WaitRecovered(ctx context.Context) error {
	if hs.Kind != Synapse {
		return nil
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(hs.Dir, "homeserver.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return fmt.Errorf("ask whether the homeserver has recovered: %w", err)
	}
	defer func() { _ = db.Close() }()
	for {
		var down int
		err := db.QueryRowContext(ctx, "SELECT count(*) FROM application_services_state WHERE state = 'down'").Scan(&down)
		if err != nil {
			return fmt.Errorf("ask whether the homeserver has recovered: %w", err)
		}
		if down == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the homeserver to have recovered: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
