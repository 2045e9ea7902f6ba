package portal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/queue"
)

// textSealedAnswer is said in the place of an answer to an event that cannot be opened.
const textSealedAnswer = "📅 I have answered the invitation, but the bridge cannot read the answer. Open WhatsApp to see it."

// attendanceFromWhatsApp decides about an answer to an event. It is written down whether or not the event has come, and is
// shown with the event; nobody is told of answers to events that the bridge has never seen.
func (p *Portals) attendanceFromWhatsApp(ctx context.Context, s said, answer convert.EventAnswer) error {
	isNew, err := p.db.AddMessage(ctx, s.row(database.KindAnswer))
	if err != nil || !isNew {
		return err
	}
	target, err := p.target(ctx, s, answer.Target)
	if err != nil {
		return err
	}
	if row, err := p.find(ctx, target); err == nil {
		target = row.MessageKey
	} else if !errors.Is(err, database.ErrNotFound) {
		return err
	}
	if target.Sender == 0 {
		return queue.Dead(fmt.Errorf("read answer %s: it says not whose event it is for", s.in.Info.ID))
	}
	old, err := p.answerOf(ctx, target, s.sender.ID)
	if err != nil || s.at().Before(old.Sent) {
		return err
	}
	now := database.Answer{Question: target, Sender: s.sender.ID, Message: s.in.Info.ID, Sealed: answer.Sealed.Payload, IV: answer.Sealed.IV, Sent: s.at()}
	if err := p.db.PutAnswer(ctx, now); err != nil {
		return err
	}
	q, err := p.db.QuestionByKey(ctx, target)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	return p.showAttendance(ctx, q, now)
}

// showAttendance opens an answer to an event and shows it as what its sender says to it.
func (p *Portals) showAttendance(ctx context.Context, q database.Question, a database.Answer) error {
	if q.Kind != database.QuestionEvent {
		return nil
	}
	by, err := p.db.PuppetByID(ctx, a.Sender)
	if err != nil {
		return fmt.Errorf("read the author of answer %s: %w", a.Message, err)
	}
	text := textSealedAnswer
	plain, err := p.open(ctx, q, convert.PurposeEvent, a)
	if err == nil {
		text, _, err = convert.AttendanceText(plain)
	}
	if err != nil && !errors.Is(err, convert.ErrSealed) {
		return queue.Dead(err)
	}
	if err == nil {
		a.Sealed, a.IV, a.Content = nil, nil, text
		if err := p.db.PutAnswer(ctx, a); err != nil {
			return err
		}
	}
	about := q.ShownAs()
	how := showing{row: database.Message{MessageKey: a.Key(), Sent: a.Sent}, as: by.UserID, about: &about}
	return p.post(ctx, how, event.EventMessage, convert.ReplyToMatrix(notice(text)))
}

// answered is what a Matrix user's reply to a question is on WhatsApp; it has no message when it is a reply like any other.
func (p *Portals) answered(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, reply *convert.Reply) (sending, error) {
	content := evt.Content.AsMessage()
	if reply == nil || content.MsgType != event.MsgText {
		return sending{}, nil
	}
	row, err := p.shownBy(ctx, portal, relation(evt).GetReplyTo())
	if errors.Is(err, database.ErrNotFound) {
		return sending{}, nil
	} else if err != nil {
		return sending{}, err
	}
	q, err := p.db.QuestionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) {
		return sending{}, nil
	} else if err != nil {
		return sending{}, err
	}
	text := event.TrimReplyFallbackText(content.Body)
	switch q.Kind {
	case database.QuestionButtons:
		menu, err := readQuestion[convert.Menu](q)
		if err != nil {
			return sending{}, err
		}
		if choice, ok := menu.Choose(text); ok {
			return sending{msg: menu.ChoiceToWhatsApp(choice, *reply), quote: choice.Label}, nil
		}
	case database.QuestionEvent:
		if attendance, ok := convert.AttendanceOf(text); ok {
			msg, err := p.attend(ctx, portal, login, evt, attending{q, row, attendance})
			return sending{kind: database.KindAnswer, msg: msg}, err
		}
	}
	return sending{}, nil
}

// attending is an answer to an event that goes to WhatsApp.
type attending struct {
	q      database.Question
	row    database.Message
	answer convert.Attendance
}

// attend writes down and makes the answer to an event.
func (p *Portals) attend(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, a attending) (*waE2E.Message, error) {
	seal, err := p.sealFor(ctx, a.q, convert.PurposeEvent, login)
	if err != nil {
		return nil, err
	}
	target, err := p.keyFor(ctx, portal, login, a.row)
	if err != nil {
		return nil, err
	}
	now := database.Answer{Question: a.row.MessageKey, Sender: login.Puppet, Message: messageID(login.ID, evt.ID), Content: string(a.answer), Sent: timestamp(evt)}
	if err := p.db.PutAnswer(ctx, now); err != nil {
		return nil, err
	}
	return convert.AttendanceToWhatsApp(portal.Chat, target, seal, evt.ID.String(), a.answer, timestamp(evt))
}

// reactedToEvent answers an event by a reaction, if that is an answer; it reports false when it is a reaction like any
// other.
func (p *Portals) reactedToEvent(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message) (bool, error) {
	attendance, ok := convert.AttendanceOf(evt.Content.AsReaction().RelatesTo.Key)
	if !ok {
		return false, nil
	}
	q, err := p.db.QuestionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) || err == nil && q.Kind != database.QuestionEvent {
		return false, nil
	} else if err != nil {
		return false, err
	}
	msg, err := p.attend(ctx, portal, login, evt, attending{q, row, attendance})
	if err != nil {
		return false, err
	}
	return true, p.send(ctx, portal, login, evt, sending{kind: database.KindAnswer, msg: msg})
}

// inviteHint says how an invitation to a group is accepted.
func (p *Portals) inviteHint(kind database.QuestionKind, asked any, content *event.MessageEventContent) *event.MessageEventContent {
	invitation, ok := asked.(convert.Invitation)
	if !ok || kind != database.QuestionInvite || content == nil {
		return content
	}
	hint := "To join, reply to this message with “" + p.cfg.Prefix + " accept”."
	if invitation.IsOver(time.Now()) {
		hint = "It has expired: ask for another one."
	}
	hinted := *content
	hinted.Body += "\n" + hint
	if hinted.FormattedBody != "" {
		hinted.FormattedBody += "<br>" + hint
	}
	return &hinted
}
