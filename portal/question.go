package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/queue"
)

// questionOf reads what a message asks for an answer of a certain form; nil when it asks nothing.
func questionOf(msg *waE2E.Message) (database.QuestionKind, any) {
	if poll, ok := convert.PollFromWhatsApp(msg); ok {
		return database.QuestionPoll, poll
	}
	if made, ok := convert.GatheringFromWhatsApp(msg); ok {
		return database.QuestionEvent, made
	}
	if made, ok := convert.InvitationFromWhatsApp(msg); ok {
		return database.QuestionInvite, made
	}
	if menu, ok := convert.MenuFromWhatsApp(msg); ok {
		return database.QuestionButtons, menu
	}
	return "", nil
}

// present shows a message, whose row is there, writes down what it asks, and shows what was answered before it came.
func (p *Portals) present(ctx context.Context, s said, how showing, content *event.MessageEventContent) error {
	if err := p.noteLive(ctx, s); err != nil {
		return err
	}
	kind, asked := questionOf(s.msg)
	if asked == nil {
		return p.show(ctx, how, convert.Split(content))
	}
	content = p.inviteHint(kind, asked, content)
	q, err := newQuestion(how.row.MessageKey, kind, asked)
	if err != nil {
		return err
	}
	q.Author, q.Secret, q.Shown = s.in.Info.Sender.ToNonAD(), convert.SecretOf(s.msg), how.row.ID
	if err := p.db.PutQuestion(ctx, q); err != nil {
		return err
	}
	if poll, ok := asked.(convert.Poll); ok {
		err = p.post(ctx, how, event.EventUnstablePollStart, convert.PollToMatrix(poll, content))
	} else {
		err = p.show(ctx, how, convert.Split(content))
	}
	if err != nil {
		return err
	}
	return p.showAnswers(ctx, q)
}

// fillQuestion writes down what a message asks that has come after all. An event that holds a message's place cannot
// become a poll, which is an event of another type: the poll is a further part of the message.
func (p *Portals) fillQuestion(ctx context.Context, s said, row database.Message) error {
	kind, asked := questionOf(s.msg)
	if asked == nil {
		return nil
	}
	q, err := newQuestion(row.MessageKey, kind, asked)
	if err != nil {
		return err
	}
	q.Author, q.Secret = s.in.Info.Sender.ToNonAD(), convert.SecretOf(s.msg)
	if poll, ok := asked.(convert.Poll); ok {
		part := database.Message{MessageKey: row.MessageKey, Sent: s.at()}
		part.ID = partID(row.ID, 2)
		if _, err := p.db.AddMessage(ctx, part); err != nil {
			return err
		}
		text := &event.MessageEventContent{Body: poll.Text()}
		err := p.post(ctx, showing{row: part, as: s.sender.UserID}, event.EventUnstablePollStart, convert.PollToMatrix(poll, text))
		if err != nil {
			return err
		}
		q.Shown = part.ID
	}
	if err := p.db.PutQuestion(ctx, q); err != nil {
		return err
	}
	return p.showAnswers(ctx, q)
}

func newQuestion(key database.MessageKey, kind database.QuestionKind, asked any) (database.Question, error) {
	raw, err := json.Marshal(asked)
	if err != nil {
		return database.Question{}, fmt.Errorf("encode question %s: %w", key.ID, err)
	}
	return database.Question{MessageKey: key, Kind: kind, Shown: key.ID, Content: string(raw)}, nil
}

// readQuestion reads what a question asks.
func readQuestion[T any](q database.Question) (asked T, err error) {
	if err := json.Unmarshal([]byte(q.Content), &asked); err != nil {
		return asked, queue.Dead(fmt.Errorf("decode question %s: %w", q.ID, err))
	}
	return asked, nil
}

// asked finds the question that an event of a Matrix user is about, and the login by which they answer.
func (p *Portals) asked(ctx context.Context, portal database.Portal, evt *event.Event, kind database.QuestionKind) (database.Question, database.Login, error) {
	row, login, err := p.changeable(ctx, portal, evt, convert.PollReference(evt.Content.VeryRaw))
	if err != nil {
		return database.Question{}, login, err
	}
	q, err := p.db.QuestionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) || err == nil && (q.Kind != kind || row.Removed) {
		err = &queue.Reject{Code: "unknown_message", Text: "This was not sent to WhatsApp: the message that it is about is not there."}
	}
	return q, login, err
}

// answerOf returns a person's last answer to a question; one without a message when there is none.
func (p *Portals) answerOf(ctx context.Context, question database.MessageKey, sender database.PuppetID) (database.Answer, error) {
	a, err := p.db.AnswerOf(ctx, question, sender)
	if errors.Is(err, database.ErrNotFound) {
		return database.Answer{}, nil
	}
	return a, err
}

// supersede removes the event of an earlier answer of somebody who has answered anew from the other side: else they would
// be counted twice, as themselves and as their ghost.
func (p *Portals) supersede(ctx context.Context, old database.Answer, fromMatrix bool) error {
	if old.Message == "" {
		return nil
	}
	row, err := p.db.MessageByKey(ctx, old.Key())
	if errors.Is(err, database.ErrNotFound) || err == nil && (row.FromMatrix == fromMatrix || row.Removed) {
		return nil
	} else if err != nil {
		return err
	}
	as, err := p.remover(ctx, row)
	if err != nil {
		return err
	}
	if err := p.db.RemoveMessage(ctx, row.MessageKey); err != nil {
		return err
	}
	return p.remove(ctx, removal{row: row, as: as})
}

// open opens a sealed answer. Each person goes by two names, and which of them was meant nobody says.
func (p *Portals) open(ctx context.Context, q database.Question, purpose convert.Purpose, a database.Answer) ([]byte, error) {
	author, err := p.db.PuppetByID(ctx, q.Sender)
	if err != nil {
		return nil, fmt.Errorf("read the author of question %s: %w", q.ID, err)
	}
	by, err := p.db.PuppetByID(ctx, a.Sender)
	if err != nil {
		return nil, fmt.Errorf("read the author of answer %s: %w", a.Message, err)
	}
	seal := convert.Seal{Purpose: purpose, Secret: q.Secret, ID: q.ID}
	return seal.OpenAny(convert.Sealed{Payload: a.Sealed, IV: a.IV}, []types.JID{q.Author, author.LID, author.PN}, []types.JID{by.LID, by.PN})
}

// sealFor is what an answer to a question is sealed with: who asked by a phone number is answered by one (as whatsmeow
// does).
func (p *Portals) sealFor(ctx context.Context, q database.Question, purpose convert.Purpose, login database.Login) (convert.Seal, error) {
	own, err := p.db.PuppetByID(ctx, login.Puppet)
	if err != nil {
		return convert.Seal{}, fmt.Errorf("read the account of login %s: %w", login.ID, err)
	}
	seal := convert.Seal{Purpose: purpose, Secret: q.Secret, ID: q.ID, Author: q.Author, By: own.LID}
	if q.Author.Server == types.DefaultUserServer || own.LID.IsEmpty() {
		seal.By = own.PN
	}
	if len(q.Secret) != convert.SecretSize {
		return seal, &queue.Reject{Code: "no_secret", Text: "This was not sent to WhatsApp: what is needed to answer this message did not come with it. Answer it in WhatsApp on your phone."}
	}
	return seal, nil
}

// ownName is the name by which a login's account asks: the LID, as whatsmeow sends by it.
func (p *Portals) ownName(ctx context.Context, login database.Login) (types.JID, error) {
	own, err := p.db.PuppetByID(ctx, login.Puppet)
	if err != nil {
		return types.EmptyJID, fmt.Errorf("read the account of login %s: %w", login.ID, err)
	}
	if own.LID.IsEmpty() {
		return own.PN, nil
	}
	return own.LID, nil
}
