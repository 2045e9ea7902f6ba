package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// content is the content of an event, with the event that it is about filled in. It is nil when there is nothing to do:
// what was never shown needs no removal.
func (s *Sender) content(ctx context.Context, a outbox.SendEvent) (map[string]json.RawMessage, error) {
	content, err := contentOf(a)
	if err != nil || a.About == nil {
		return content, err
	}
	row, err := s.db.MessageByKey(ctx, *a.About)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return nil, err
	}
	if a.Type == event.EventRedaction.Type {
		if row.Event == "" {
			return nil, nil
		}
		return content, put(content, "redacts", row.Event)
	}
	return content, relate(content, a.About, row.Event)
}

// relate fills in the event that a content relates to. What should have shown it is before this on the lane and has been
// given up, if there is none. An answer can do without it, and so can what is in a thread.
func relate(content map[string]json.RawMessage, about *database.MessageKey, target id.EventID) error {
	const field = "m.relates_to"
	relation := map[string]json.RawMessage{}
	if err := json.Unmarshal(content[field], &relation); err != nil {
		return queue.Dead(fmt.Errorf("read how the event relates to message %s: %w", about.ID, err))
	}
	_, typed := relation["rel_type"]
	isThread := string(relation["rel_type"]) == `"`+string(event.RelThread)+`"`
	switch isAnswer := !typed || isThread; {
	case target == "" && !isAnswer:
		return queue.Dead(fmt.Errorf("relate to message %s: no event shows it", about.ID))
	case target == "":
		delete(content, field)
		return nil
	case isAnswer:
		if err := put(relation, "m.in_reply_to", event.InReplyTo{EventID: target}); err != nil {
			return err
		}
	}
	if typed {
		if err := put(relation, "event_id", target); err != nil {
			return err
		}
	}
	return put(content, field, relation)
}

func put(content map[string]json.RawMessage, field string, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return queue.Dead(fmt.Errorf("write %s: %w", field, err))
	}
	content[field] = raw
	return nil
}
