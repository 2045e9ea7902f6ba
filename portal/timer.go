package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

// timerFromWhatsApp decides about a new timer for disappearing messages: it is kept, shown as state and said in words.
func (p *Portals) timerFromWhatsApp(ctx context.Context, s said, t convert.Timer) error {
	row := s.row(database.KindMessage)
	content := convert.TimerNotice(t.After)
	row.Quote = convert.Quote(content.Body)
	isNew, err := p.db.AddMessage(ctx, row)
	if err != nil || !isNew {
		return err
	}
	if t.Set.IsZero() || t.Set.After(s.at()) {
		t.Set = s.at()
	}
	before := s.portal.Timer
	if isNew, err = p.setTimer(ctx, s.portal, t); err != nil || !isNew || before == t.After {
		return err
	}
	if err := p.ensureShown(ctx, s); err != nil {
		return err
	}
	return p.post(ctx, showing{row: row, as: s.sender.UserID}, event.EventMessage, content)
}

// setTimer records a chat's timer and shows it as state, unless a later one is known. It reports whether it did.
func (p *Portals) setTimer(ctx context.Context, portal database.Portal, t convert.Timer) (bool, error) {
	if t.Set.Unix() < portal.TimerSet.Unix() { // WhatsApp's times are in seconds
		return false, nil
	}
	if err := p.db.SetPortalTimer(ctx, portal.ID, t.After, t.Set); err != nil {
		return false, err
	}
	if t.After == portal.Timer {
		return true, nil
	}
	return true, p.setState(ctx, portal.ID, event.StateBeeperDisappearingTimer, convert.TimerToMatrix(t.After))
}

// groupTimer decides about the timer that a login learned of a group. Who changed it says so in the room.
func (p *Portals) groupTimer(ctx context.Context, portal database.Portal, in inbox.GroupChanged) error {
	seconds := in.Timer
	if in.Whole != nil {
		seconds = &in.Whole.Timer
	}
	if seconds == nil || in.Whole != nil && time.Duration(*seconds)*time.Second == portal.Timer {
		return nil
	}
	t := convert.Timer{After: time.Duration(*seconds) * time.Second, Set: in.At}
	if t.Set.IsZero() {
		t.Set = time.Now()
	}
	isNew, err := p.setTimer(ctx, portal, t)
	if err != nil || !isNew || t.After == portal.Timer || in.Whole != nil {
		return err
	}
	as := p.cfg.Bot
	if member := named([]inbox.GroupMember{memberOf(in.By)}); len(member) > 0 {
		by, err := p.people.Ensure(ctx, member[0].LID, member[0].PN, "")
		if err != nil {
			return err
		}
		as = by.UserID
	}
	raw, err := withFields(convert.TimerNotice(t.After), nil)
	if err != nil {
		return fmt.Errorf("encode a notice: %w", err)
	}
	return p.out.SendEvent(ctx, outbox.SendEvent{
		Portal: portal.ID, As: as, Type: event.EventMessage.Type, Content: raw, Txn: fmt.Sprintf("timer-%d-%d-%d", portal.ID, t.Set.Unix(), *seconds), Sent: in.At,
	})
}

// vanishes notes when a message from WhatsApp disappears: its own timer counts from when it was sent, for whoever sent it
// and whoever gets it. In a direct chat it also tells the chat's timer to who missed the change of that.
func (p *Portals) vanishes(ctx context.Context, s said, row database.Message) error {
	t, ok := convert.TimerOf(s.msg)
	if !ok {
		return nil
	}
	if s.portal.IsDirect() && t.Set.After(s.portal.TimerSet) && !t.Set.After(s.at().Add(time.Minute)) {
		if _, err := p.setTimer(ctx, s.portal, t); err != nil {
			return err
		}
	}
	return p.vanishAfter(ctx, row.MessageKey, row.Sent, t.After)
}

func (p *Portals) vanishAfter(ctx context.Context, key database.MessageKey, sent time.Time, after time.Duration) error {
	if after <= 0 || p.cfg.Life.KeepVanished {
		return nil
	}
	return p.db.PutTimer(ctx, database.Timer{Kind: database.TimerVanish, Message: key, Due: sent.Add(after)})
}

// timed lets a message from Matrix disappear as the chat, or its event, wants it.
func (p *Portals) timed(ctx context.Context, portal database.Portal, key database.MessageKey, evt *event.Event, s sending) (*waE2E.Message, error) {
	if s.kind != database.KindMessage && s.kind != database.KindAlbum {
		return s.msg, nil
	}
	t := convert.Timer{After: portal.Timer, Set: portal.TimerSet}
	if own, ok := convert.TimerFromMatrix(evt.Content.AsMessage()); ok {
		t = own
	}
	if s.kind == database.KindMessage {
		if err := p.vanishAfter(ctx, key, timestamp(evt), t.After); err != nil {
			return nil, err
		}
	}
	return convert.SetTimer(s.msg, t), nil
}

// TimerDue decides about a message whose time has come.
func (p *Portals) TimerDue(ctx context.Context, t database.Timer) error {
	switch t.Kind {
	case database.TimerVanish:
		return p.vanish(ctx, t.Message)
	case database.TimerUnpin:
		return p.unpin(ctx, t.Message)
	}
	return nil
}

// vanish removes a message and all that it ever was: its parts and its edits.
func (p *Portals) vanish(ctx context.Context, key database.MessageKey) error {
	row, err := p.db.MessageByKey(ctx, key)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Kept || p.cfg.Life.KeepVanished {
		return nil
	} else if err != nil {
		return err
	}
	all, err := p.allOf(ctx, row)
	if err != nil {
		return err
	}
	if err := p.db.RemoveLostFile(ctx, key); err != nil {
		return err
	}
	gone := map[id.EventID]bool{}
	for _, part := range all {
		if err := p.db.RemoveMessage(ctx, part.MessageKey); err != nil {
			return err
		}
		if part.Event != "" && gone[part.Event] {
			continue // one event may be several messages
		}
		gone[part.Event] = true
		as, err := p.remover(ctx, part)
		if err != nil {
			return err
		}
		if err := p.remove(ctx, removal{row: part, as: as, reason: "Disappeared"}); err != nil {
			return err
		}
	}
	return nil
}

// allOf lists a message with its parts and edits, whether or not they are shown.
func (p *Portals) allOf(ctx context.Context, row database.Message) ([]database.Message, error) {
	list := []database.Message{row}
	for n := 2; ; n++ {
		part := row.MessageKey
		part.ID = partID(row.ID, n)
		next, err := p.db.MessageByKey(ctx, part)
		if errors.Is(err, database.ErrNotFound) {
			break
		} else if err != nil {
			return nil, err
		}
		list = append(list, next)
	}
	about, err := p.db.MessagesAbout(ctx, row.Portal, row.ID)
	if err != nil {
		return nil, err
	}
	for _, edit := range about {
		if edit.Kind == database.KindEdit && edit.Sender == row.Sender {
			list = append(list, edit)
		}
	}
	return list, nil
}

// keepFromWhatsApp decides about a disappearing message that is to stay, or not any more.
func (p *Portals) keepFromWhatsApp(ctx context.Context, s said, keep convert.Keep) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindPin))
	if err != nil || !isNew {
		return err
	}
	target, err := p.target(ctx, s, keep.Target)
	if err != nil {
		return err
	}
	row, err := p.find(ctx, target)
	if errors.Is(err, database.ErrNotFound) || err == nil && row.Removed {
		return nil
	} else if err != nil {
		return err
	}
	if err := p.db.KeepMessage(ctx, row.MessageKey, keep.On); err != nil || keep.On || s.portal.Timer == 0 {
		return err
	}
	return p.vanishAfter(ctx, row.MessageKey, row.Sent, s.portal.Timer)
}
