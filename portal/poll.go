package portal

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/event"

	"causeway/convert"
	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/queue"
)

// voteFromWhatsApp decides about a vote. It is written down whether or not its poll has come, and is shown with the poll.
// When there is still no poll after a while, as when that is older than the bridge, those in the room are told once.
func (p *Portals) voteFromWhatsApp(ctx context.Context, s said, vote convert.Vote) error {
	first := s.in.Until.IsZero()
	if first {
		isNew, err := p.db.AddMessage(ctx, s.row(database.KindAnswer))
		if err != nil || !isNew {
			return err
		}
	}
	target, err := p.target(ctx, s, vote.Target)
	if err != nil {
		return err
	}
	if row, err := p.find(ctx, target); err == nil {
		target = row.MessageKey
	} else if !errors.Is(err, database.ErrNotFound) {
		return err
	}
	if target.Sender == 0 {
		return queue.Dead(fmt.Errorf("read vote %s: it says not whose poll it is for", s.in.Info.ID))
	}
	q, err := p.db.QuestionByKey(ctx, target)
	missing := errors.Is(err, database.ErrNotFound)
	if err != nil && !missing {
		return err
	}
	switch {
	case first:
		if err := p.noteVote(ctx, s, target, vote, q); err != nil || !missing {
			return err
		}
		return p.in.SetAside(ctx, target, s.in, time.Now().Add(lateLimit))
	case !missing:
		return nil // it was shown with its poll
	}
	if wait := time.Until(s.in.Until); wait > 0 {
		return &queue.Park{Name: inbox.MessageOf(target), Limit: wait + time.Minute} // so that it is looked at once more
	}
	return p.unknownPoll(ctx, s, target)
}

// noteVote writes a vote down, unless a later one of the same person is, and shows it if its poll is there.
func (p *Portals) noteVote(ctx context.Context, s said, target database.MessageKey, vote convert.Vote, q database.Question) error {
	old, err := p.answerOf(ctx, target, s.sender.ID)
	if err != nil {
		return err
	}
	at := timeOf(s.at(), vote.At)
	if at.Before(old.Sent) {
		return nil
	}
	if !at.After(old.Sent) { // of two votes at one time, clients count the first
		at = old.Sent.Add(time.Millisecond)
	}
	now := database.Answer{Question: target, Sender: s.sender.ID, Message: s.in.Info.ID, Sealed: vote.Sealed.Payload, IV: vote.Sealed.IV, Sent: at}
	if err := p.db.PutAnswer(ctx, now); err != nil || q.Kind == "" {
		return err
	}
	return p.showVote(ctx, q, old, now)
}

// maxSkew is by how much a sender's clock may differ from WhatsApp's for its milliseconds to be believed.
const maxSkew = time.Minute

// timeOf is when something was said: by its sender's clock, which is finer, if that is about right.
func timeOf(network, sender time.Time) time.Time {
	if sender.IsZero() || sender.Sub(network).Abs() > maxSkew {
		return network
	}
	return sender
}

// showAnswers shows what was answered before a question came.
func (p *Portals) showAnswers(ctx context.Context, q database.Question) error {
	list, err := p.db.AnswersTo(ctx, q.MessageKey)
	if err != nil {
		return err
	}
	for _, a := range list {
		if len(a.Sealed) == 0 {
			continue
		}
		switch q.Kind {
		case database.QuestionPoll:
			err = p.showVote(ctx, q, database.Answer{}, a)
		case database.QuestionEvent:
			err = p.showAttendance(ctx, q, a)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// What is said in the place of a vote that cannot be shown.
const (
	textSealedVote   = "🗳 I voted, but the bridge cannot read this vote. Open WhatsApp to see it."
	textUnknownVote  = "🗳 I voted for an option that was added to the poll. Open WhatsApp to see it."
	textUnknownPolls = "🗳 Somebody votes in a poll that the bridge has not seen. Open WhatsApp to see it."
)

// showVote opens a vote and shows it.
func (p *Portals) showVote(ctx context.Context, q database.Question, old, vote database.Answer) error {
	poll, err := readQuestion[convert.Poll](q)
	if err != nil || q.Kind != database.QuestionPoll {
		return err
	}
	voter, err := p.db.PuppetByID(ctx, vote.Sender)
	if err != nil {
		return fmt.Errorf("read the author of vote %s: %w", vote.Message, err)
	}
	about := q.ShownAs()
	how := showing{row: database.Message{MessageKey: vote.Key(), Sent: vote.Sent}, as: voter.UserID, about: &about}
	plain, err := p.open(ctx, q, convert.PurposeVote, vote)
	if errors.Is(err, convert.ErrSealed) {
		return p.post(ctx, how, event.EventMessage, convert.ReplyToMatrix(notice(textSealedVote)))
	} else if err != nil {
		return err
	}
	chosen, others, err := poll.Chosen(plain)
	if err != nil {
		return queue.Dead(err)
	}
	if err := p.putVote(ctx, vote, chosen); err != nil {
		return err
	}
	if len(chosen) == 0 && others > 0 {
		return p.post(ctx, how, event.EventMessage, convert.ReplyToMatrix(notice(textUnknownVote)))
	}
	if err := p.supersede(ctx, old, false); err != nil {
		return err
	}
	return p.post(ctx, how, event.EventUnstablePollResponse, convert.VoteToMatrix(chosen))
}

// putVote writes down an open vote.
func (p *Portals) putVote(ctx context.Context, vote database.Answer, chosen []string) error {
	raw, err := json.Marshal(chosen)
	if err != nil {
		return fmt.Errorf("encode vote %s: %w", vote.Message, err)
	}
	vote.Sealed, vote.IV, vote.Content = nil, nil, string(raw)
	return p.db.PutAnswer(ctx, vote)
}

// replacePoll shows a poll as it was changed; it reports false when a message is none. Votes stay as they are: options are
// known by what they say.
func (p *Portals) replacePoll(ctx context.Context, s said, row database.Message) (bool, error) {
	poll, ok := convert.PollFromWhatsApp(s.msg)
	if !ok {
		return false, nil
	}
	q, err := p.db.QuestionByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) || err == nil && q.Kind != database.QuestionPoll {
		return false, nil
	} else if err != nil {
		return false, err
	}
	changed, err := newQuestion(row.MessageKey, q.Kind, poll)
	if err != nil {
		return false, err
	}
	q.Content = changed.Content
	if err := p.db.PutQuestion(ctx, q); err != nil {
		return false, err
	}
	about := q.ShownAs()
	how := showing{row: s.row(database.KindEdit), as: s.sender.UserID, about: &about}
	return true, p.post(ctx, how, event.EventUnstablePollStart, convert.PollEditToMatrix(poll))
}

// endingVotes ends the ID of the notice about votes in an unknown poll.
const endingVotes = "#votes"

// unknownPoll says once that there are votes in a poll which the bridge has not seen.
func (p *Portals) unknownPoll(ctx context.Context, s said, target database.MessageKey) error {
	target.ID += endingVotes
	row := database.Message{MessageKey: target, Kind: database.KindAnswer, Sent: s.at()}
	isNew, err := p.db.AddMessage(ctx, row)
	if err != nil || !isNew {
		return err
	}
	if err := p.ensureShown(ctx, s); err != nil {
		return err
	}
	return p.post(ctx, showing{row: row, as: s.sender.UserID}, event.EventMessage, notice(textUnknownPolls))
}

// pollFromMatrix decides about an event of a poll: its start, a vote, or its end.
func (p *Portals) pollFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	var err error
	switch convert.PollPartOf(evt.Type.Type) {
	case convert.PollStart:
		err = p.pollStart(ctx, portal, evt)
	case convert.PollResponse:
		err = p.voteFromMatrix(ctx, portal, evt)
	case convert.PollEnd:
		err = p.pollEnd(ctx, portal, evt)
	}
	if errors.Is(err, errSilent) {
		return nil
	}
	return err
}

// pollStart sends a poll. What answers to it are sealed with is chosen here and kept, so that votes can be read whenever
// they come.
func (p *Portals) pollStart(ctx context.Context, portal database.Portal, evt *event.Event) error {
	login, err := p.speaker(ctx, portal, evt, 0)
	if err != nil {
		return err
	}
	if relation(evt).GetReplaceID() != "" {
		return &queue.Reject{Code: "edit_of_poll", Text: "This change was not sent to WhatsApp, where a poll cannot be changed. Delete the poll and make a new one instead."}
	}
	poll, ok := convert.PollFromMatrix(evt.Content.VeryRaw)
	if !ok {
		return unsupported(convert.Unsupported{Kind: "a poll of this form"})
	}
	secret := make([]byte, convert.SecretSize)
	_, _ = rand.Read(secret) // crypto/rand never fails
	msg, err := convert.PollToWhatsApp(poll, secret)
	if err != nil {
		return unsupported(err)
	}
	reply, err := p.replyFromMatrix(ctx, portal, evt)
	if err != nil {
		return err
	}
	if reply != nil {
		msg = convert.ReplyToWhatsApp(msg, *reply)
	}
	if err := p.send(ctx, portal, login, evt, sending{msg: msg, quote: poll.Text()}); err != nil {
		return err
	}
	key := database.MessageKey{Portal: portal.ID, ID: messageID(login.ID, evt.ID), Sender: login.Puppet}
	q, err := newQuestion(key, database.QuestionPoll, poll)
	if err != nil {
		return err
	}
	q.Secret = secret
	if q.Author, err = p.ownName(ctx, login); err != nil {
		return err
	}
	if err := p.db.PutQuestion(ctx, q); err != nil || !poll.Hidden {
		return err
	}
	return p.out.SendNotice(ctx, outbox.SendNotice{
		Room: portal.RoomID, Txn: "poll-" + evt.ID.String(), ReplyTo: evt.ID,
		Text: "This poll hides its results here until it ends. On WhatsApp everybody sees them at once.",
	})
}

// relation is how an event of any type relates to another.
func relation(evt *event.Event) *event.RelatesTo {
	if message, ok := evt.Content.Parsed.(*event.MessageEventContent); ok {
		return message.RelatesTo
	}
	var content struct {
		RelatesTo *event.RelatesTo `json:"m.relates_to"`
	}
	if json.Unmarshal(evt.Content.VeryRaw, &content) != nil {
		return nil
	}
	return content.RelatesTo
}

// voteFromMatrix sends a Matrix user's vote. A vote from their phone is no longer shown.
func (p *Portals) voteFromMatrix(ctx context.Context, portal database.Portal, evt *event.Event) error {
	q, login, err := p.asked(ctx, portal, evt, database.QuestionPoll)
	if err != nil {
		return err
	}
	poll, err := readQuestion[convert.Poll](q)
	if err != nil {
		return err
	}
	return p.sendVote(ctx, portal, login, evt, ballot{q, poll, poll.VoteFromMatrix(evt.Content.VeryRaw)})
}

// ballot is a vote that goes to WhatsApp.
type ballot struct {
	q      database.Question
	poll   convert.Poll
	chosen []string
}

func (p *Portals) sendVote(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, b ballot) error {
	seal, err := p.sealFor(ctx, b.q, convert.PurposeVote, login)
	if err != nil {
		return err
	}
	row, err := p.db.MessageByKey(ctx, b.q.MessageKey)
	if err != nil {
		return err
	}
	target, err := p.keyFor(ctx, portal, login, row)
	if err != nil {
		return err
	}
	after, err := p.sentBefore(ctx, login, row)
	if err != nil {
		return err
	}
	old, err := p.answerOf(ctx, row.MessageKey, login.Puppet)
	if err != nil {
		return err
	}
	at := timestamp(evt)
	if !at.After(old.Sent) { // the phone's clock was ahead; what arrives later was said later
		at = old.Sent.Add(time.Millisecond)
	}
	msg, err := b.poll.VoteToWhatsApp(portal.Chat, target, seal, evt.ID.String(), b.chosen, at)
	if err != nil {
		return err
	}
	now := database.Answer{Question: row.MessageKey, Sender: login.Puppet, Message: messageID(login.ID, evt.ID), Sent: at}
	if err := p.putVote(ctx, now, b.chosen); err != nil {
		return err
	}
	if err := p.supersede(ctx, old, true); err != nil {
		return err
	}
	return p.send(ctx, portal, login, evt, sending{kind: database.KindAnswer, msg: msg, after: after})
}

// takeVoteBack decides about a vote that its Matrix user has removed, unless another has taken its place.
func (p *Portals) takeVoteBack(ctx context.Context, portal database.Portal, login database.Login, evt *event.Event, row database.Message) error {
	if row.Sender != login.Puppet {
		return &queue.Reject{Code: "vote_of_other", Text: "This vote was removed here only: on WhatsApp only its voter can take it back."}
	}
	vote, err := p.db.AnswerByKey(ctx, row.MessageKey)
	if errors.Is(err, database.ErrNotFound) {
		return nil
	} else if err != nil {
		return err
	}
	q, err := p.db.QuestionByKey(ctx, vote.Question)
	if err != nil {
		return err
	} else if q.Kind != database.QuestionPoll {
		return &queue.Reject{Code: "cannot_undo", Text: "This had no effect on WhatsApp, where an answer to an event cannot be undone. Answer again instead."}
	}
	poll, err := readQuestion[convert.Poll](q)
	if err != nil {
		return err
	}
	return p.sendVote(ctx, portal, login, evt, ballot{q: q, poll: poll})
}

// pollEnd tells those on WhatsApp, which has no end of polls, that a poll is closed and what it has come to.
func (p *Portals) pollEnd(ctx context.Context, portal database.Portal, evt *event.Event) error {
	q, login, err := p.asked(ctx, portal, evt, database.QuestionPoll)
	if err != nil {
		return err
	}
	if q.Sender != login.Puppet {
		return &queue.Reject{Code: "poll_of_other", Text: "This poll was closed here only: on WhatsApp only its author can say that it is over."}
	}
	poll, err := readQuestion[convert.Poll](q)
	if err != nil {
		return err
	}
	list, err := p.db.AnswersTo(ctx, q.MessageKey)
	if err != nil {
		return err
	}
	var votes [][]string
	for _, a := range list {
		var chosen []string
		if json.Unmarshal([]byte(a.Content), &chosen) == nil {
			votes = append(votes, chosen)
		}
	}
	result := poll.Result(votes)
	msg := convert.ReplyToWhatsApp(convert.TextToWhatsApp(result), convert.Reply{ID: q.ID, Participant: q.Author, Quote: convert.Quote(poll.Text())})
	return p.send(ctx, portal, login, evt, sending{msg: msg, quote: result})
}
