package rig

import (
	"strings"

	"maunium.net/go/mautrix/id"

	"causeway/e2e/render"
)

// Said lists all events that people have seen in their rooms, each room in the order in which it came, and marks those that the
// bridge has sent: by its bot or by a ghost.
func (r *Rig) Said() []render.Event {
	var events []render.Event
	known := map[id.EventID]bool{}
	for _, p := range r.people {
		for _, seen := range p.All() {
			if known[seen.ID] {
				continue
			}
			known[seen.ID] = true
			events = append(events, render.Event{
				Room: seen.RoomID.String(), ID: seen.ID.String(), Sender: seen.Sender.String(), Type: seen.Type.Type, StateKey: seen.StateKey,
				Redacts: seen.Redacts.String(), Time: seen.Timestamp, Content: seen.Content.VeryRaw,
				Ours: seen.Sender == Bot || strings.HasPrefix(seen.Sender.String(), "@whatsapp_"),
			})
		}
	}
	return events
}
