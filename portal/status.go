package portal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// Feedback says how people learn what became of what they wrote.
type Feedback struct {
	// Statuses posts an event for each message, which clients that know it show as a mark (com.beeper.message_send_status).
	Statuses bool
	// Notices answers a message that was not sent, or not in time, with a notice.
	Notices bool
	// Receipts shows a message as read by the bot when WhatsApp has taken it.
	Receipts bool
	// Delay is after what wait a message is said to be delayed, and Late how long after it was written a message is sent
	// with a mark that says so.
	Delay, Late time.Duration
}

// The least waits of which people are told.
const (
	standardDelay = 30 * time.Second
	standardLate  = 10 * time.Minute
)

// WithStandardTimes fills in the times that are not set.
func (f Feedback) WithStandardTimes() Feedback {
	if f.Delay <= 0 {
		f.Delay = standardDelay
	}
	if f.Late <= 0 {
		f.Late = standardLate
	}
	return f
}

// networkName is how statuses call WhatsApp.
const networkName = "whatsapp"

// verdict is what a status says about an event.
type verdict struct {
	occasion string // makes a repeat of the status recognisable
	status   event.MessageStatus
	reason   event.MessageStatusReason
	code     string // for programs
	text     string // for people
	// while and unless are as in outbox.SendStatus; unless is the occasion of another verdict.
	while, unless string
	// delivered lists who has got it; nil where nobody will tell.
	delivered *[]id.UserID
}

// status adds the status of an event.
func (p *Portals) status(ctx context.Context, room id.RoomID, about id.EventID, v verdict) error {
	if !p.cfg.Feedback.Statuses {
		return nil
	}
	a := outbox.SendStatus{Room: room, Txn: statusTxn(about, v.occasion), While: v.while, Content: event.BeeperMessageStatusEventContent{
		Network: networkName, RelatesTo: event.RelatesTo{Type: event.RelReference, EventID: about},
		Status: v.status, Reason: v.reason, InternalError: v.code, Message: v.text, DeliveredToUsers: v.delivered,
	}}
	if v.unless != "" {
		a.Unless = statusTxn(about, v.unless)
	}
	return p.out.SendStatus(ctx, a)
}

func statusTxn(about id.EventID, occasion string) string { return about.String() + "-" + occasion }

// Occasions of statuses.
const (
	occasionPending   = "pending"
	occasionSent      = "sent"
	occasionDelivered = "delivered"
)

// Refused tells a Matrix user, in the room and as a reply, why their event had no effect on WhatsApp.
func (p *Portals) Refused(ctx context.Context, evt *event.Event, r *queue.Reject) error {
	return p.notSent(ctx, evt.RoomID, evt.ID, inbox.SendFailed{Code: r.Code, Text: r.Text})
}

// SendFailed decides about a message that will not reach WhatsApp.
func (p *Portals) SendFailed(ctx context.Context, in inbox.SendFailed) error {
	portal, msg, err := p.sentFrom(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && msg.Event == "" {
		return queue.Dead(fmt.Errorf("tell about message %s: no event shows it: %s", in.Message.ID, in.Code))
	} else if err != nil {
		return err
	}
	parts, err := p.db.CountMessagesOfEvent(ctx, msg.Event)
	if err != nil {
		return err
	}
	if parts > 1 {
		in.Text = "This was sent to WhatsApp only in part. " + in.Text
	}
	if err := p.notSent(ctx, portal.RoomID, msg.Event, in); err != nil || !p.cfg.Feedback.Notices {
		return err
	}
	return p.out.RemoveNotice(ctx, portal.RoomID, outbox.RemoveNotice{Name: delayNotice(msg.Event)})
}

// SentOtherwise tells the sender of a message that it reached WhatsApp in another form than they may expect.
func (p *Portals) SentOtherwise(ctx context.Context, in inbox.SentOtherwise) error {
	portal, msg, err := p.sentFrom(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && (msg.Event == "" || !p.cfg.Feedback.Notices) {
		return nil
	} else if err != nil {
		return err
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: portal.RoomID, Txn: "otherwise-" + in.Message.ID + "-" + msg.Event.String(), Text: in.Text, ReplyTo: msg.Event,
	})
}

// sentFrom finds a message from Matrix and its portal.
func (p *Portals) sentFrom(ctx context.Context, key database.MessageKey) (database.Portal, database.Message, error) {
	portal, err := p.db.PortalByID(ctx, key.Portal)
	if err != nil {
		return portal, database.Message{}, err
	}
	msg, err := p.db.MessageByKey(ctx, key)
	return portal, msg, err
}

// notSent says why an event was not sent, in each form that people want.
func (p *Portals) notSent(ctx context.Context, room id.RoomID, about id.EventID, why inbox.SendFailed) error {
	status, reason := blame(why.Code)
	err := p.status(ctx, room, about, verdict{
		occasion: why.Code + why.Occasion, status: status, reason: reason, code: why.Code, text: why.Text,
	})
	if err != nil || !p.cfg.Feedback.Notices {
		return err
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: room, Txn: "status-" + why.Code + why.Occasion + "-" + about.String(), Text: why.Text, ReplyTo: about,
	})
}

// blame says which of the known reasons a code stands for, and whether sending again may help.
func blame(code string) (event.MessageStatus, event.MessageStatusReason) {
	switch code {
	case "unsupported", "empty", "unsupported_chat", "unknown_message", "edit_of_removed", "edit_too_late", "removed_too_late", "cannot_undo",
		"edit_of_poll", "poll_option", "poll_options", "poll_question", "no_secret", "no_place", "edit_of_place", "too_long",
		"unsupported_file", "too_large", "broken_file":
		return event.MessageStatusFail, event.MessageStatusUnsupported
	case "encrypted":
		return event.MessageStatusFail, event.MessageStatusUndecryptable
	case "not_allowed", "edit_of_other", "message_of_other", "reaction_of_other", "vote_of_other", "poll_of_other":
		return event.MessageStatusFail, event.MessageStatusNoPermission
	case "refused", "unknown_recipient", "not_in_group":
		return event.MessageStatusFail, event.MessageStatusNetworkError
	case "not_logged_in", "logged_out", "replaced", "banned":
		return event.MessageStatusRetriable, event.MessageStatusBridgeUnavailable
	case "not_connected", "too_old":
		return event.MessageStatusRetriable, event.MessageStatusTooOld
	}
	return event.MessageStatusRetriable, event.MessageStatusGenericError
}

// delayNotice names the notice that says of an event that it waits.
func delayNotice(about id.EventID) string { return "delayed/" + about.String() }

// SendDelayed decides about a message that has been waiting for long. Each gets a status, but only the first of its chat
// a notice. Both are of no use any more when the message is sent before they are.
func (p *Portals) SendDelayed(ctx context.Context, in inbox.SendDelayed) error {
	portal, msg, err := p.sentFrom(ctx, in.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && msg.Event == "" {
		return nil
	} else if err != nil {
		return err
	}
	login, err := p.db.LoginByID(ctx, in.Login)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	text := "WhatsApp has not taken this message yet. The bridge keeps trying; you need not send it again."
	if err != nil || login.State != database.StateConnected {
		text = "WhatsApp is not connected at the moment. This message is sent as soon as it is; you need not send it again."
	}
	err = p.status(ctx, portal.RoomID, msg.Event, verdict{
		occasion: occasionPending, status: event.MessageStatusPending, code: "delayed", text: text, while: in.Action,
	})
	if err != nil || !in.First || !p.cfg.Feedback.Notices {
		return err
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: portal.RoomID, Txn: delayNotice(msg.Event), Name: delayNotice(msg.Event), Text: text, ReplyTo: msg.Event, While: in.Action,
	})
}

// Accepted decides what to say about a message that WhatsApp has taken, having waited in the outbox. It belongs into the
// transaction that closes the action.
func (p *Portals) Accepted(ctx context.Context, a outbox.SendWhatsApp, waited time.Duration) error {
	want := p.cfg.Feedback
	late := time.Duration(0)
	if !a.Written.IsZero() {
		late = time.Since(a.Written)
	}
	if !want.Statuses && !want.Receipts && waited < want.Delay && late < want.Late {
		return nil // most messages, and nothing is read for them
	}
	portal, msg, err := p.sentFrom(ctx, a.Message)
	if errors.Is(err, database.ErrNotFound) || err == nil && msg.Event == "" {
		return nil
	} else if err != nil {
		return err
	}
	said := verdict{occasion: occasionSent, status: event.MessageStatusSuccess, unless: occasionDelivered}
	if portal.IsDirect() {
		said.delivered = &[]id.UserID{}
	}
	if late >= want.Late {
		said.text = fmt.Sprintf("This was sent to WhatsApp only now, %s after it was written.", inWords(late))
	}
	if err := p.status(ctx, portal.RoomID, msg.Event, said); err != nil {
		return err
	}
	if want.Receipts {
		if err := p.out.MarkRead(ctx, outbox.MarkRead{Room: portal.RoomID, Event: msg.Event}); err != nil {
			return err
		}
	}
	return p.waitIsOver(ctx, portal.RoomID, msg.Event, said.text, waited)
}

// waitIsOver takes back the notice of a delay. Who sees no statuses is told how late the message was.
func (p *Portals) waitIsOver(ctx context.Context, room id.RoomID, about id.EventID, text string, waited time.Duration) error {
	want := p.cfg.Feedback
	if !want.Notices {
		return nil
	}
	if waited >= want.Delay {
		if err := p.out.RemoveNotice(ctx, room, outbox.RemoveNotice{Name: delayNotice(about)}); err != nil {
			return err
		}
	}
	if text == "" || want.Statuses {
		return nil
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{Room: room, Txn: "late-" + about.String(), Text: text, ReplyTo: about})
}

// inWords says how long something took, as people do.
func inWords(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d minutes", int(d.Minutes()))
}

// ShowFailed decides about a message from WhatsApp that could not be shown: those in its room are told that there is
// one. A long message may lack only a part.
func (p *Portals) ShowFailed(ctx context.Context, in inbox.ShowFailed) error {
	portal, err := p.db.PortalByID(ctx, in.Message.Portal)
	if errors.Is(err, database.ErrNotFound) || err == nil && portal.RoomID == "" {
		return nil // there is nowhere to say it; the dead letter is listed
	} else if err != nil {
		return err
	}
	sender, err := p.db.PuppetByID(ctx, in.Message.Sender)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	msg, err := p.db.MessageByKey(ctx, in.Message)
	if err != nil && !errors.Is(err, database.ErrNotFound) {
		return err
	}
	what := "A message"
	switch {
	case msg.Kind == database.KindEdit:
		what = "An edit"
	case msg.Kind == database.KindReaction:
		what = "A reaction"
	case msg.Kind == database.KindAnswer:
		what = "A vote or another answer"
	case msg.Kind == database.KindRedaction:
		what = "The removal of a message"
	case strings.Contains(in.Message.ID, "#"):
		what = "A part of a long message"
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: portal.RoomID, Txn: fmt.Sprintf("unshown-%d", in.Entry),
		Text: fmt.Sprintf("%s from %s could not be shown here. Look at it in WhatsApp on your phone; the bridge's administrator finds it as dead letter %d.",
			what, sender.Name, in.Entry),
	})
}
