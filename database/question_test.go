package database_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/database/databasetest"
)

func TestQuestionsAndAnswers(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, func(t *testing.T, db *database.DB) {
		ctx := t.Context()
		group, err := db.EnsurePortal(ctx, "", types.NewJID("1", types.GroupServer))
		require.NoError(t, err)
		a, b := addPuppet(t, db, 1).ID, addPuppet(t, db, 2).ID
		q := database.Question{MessageKey: database.MessageKey{Portal: group.ID, ID: "P", Sender: a}, Kind: database.QuestionPoll,
			Author: lid(1), Secret: []byte{1, 2}, Shown: "P#2", Content: `{"question":"?"}`}
		missing[database.Question](t)(db.QuestionByKey(ctx, q.MessageKey))
		require.NoError(t, db.PutQuestion(ctx, q))
		same(t, q)(db.QuestionByKey(ctx, q.MessageKey))
		require.Equal(t, database.MessageKey{Portal: group.ID, ID: "P#2", Sender: a}, q.ShownAs())
		edited := q
		edited.Content, edited.Secret, edited.Shown = `{"question":"!"}`, []byte{3}, "Q"
		require.NoError(t, db.PutQuestion(ctx, edited))
		q.Content = edited.Content
		same(t, q)(db.QuestionByKey(ctx, q.MessageKey))

		missing[database.Answer](t)(db.AnswerOf(ctx, q.MessageKey, b))
		sealed := database.Answer{Question: q.MessageKey, Sender: b, Message: "V1", Sealed: []byte{7}, IV: []byte{8}, Sent: day.Add(time.Second)}
		open := database.Answer{Question: q.MessageKey, Sender: b, Message: "V2", Content: `["x"]`, Sent: day.Add(2 * time.Second)}
		own := database.Answer{Question: q.MessageKey, Sender: a, Message: "V2", Content: `[]`, Sent: day}
		require.NoError(t, db.PutAnswer(ctx, sealed))
		require.NoError(t, db.PutAnswer(ctx, own))
		same(t, sealed)(db.AnswerByKey(ctx, sealed.Key()))
		same(t, []database.Answer{own, sealed})(db.AnswersTo(ctx, q.MessageKey))
		require.NoError(t, db.PutAnswer(ctx, open))
		missing[database.Answer](t)(db.AnswerByKey(ctx, sealed.Key()))
		same(t, open)(db.AnswerOf(ctx, q.MessageKey, b))
		same(t, []database.Answer{own, open})(db.AnswersTo(ctx, q.MessageKey))
	})
}
