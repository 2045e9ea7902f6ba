// Package render asks matrix-js-sdk, the library that Element is built on, whether a client can show the events of a run.
//
// read.mjs feeds them into rooms of the SDK, which aggregates edits, reactions and votes, and says of each of the bridge's events what
// would keep people from seeing it. The SDK and all that it needs are pinned by the lock file.
package render

import (
	"bufio"
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"

	"causeway/e2e/provision"
)

var (
	//go:embed package.json
	manifest []byte
	//go:embed package-lock.json
	lock []byte
	//go:embed read.mjs
	program []byte
)

// SDK is an installed matrix-js-sdk.
type SDK struct {
	Version string

	node, program string
}

// Install returns the SDK of the lock file, installed when it is not in the cache.
func Install(ctx context.Context, cache *provision.Cache) (*SDK, error) {
	var wanted struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal(manifest, &wanted); err != nil {
		return nil, fmt.Errorf("read package.json: %w", err)
	}
	node, dir, err := cache.NodeModules(ctx, "matrix-js-sdk", manifest, lock)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(dir, "read-*.mjs") // of this run: checkouts may share the cache
	if err != nil {
		return nil, fmt.Errorf("write the reader: %w", err)
	}
	_, err = file.Write(program)
	if err := errors.Join(err, file.Close()); err != nil {
		return nil, fmt.Errorf("write the reader: %w", err)
	}
	return &SDK{Version: wanted.Dependencies["matrix-js-sdk"], node: node, program: file.Name()}, nil
}

// Close removes what belongs to this run.
func (s *SDK) Close() error { return os.Remove(s.program) }

// Event is one as the homeserver gave it to a client.
type Event struct {
	Room     string          `json:"room_id"`
	ID       string          `json:"event_id"`
	Sender   string          `json:"sender"`
	Type     string          `json:"type"`
	StateKey *string         `json:"state_key,omitempty"`
	Redacts  string          `json:"redacts,omitempty"`
	Time     int64           `json:"origin_server_ts"`
	Content  json.RawMessage `json:"content"`
	// Ours says that it is to be judged; the others are what it is about.
	Ours bool `json:"ours"`
}

// Fault is an event that a client could not show, and why.
type Fault struct {
	Event Event
	Why   string
}

func (f Fault) String() string {
	return fmt.Sprintf("%s by %s %s: %s", f.Event.Type, f.Event.Sender, f.Why, f.Event.Content)
}

// Faults reads the events of a run, in the order in which they came, and returns those of the bridge that a client could not show.
func (s *SDK) Faults(ctx context.Context, events []Event) ([]Fault, error) {
	var in, out, said bytes.Buffer
	encoder := json.NewEncoder(&in)
	ours := map[string]Event{}
	for _, e := range events {
		if err := encoder.Encode(e); err != nil {
			return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
		}
		if e.Ours {
			ours[e.ID] = e
		}
	}
	reader := exec.CommandContext(ctx, s.node, s.program)
	reader.Stdin, reader.Stdout, reader.Stderr = &in, &out, &said
	if err := reader.Run(); err != nil {
		return nil, fmt.Errorf("read %d events with matrix-js-sdk: %w\n%s", len(events), err, said.Bytes())
	}
	var faults []Fault
	lines := bufio.NewScanner(&out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var judged struct {
			ID    string `json:"event_id"`
			Fault string `json:"fault"`
		}
		if err := json.Unmarshal(lines.Bytes(), &judged); err != nil {
			return nil, fmt.Errorf("understand matrix-js-sdk: %w: %s", err, lines.Bytes())
		}
		e, ok := ours[judged.ID]
		if !ok {
			return nil, fmt.Errorf("understand matrix-js-sdk: it judges %s, which it was not asked about, or twice", judged.ID)
		}
		delete(ours, judged.ID)
		if judged.Fault != "" {
			faults = append(faults, Fault{Event: e, Why: judged.Fault})
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("understand matrix-js-sdk: %w", err)
	}
	if len(ours) > 0 {
		return nil, errors.New("understand matrix-js-sdk: it has not judged all events")
	}
	return faults, nil
}
