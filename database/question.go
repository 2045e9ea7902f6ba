package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"go.mau.fi/whatsmeow/types"
)

// QuestionKind says what form an answer must have.
type QuestionKind string

// The kinds of questions.
const (
	QuestionPoll    QuestionKind = "poll"
	QuestionEvent   QuestionKind = "event"
	QuestionInvite  QuestionKind = "invite"
	QuestionButtons QuestionKind = "buttons"
	QuestionLive    QuestionKind = "live" // no question: where a person is right now
)

// Question is a message that asks for an answer of a certain form.
type Question struct {
	MessageKey
	Kind QuestionKind
	// Author is the name by which its sender went in the chat.
	Author types.JID
	// Secret is what answers are sealed with; empty where they are not.
	Secret []byte
	// Shown is the message whose event shows it: its own, or a part of it.
	Shown types.MessageID
	// Content is what it asks, as JSON.
	Content string
}

// ShownAs names the message whose event shows the question.
func (q Question) ShownAs() MessageKey {
	return MessageKey{Portal: q.Portal, ID: q.Shown, Sender: q.Sender}
}

// PutQuestion records what a message asks, in the place of what it asked before it was edited.
func (db *DB) PutQuestion(ctx context.Context, q Question) error {
	_, err := db.Exec(ctx, `INSERT INTO question (portal_id, wa_id, sender_id, kind, author, secret, shown_id, content)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
		ON CONFLICT (portal_id, wa_id, sender_id) DO UPDATE SET content=excluded.content`,
		q.Portal, q.ID, q.Sender, q.Kind, q.Author.String(), q.Secret, q.Shown, q.Content)
	if err != nil {
		return fmt.Errorf("put question %s: %w", q.ID, err)
	}
	return nil
}

// QuestionByKey finds what a message asks; ErrNotFound when it asks nothing.
func (db *DB) QuestionByKey(ctx context.Context, key MessageKey) (Question, error) {
	q := Question{MessageKey: key}
	var author string
	err := db.QueryRow(ctx, `SELECT kind, author, secret, shown_id, content FROM question WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`,
		key.Portal, key.ID, key.Sender).Scan(&q.Kind, &author, &q.Secret, &q.Shown, &q.Content)
	if errors.Is(err, sql.ErrNoRows) {
		return q, ErrNotFound
	} else if err != nil {
		return q, fmt.Errorf("read question %s: %w", key.ID, err)
	}
	if q.Author, err = types.ParseJID(author); err != nil {
		return q, fmt.Errorf("read the author of question %s: %w", key.ID, err)
	}
	return q, nil
}

// Answer is a person's last answer to a question: possibly to one that has not come yet.
type Answer struct {
	Question MessageKey
	Sender   PuppetID
	Message  types.MessageID // the answer's own
	// Sealed and IV are the answer as it came, until the question is there to open it with.
	Sealed, IV []byte
	// Content is the answer, once it is open: the chosen options of a poll as JSON, the word for an event.
	Content string
	Sent    time.Time
}

// Key names the answer's own message.
func (a Answer) Key() MessageKey {
	return MessageKey{Portal: a.Question.Portal, ID: a.Message, Sender: a.Sender}
}

const answerColumns = `portal_id, question_id, question_sender, sender_id, wa_id, sealed, iv, content, sent_at`

// PutAnswer records a person's answer in the place of an earlier one.
func (db *DB) PutAnswer(ctx context.Context, a Answer) error {
	_, err := db.Exec(ctx, `INSERT INTO answer (`+answerColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (portal_id, question_id, question_sender, sender_id)
		DO UPDATE SET wa_id=excluded.wa_id, sealed=excluded.sealed, iv=excluded.iv, content=excluded.content, sent_at=excluded.sent_at`,
		a.Question.Portal, a.Question.ID, a.Question.Sender, a.Sender, a.Message, a.Sealed, a.IV, a.Content, a.Sent.UnixMilli())
	if err != nil {
		return fmt.Errorf("put answer %s: %w", a.Message, err)
	}
	return nil
}

// AnswerOf finds a person's answer to a question.
func (db *DB) AnswerOf(ctx context.Context, question MessageKey, sender PuppetID) (Answer, error) {
	return scanAnswer(db.QueryRow(ctx, `SELECT `+answerColumns+` FROM answer
		WHERE portal_id=$1 AND question_id=$2 AND question_sender=$3 AND sender_id=$4`, question.Portal, question.ID, question.Sender, sender))
}

// AnswerByKey finds an answer by its own message, unless another has taken its place.
func (db *DB) AnswerByKey(ctx context.Context, key MessageKey) (Answer, error) {
	return scanAnswer(db.QueryRow(ctx, `SELECT `+answerColumns+` FROM answer
		WHERE portal_id=$1 AND wa_id=$2 AND sender_id=$3`, key.Portal, key.ID, key.Sender))
}

// AnswersTo lists everybody's answer to a question, the oldest first.
func (db *DB) AnswersTo(ctx context.Context, question MessageKey) ([]Answer, error) {
	rows, err := db.Query(ctx, `SELECT `+answerColumns+` FROM answer
		WHERE portal_id=$1 AND question_id=$2 AND question_sender=$3 ORDER BY sent_at, sender_id`, question.Portal, question.ID, question.Sender)
	if err != nil {
		return nil, fmt.Errorf("list answers to %s: %w", question.ID, err)
	}
	defer func() { _ = rows.Close() }()
	var list []Answer
	for rows.Next() {
		a, err := scanAnswer(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

func scanAnswer(row interface{ Scan(...any) error }) (Answer, error) {
	var a Answer
	var sent int64
	err := row.Scan(&a.Question.Portal, &a.Question.ID, &a.Question.Sender, &a.Sender, &a.Message, &a.Sealed, &a.IV, &a.Content, &sent)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrNotFound
	} else if err != nil {
		return a, fmt.Errorf("read answer: %w", err)
	}
	a.Sent = time.UnixMilli(sent)
	return a, nil
}
