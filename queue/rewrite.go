package queue

import (
	"context"
)

// Rewrite gives an open entry another payload, at once: what has been done of it so far is not done again when it is
// tried anew.
func (q *Queue) Rewrite(ctx context.Context, e Entry, payload []byte) error {
	return q.db.Write(ctx, func(ctx context.Context) error {
		res, err := q.db.Exec(ctx, `UPDATE queue_entry SET payload=$2 WHERE id=$1 AND state=0`, e.ID, payload)
		return closing("rewrite", q, e, res, err)
	})
}
