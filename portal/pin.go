package portal

import (
	"context"
	"errors"
	"slices"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/outbox"
)

// pinFromWhatsApp decides about a message that is pinned, or not any more.
func (p *Portals) pinFromWhatsApp(ctx context.Context, s said, pin convert.Pin) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindPin))
	if err != nil || !isNew {
		return err
	}
	target, err := p.target(ctx, s, pin.Target)
	if err != nil {
		return err
	}
	row, err := p.find(ctx, target)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Removed {
		return nil // older than the bridge, or gone: there is nothing that could be pinned
	} else if err != nil {
		return err
	}
	before, err := p.db.PinOf(ctx, row.MessageKey)
	known := err == nil
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	if known && s.at().Unix() < before.Set.Unix() { // WhatsApp's times are in seconds
		return nil
	}
	return p.pin(ctx, row.MessageKey, convert.Pin{On: pin.On, For: pin.For, At: s.at()})
}

// pin writes down whether a message is pinned, shows it, and plans when that ends.
func (p *Portals) pin(ctx context.Context, key database.MessageKey, pin convert.Pin) error {
	if err := p.notePin(ctx, key, pin); err != nil {
		return err
	}
	return p.out.Pin(ctx, outbox.Pin{Portal: key.Portal, Message: key, On: pin.On})
}

func (p *Portals) notePin(ctx context.Context, key database.MessageKey, pin convert.Pin) error {
	if err := p.db.PutPin(ctx, database.Pin{Message: key, Pinned: pin.On, Set: pin.At}); err != nil {
		return err
	}
	if !pin.On || pin.For <= 0 {
		return p.db.RemoveTimer(ctx, database.TimerUnpin, key)
	}
	return p.db.PutTimer(ctx, database.Timer{Kind: database.TimerUnpin, Message: key, Due: pin.At.Add(pin.For)})
}

// unpin decides about a pin whose time is over: on WhatsApp it ends by itself.
func (p *Portals) unpin(ctx context.Context, key database.MessageKey) error {
	pin, err := p.db.PinOf(ctx, key)
	if errors.Is(err, database.ErrNotFound) || err == nil && !pin.Pinned {
		return nil
	} else if err != nil {
		return err
	}
	return p.pin(ctx, key, convert.Pin{At: time.Now()})
}

// maxPins is how many messages one change of a room may pin or unpin on WhatsApp, which shows three.
const maxPins = 20

// PinsChanged decides about a Matrix user's change of what is pinned in a room.
func (p *Portals) PinsChanged(ctx context.Context, evt *event.Event) error {
	portal, err := p.db.PortalByRoom(ctx, evt.RoomID)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	changes, err := p.pinChanges(ctx, portal, evt)
	if err != nil || len(changes) == 0 {
		return err
	}
	login, err := p.speaker(ctx, portal, evt, 0)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	for _, c := range changes {
		pin := convert.Pin{On: c.on, For: convert.PinLifetime, At: timestamp(evt)}
		if err := p.notePin(ctx, c.row.MessageKey, pin); err != nil {
			return err
		}
		if pin.Target, err = p.keyFor(ctx, portal, login, c.row); err != nil {
			return err
		}
		after, err := p.sentBefore(ctx, login, c.row)
		if err != nil {
			return err
		}
		err = p.send(ctx, portal, login, evt, sending{
			kind: database.KindPin, msg: convert.PinToWhatsApp(portal.Chat, pin), name: "#pin#" + c.row.ID, after: after,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

type pinChange struct {
	row database.Message
	on  bool
}

// pinChanges compares what is pinned in a room now with what was before the event, and with what is on WhatsApp.
func (p *Portals) pinChanges(ctx context.Context, portal database.Portal, evt *event.Event) ([]pinChange, error) {
	now := evt.Content.AsPinnedEvents().Pinned
	before, known := pinnedBefore(evt)
	var changes []pinChange
	add := func(target id.EventID, on bool) error {
		row, err := p.shownBy(ctx, portal, target)
		if errors.Is(err, database.ErrNotFound) || err == nil && (row.Kind != database.KindMessage || row.Removed) {
			return nil // it is not on WhatsApp
		} else if err != nil {
			return err
		}
		pin, err := p.db.PinOf(ctx, row.MessageKey)
		if err != nil && !errors.Is(err, database.ErrNotFound) {
			return err
		}
		if pin.Pinned != on && len(changes) < maxPins && !slices.ContainsFunc(changes, func(c pinChange) bool { return c.row.MessageKey == row.MessageKey }) {
			changes = append(changes, pinChange{row, on})
		}
		return nil
	}
	if !known {
		rows, err := p.db.Pinned(ctx, portal.ID)
		if err != nil {
			return nil, err
		}
		for _, key := range rows {
			if row, err := p.db.MessageByKey(ctx, key); err == nil && row.Event != "" {
				before = append(before, row.Event)
			}
		}
	}
	for _, target := range before[:min(len(before), maxListed)] {
		if !slices.Contains(now, target) {
			if err := add(target, false); err != nil {
				return nil, err
			}
		}
	}
	for _, target := range now[:min(len(now), maxListed)] {
		if known && slices.Contains(before, target) {
			continue
		}
		if err := add(target, true); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// maxListed is how many pinned events of a room are looked at.
const maxListed = 1000

// pinnedBefore reads what was pinned before an event changed it; it reports false when the homeserver does not say.
func pinnedBefore(evt *event.Event) ([]id.EventID, bool) {
	if evt.Unsigned.PrevContent == nil || evt.Unsigned.PrevContent.Raw == nil {
		return nil, false
	}
	list, _ := evt.Unsigned.PrevContent.Raw["pinned"].([]any)
	before := make([]id.EventID, 0, len(list))
	for _, entry := range list {
		if text, ok := entry.(string); ok {
			before = append(before, id.EventID(text))
		}
	}
	return before, true
}
