package crash

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/e2e/provision"
	"causeway/simulator/homeserver"
)

// callTime bounds one request of a person to Synapse; a busy machine needs it.
const callTime = 30 * time.Second

// synapse is a real homeserver. People write through its client API; what they see is read from its own database, which keeps events
// as they were sent for days after a redaction and can be read while Synapse is away.
type synapse struct {
	installed *provision.Installed
	server    *provision.Homeserver
	db        *sql.DB

	mu      sync.Mutex
	clients map[string]*mautrix.Client
	known   synapseEvents
	digests map[string][]byte // of files, by content URI
	err     error             // why the database could not be read
}

// synapseEvents is what was read so far.
type synapseEvents struct {
	last  int64 // in Synapse's order of events
	ids   map[string]bool
	rooms map[string][]homeserver.Event
	state map[[3]string]map[string]any // by room, type and state key
}

// startSynapse starts the homeserver at a site.
func startSynapse(ctx context.Context, installed *provision.Installed, site provision.Site) (*synapse, error) {
	server, err := installed.Start(ctx, site)
	if err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", "file:"+filepath.Join(site.Dir, "homeserver.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("look into Synapse's database: %w", err), server.Stop())
	}
	return &synapse{installed: installed, server: server, db: db, clients: map[string]*mautrix.Client{}, digests: map[string][]byte{}, known: synapseEvents{
		ids: map[string]bool{}, rooms: map[string][]homeserver.Event{}, state: map[[3]string]map[string]any{},
	}}, nil
}

func (s *synapse) close() error { return errors.Join(s.err, s.db.Close(), s.server.Stop()) }

// AddUser makes an account.
func (s *synapse) AddUser(ctx context.Context, name string) (string, error) {
	account, err := s.server.Register(ctx, name, name+"-in-the-crash-tests")
	if err != nil {
		return "", err
	}
	client, err := mautrix.NewClient(s.server.URL(), id.UserID(account.UserID), account.AccessToken)
	if err != nil {
		return "", fmt.Errorf("sign in %s: %w", account.UserID, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[account.UserID] = client
	return account.UserID, nil
}

// as calls Synapse as one of the people.
func (s *synapse) as(user string, call func(context.Context, *mautrix.Client) error) error {
	s.mu.Lock()
	client := s.clients[user]
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), callTime)
	defer cancel()
	return call(ctx, client)
}

// MakeRoom implements lobby.
func (s *synapse) MakeRoom(owner string, direct bool, invite ...string) (room string, err error) {
	request := &mautrix.ReqCreateRoom{Preset: "trusted_private_chat", IsDirect: direct}
	for _, user := range invite {
		request.Invite = append(request.Invite, id.UserID(user))
	}
	err = s.as(owner, func(ctx context.Context, client *mautrix.Client) error {
		made, err := client.CreateRoom(ctx, request)
		if err == nil {
			room = made.RoomID.String()
		}
		return err
	})
	return room, err
}

// Join implements lobby.
func (s *synapse) Join(user, room string) error {
	return s.as(user, func(ctx context.Context, client *mautrix.Client) error {
		_, err := client.JoinRoomByID(ctx, id.RoomID(room))
		return err
	})
}

// Send implements rooms.
func (s *synapse) Send(user, room, kind string, content map[string]any) (eventID string, err error) {
	err = s.as(user, func(ctx context.Context, client *mautrix.Client) error {
		sent, err := client.SendMessageEvent(ctx, id.RoomID(room), event.Type{Type: kind, Class: event.MessageEventType}, content)
		if err == nil {
			eventID = sent.EventID.String()
		}
		return err
	})
	return eventID, err
}

// Redact implements rooms.
func (s *synapse) Redact(user, room, target string) (eventID string, err error) {
	err = s.as(user, func(ctx context.Context, client *mautrix.Client) error {
		sent, err := client.RedactEvent(ctx, id.RoomID(room), id.EventID(target))
		if err == nil {
			eventID = sent.EventID.String()
		}
		return err
	})
	return eventID, err
}

// Rooms implements rooms.
func (s *synapse) Rooms() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read()
	list := make([]string, 0, len(s.known.rooms))
	for room := range s.known.rooms {
		list = append(list, room)
	}
	return list
}

// State implements rooms.
func (s *synapse) State(room, kind, key string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known.state[[3]string{room, kind, key}]
}

// History implements rooms.
func (s *synapse) History(room string) []homeserver.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.read()
	list := s.known.rooms[room]
	return list[:len(list):len(list)]
}

// overlap is how far back events are looked for again: those of different rooms are not stored in their order.
const overlap = 500

// read reads what is new, and keeps why it could not. The lock is held.
func (s *synapse) read() {
	s.err = nil
	rows, err := s.db.Query(`SELECT e.stream_ordering, e.event_id, e.room_id, j.json FROM events e JOIN event_json j ON j.event_id=e.event_id
		WHERE e.stream_ordering > ? AND NOT e.outlier AND e.rejection_reason IS NULL ORDER BY e.stream_ordering`, s.known.last-overlap)
	if err != nil {
		s.err = fmt.Errorf("look into Synapse's database: %w", err)
		return
	}
	defer func() { _ = rows.Close() }()
	if err := s.known.add(rows); err != nil {
		s.err = fmt.Errorf("look into Synapse's database: %w", err)
	}
}

func (k *synapseEvents) add(rows *sql.Rows) error {
	for rows.Next() {
		var order int64
		var eventID, room, text string
		if err := rows.Scan(&order, &eventID, &room, &text); err != nil {
			return err
		}
		k.last = max(k.last, order)
		if k.ids[eventID] {
			continue
		}
		e := homeserver.Event{}
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			return err
		}
		e.ID, k.ids[eventID] = eventID, true
		k.rooms[room] = append(k.rooms[room], e)
		if e.StateKey != nil {
			k.state[[3]string{room, e.Type, *e.StateKey}] = e.Content
		}
	}
	return rows.Err()
}
