package matrix

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/crashpoint"
	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// sendEvent posts an event to the room of a portal. repeat says that it may have been posted before.
func (s *Sender) sendEvent(ctx context.Context, a outbox.SendEvent, repeat bool) (queue.Settle, error) {
	p, err := s.portalRoom(ctx, a.Portal)
	if err != nil {
		return nil, err
	}
	sent, err := s.alreadySent(ctx, p.RoomID, a, repeat)
	if err != nil {
		return nil, err
	}
	if sent == "" {
		content, err := s.content(ctx, a)
		if err != nil || content == nil {
			return nil, err
		}
		if sent, err = s.post(ctx, p, a, content); err != nil {
			return nil, err
		}
		crashpoint.Pass(crashpoint.MatrixSent)
	}
	if a.Message == nil {
		return nil, nil
	}
	return func(ctx context.Context) error { return s.db.SettleMessage(ctx, *a.Message, sent) }, nil
}

// alreadySent finds the event that shows the message, if there is one: it came back in a transaction, or it stands in
// the room. The room is asked only for what may be a repeat. The transaction ID alone would not do, because homeservers
// keep those of application services in memory: after a restart of the homeserver a repeat is a second event.
func (s *Sender) alreadySent(ctx context.Context, room id.RoomID, a outbox.SendEvent, repeat bool) (id.EventID, error) {
	if a.Message != nil {
		message, err := s.db.MessageByKey(ctx, *a.Message)
		if err == nil && message.Event != "" {
			return message.Event, nil
		} else if err != nil && !errors.Is(err, database.ErrNotFound) {
			return "", err
		}
	}
	switch {
	case repeat && a.Type == event.EventRedaction.Type && a.About != nil:
		return s.findRedaction(ctx, room, *a.About, a.As)
	case repeat && a.Message != nil:
		return s.findSent(ctx, room, a)
	}
	return "", nil
}

// lookBack is how many of a sender's last events are searched. The lane posts one at a time, so it was the last.
const lookBack = 20

// findSent looks for a message's event among the last ones of its sender, with the eyes of the sender: the bot need not
// be in a room that a user has made. Who is not in the room has sent nothing.
func (s *Sender) findSent(ctx context.Context, room id.RoomID, a outbox.SendEvent) (id.EventID, error) {
	filter, err := json.Marshal(map[string]any{"types": []string{a.Type}, "senders": []id.UserID{a.As}})
	if err != nil {
		return "", fmt.Errorf("write a filter: %w", err)
	}
	var page struct {
		Chunk []struct {
			ID      id.EventID     `json:"event_id"`
			Sender  id.UserID      `json:"sender"`
			Content map[string]any `json:"content"`
		} `json:"chunk"`
	}
	client := s.clients.as(a.As)
	address := client.BuildURLWithQuery(mautrix.ClientURLPath{"v3", "rooms", room, "messages"},
		map[string]string{"dir": "b", "limit": strconv.Itoa(lookBack), "filter": string(filter)})
	_, err = client.MakeRequest(ctx, http.MethodGet, address, nil, &page)
	if refused(err) {
		return "", nil
	} else if err != nil {
		return "", fmt.Errorf("look for message %s in %s: %w", a.Message.ID, room, err)
	}
	key := outbox.FormatKey(*a.Message)
	for _, found := range page.Chunk {
		if found.Sender == a.As && found.Content[outbox.KeyField] == key {
			return found.ID, nil
		}
	}
	return "", nil
}

// findRedaction looks whether somebody has redacted the event of a message (Client-Server API, "redacted_because").
func (s *Sender) findRedaction(ctx context.Context, room id.RoomID, about database.MessageKey, by id.UserID) (id.EventID, error) {
	row, err := s.db.MessageByKey(ctx, about)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Event == "" {
		return "", nil
	} else if err != nil {
		return "", err
	}
	var found struct {
		Unsigned struct {
			RedactedBecause struct {
				ID     id.EventID `json:"event_id"`
				Sender id.UserID  `json:"sender"`
			} `json:"redacted_because"`
		} `json:"unsigned"`
	}
	client := s.clients.as(by)
	_, err = client.MakeRequest(ctx, http.MethodGet, client.BuildClientURL("v3", "rooms", room, "event", row.Event), nil, &found)
	if err != nil && !refused(err) && !errors.Is(err, mautrix.MNotFound) {
		return "", fmt.Errorf("look whether %s in %s is redacted: %w", row.Event, room, err)
	}
	if redaction := found.Unsigned.RedactedBecause; redaction.Sender == by {
		return redaction.ID, nil
	}
	return "", nil
}

// post sends the event, and brings the ghost into the room first if the homeserver says that it is not there. Who is in
// which room is not kept here: it would be one more thing to be wrong.
func (s *Sender) post(ctx context.Context, p database.Portal, a outbox.SendEvent, content map[string]json.RawMessage) (id.EventID, error) {
	sent, err := s.send(ctx, p.RoomID, a, content)
	if errors.Is(err, mautrix.MForbidden) && a.As == s.cfg.Bot && a.Type == event.EventRedaction.Type && p.Other != 0 {
		// A user has made this room for the contact's ghost, which has the power there that the bot has elsewhere.
		contact, err := s.db.PuppetByID(ctx, p.Other)
		if err != nil {
			return "", err
		}
		a.As = contact.UserID
		return s.send(ctx, p.RoomID, a, content)
	}
	if !errors.Is(err, mautrix.MForbidden) || !s.cfg.IsGhost(a.As) {
		return sent, err
	}
	s.clients.ready.remove(string(a.As))
	if err := s.ensureJoined(ctx, p, a.As); err != nil {
		return "", err
	}
	return s.send(ctx, p.RoomID, a, content)
}

// send makes the request. A redaction has an endpoint of its own, because the field that names the event moved in room
// version 11.
func (s *Sender) send(ctx context.Context, room id.RoomID, a outbox.SendEvent, content map[string]json.RawMessage) (id.EventID, error) {
	client := s.clients.as(a.As)
	query := map[string]string{}
	if !a.Sent.IsZero() && a.Sent.Before(time.Now()) {
		query["ts"] = strconv.FormatInt(a.Sent.UnixMilli(), 10)
	}
	path := mautrix.ClientURLPath{"v3", "rooms", room, "send", a.Type, txnID(a.Txn)}
	if a.Type == event.EventRedaction.Type {
		var redacts id.EventID
		if json.Unmarshal(content["redacts"], &redacts) != nil || redacts == "" {
			return "", queue.Dead(errors.New("send a redaction: it does not say of what"))
		}
		path = mautrix.ClientURLPath{"v3", "rooms", room, "redact", redacts, txnID(a.Txn)}
	}
	var answer mautrix.RespSendEvent
	if _, err := client.MakeRequest(ctx, http.MethodPut, client.BuildURLWithQuery(path, query), content, &answer); err != nil {
		return "", fmt.Errorf("send %s to %s as %s: %w", a.Type, room, a.As, err)
	} else if answer.EventID == "" {
		return "", fmt.Errorf("send %s to %s as %s: the homeserver's answer has no event_id", a.Type, room, a.As)
	}
	return answer.EventID, nil
}

// contentOf is the content of an event with the key of the message it shows.
func contentOf(a outbox.SendEvent) (map[string]json.RawMessage, error) {
	content := map[string]json.RawMessage{}
	if err := json.Unmarshal(a.Content, &content); err != nil {
		return nil, queue.Dead(fmt.Errorf("read the content of %s: %w", a.Type, err))
	}
	if a.Message == nil || content == nil {
		return content, nil
	}
	key, err := json.Marshal(outbox.FormatKey(*a.Message))
	if err != nil {
		return nil, queue.Dead(fmt.Errorf("write the key of message %s: %w", a.Message.ID, err))
	}
	content[outbox.KeyField] = key
	return content, nil
}

// maxTxnID is how long a transaction ID may be before its digest takes its place, in bytes.
const maxTxnID = 100

// txnID makes a transaction ID that needs no escaping in a path: not every proxy leaves an escaped slash alone.
// Homeservers tell transactions apart by application service, not by user, so IDs must differ between actions.
func txnID(txn string) string {
	plain := len(txn) <= maxTxnID && txn != "" && strings.Trim(txn, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == ""
	if plain {
		return txn
	}
	digest := sha256.Sum256([]byte(txn))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}
