package queue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/database"
	"causeway/database/databasetest"
	"causeway/queue"
)

// What was done of an entry is in it when it is tried again; one that is closed stays closed.
func TestRewrite(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		q := queue.New(db, "outbox")
		require.NoError(t, q.Add(t.Context(), queue.Entry{Lane: "room/1", Key: "k", Kind: "x", Payload: []byte(`{"file":1}`)}))
		e := queue.Entry{}
		require.NoError(t, db.QueryRow(t.Context(), `SELECT id FROM queue_entry`).Scan(&e.ID))
		require.NoError(t, q.Rewrite(t.Context(), e, []byte(`{}`)))
		var payload []byte
		require.NoError(t, db.QueryRow(t.Context(), `SELECT payload FROM queue_entry`).Scan(&payload))
		require.Equal(t, `{}`, string(payload))
		_, err := db.Exec(t.Context(), `UPDATE queue_entry SET state=1, payload=NULL`)
		require.NoError(t, err)
		require.Error(t, q.Rewrite(t.Context(), e, []byte(`{}`)))
	})
}
