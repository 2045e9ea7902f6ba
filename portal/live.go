package portal

import (
	"context"
	"errors"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/convert"
	"causeway/database"
	"causeway/queue"
)

// How often a live location moves on the other side.
const (
	// livePause is the least time between two edits of a live location from WhatsApp.
	livePause = 15 * time.Second
	// beaconPause is the least time between two places of a live location from Matrix: each is a message on WhatsApp.
	beaconPause = 5 * time.Minute
)

// Endings of the rows that keep what a person shares right now, under an ID that no message has.
const (
	idLive   = "#live"
	idBeacon = "#beacon"
)

// sharing is a live location that a person shares in a chat.
type sharing struct {
	// Message is the first message of it, Event the one that began it on Matrix.
	Message types.MessageID `json:"message,omitempty"`
	Event   id.EventID      `json:"event,omitempty"`
	About   string          `json:"about,omitempty"`
	Began   time.Time       `json:"began"`
	Until   time.Time       `json:"until,omitzero"`
	Moved   time.Time       `json:"moved,omitzero"`
}

// sharingOf returns what a person shares in a chat, under one of the IDs above; ErrNotFound when nothing.
func (p *Portals) sharingOf(ctx context.Context, portal database.PortalID, who database.PuppetID, as types.MessageID) (sharing, error) {
	q, err := p.db.QuestionByKey(ctx, database.MessageKey{Portal: portal, ID: as, Sender: who})
	if err != nil {
		return sharing{}, err
	}
	return readQuestion[sharing](q)
}

func (p *Portals) putSharing(ctx context.Context, portal database.PortalID, who database.PuppetID, as types.MessageID, s sharing) error {
	q, err := newQuestion(database.MessageKey{Portal: portal, ID: as, Sender: who}, database.QuestionLive, s)
	if err != nil {
		return err
	}
	return p.db.PutQuestion(ctx, q)
}

// liveFromWhatsApp reads which message an update of a live location moves; it reports false when the message is none, or
// the start is not known.
func (p *Portals) liveFromWhatsApp(ctx context.Context, s said) (target types.MessageID, isUpdate bool, err error) {
	since, isUpdate := convert.LiveUpdateFromWhatsApp(s.msg)
	if !isUpdate {
		return "", false, nil
	}
	shared, err := p.sharingOf(ctx, s.portal.ID, s.sender.ID, idLive)
	if errors.Is(err, database.ErrNotFound) {
		return "", false, nil
	} else if err != nil {
		return "", false, err
	}
	began := s.at().Add(-since)
	return shared.Message, began.Sub(shared.Began).Abs() < 2*time.Minute, nil
}

// moveOnWhatsApp shows a live location in its new place, by an edit, but not for each step.
func (p *Portals) moveOnWhatsApp(ctx context.Context, s said, target types.MessageID) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindEdit))
	if err != nil || !isNew {
		return err
	}
	shared, err := p.sharingOf(ctx, s.portal.ID, s.sender.ID, idLive)
	if err != nil || s.at().Sub(shared.Moved) < livePause {
		return err
	}
	key := database.MessageKey{Portal: s.portal.ID, ID: target, Sender: s.sender.ID}
	row, err := p.db.MessageByKey(ctx, key)
	if errors.Is(err, database.ErrNotFound) || err == nil && (row.Removed || row.FromMatrix) {
		return nil
	} else if err != nil {
		return err
	}
	content := convert.ToMatrix(s.msg)
	if err := p.db.EditMessage(ctx, key, s.at(), convert.Quote(content.Body)); err != nil {
		return err
	}
	shared.Moved = s.at()
	if err := p.putSharing(ctx, s.portal.ID, s.sender.ID, idLive, shared); err != nil {
		return err
	}
	return p.replace(ctx, s, row, convert.Split(content))
}

// noteLive writes down that somebody begins to share where they are.
func (p *Portals) noteLive(ctx context.Context, s said) error {
	if place, ok := convert.PlaceFromWhatsApp(s.msg); !ok || !place.Live {
		return nil
	}
	return p.putSharing(ctx, s.portal.ID, s.sender.ID, idLive, sharing{Message: s.in.Info.ID, Began: s.at(), Moved: s.at()})
}

// beaconFromMatrix decides about the start or end of a live location, or a place of it. WhatsApp lets linked devices share
// no live ones, so each place is a message of its own, and not each goes there.
func (p *Portals) beaconFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	login, err := p.speaker(ctx, portal, evt, 0)
	if errors.Is(err, errSilent) {
		return nil
	} else if err != nil {
		return err
	}
	shared, err := p.sharingOf(ctx, portal.ID, login.Puppet, idBeacon)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	if evt.StateKey != nil {
		return p.beginOrEnd(ctx, portal, login, evt, shared)
	}
	place, began, ok := convert.BeaconFromMatrix(evt.Content.VeryRaw)
	switch {
	case !ok:
		return unsupported(convert.Refusal{Code: "no_place", Text: "This was not sent to WhatsApp: it does not say where you are in a way that the bridge understands."})
	case began == "" || began != shared.Event || timestamp(evt).After(shared.Until):
		return &queue.Reject{Code: "unknown_message", Text: "This was not sent to WhatsApp: you do not share your location here any more. Begin anew."}
	case timestamp(evt).Sub(shared.Moved) < beaconPause:
		return nil
	}
	msg := convert.BeaconToWhatsApp(place, shared.About)
	shared.Moved = timestamp(evt)
	if shared.Message == "" {
		shared.Message = messageID(login.ID, evt.ID)
	} else if msg, err = p.aboutShared(ctx, login, shared, msg); err != nil {
		return err
	}
	if err := p.putSharing(ctx, portal.ID, login.Puppet, idBeacon, shared); err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{msg: msg, quote: textLive})
}

const (
	textLive      = "📍 Live location"
	textLiveEnded = "📍 My live location has ended."
)

// aboutShared makes a message the answer to the first one of a live location.
func (p *Portals) aboutShared(ctx context.Context, login database.Login, shared sharing, msg *waE2E.Message) (*waE2E.Message, error) {
	own, err := p.ownName(ctx, login)
	return convert.ReplyToWhatsApp(msg, convert.Reply{ID: shared.Message, Participant: own, Quote: textLive}), err
}

// beginOrEnd decides about the state event that begins or ends a live location. That it ends is said on WhatsApp if it has
// been seen there.
func (p *Portals) beginOrEnd(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, shared sharing) error {
	info := convert.BeaconInfoFromMatrix(evt.Content.VeryRaw, timestamp(evt))
	if info.Live {
		return p.putSharing(ctx, portal.ID, login.Puppet, idBeacon, sharing{
			Event: evt.ID, About: info.Description, Began: timestamp(evt), Until: info.Until,
		})
	}
	if err := p.putSharing(ctx, portal.ID, login.Puppet, idBeacon, sharing{}); err != nil || shared.Message == "" {
		return err
	}
	msg, err := p.aboutShared(ctx, login, shared, convert.TextToWhatsApp(textLiveEnded))
	if err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{msg: msg, quote: textLiveEnded})
}
