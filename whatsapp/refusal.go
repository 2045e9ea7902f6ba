package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// rateLimitPause is how long to leave WhatsApp alone after it asked for that.
const rateLimitPause = time.Minute

// serverTries is how often a message is sent again after WhatsApp had an error of its own.
const serverTries = 8

// ended returns the refusal of actions for a login that will not connect by itself, or nil.
func (s *Sessions) ended(ctx context.Context, login database.LoginID) error {
	row, err := s.edge.db.LoginByID(ctx, login)
	if errors.Is(err, database.ErrNotFound) {
		return &queue.Reject{Code: "not_logged_in", Text: "The WhatsApp account is not linked to the bridge any more. Please log in again."}
	} else if err != nil {
		return err
	}
	switch row.State {
	case database.StateLoggedOut:
		return &queue.Reject{Code: "logged_out", Text: "The bridge was unlinked from the WhatsApp account. Please log in again."}
	case database.StateReplaced:
		return &queue.Reject{Code: "replaced", Text: "Another program uses the bridge's WhatsApp session. Please log in again."}
	}
	return nil
}

// sendError says what follows from the error of a send: nil for none, a queue.Reject for what no repeat will mend, a
// queue.Park when the connection was lost, and else a repeat with the same ID.
func (s *Sender) sendError(e queue.Entry, a outbox.SendWhatsApp, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("send message %s: %w", a.Message.ID, err)
	switch {
	case errors.Is(err, whatsmeow.ErrServerReturnedError):
		return nackError(e, err)
	case strings.Contains(err.Error(), "no LID found for"):
		return &queue.Reject{Code: "unknown_recipient", Text: "WhatsApp knows no account with this phone number.", Err: err}
	case errors.Is(err, whatsmeow.ErrNotInGroup), errors.Is(err, whatsmeow.ErrGroupNotFound):
		return &queue.Reject{Code: "not_in_group", Text: "The WhatsApp account is not in this group any more.", Err: err}
	case errors.Is(err, whatsmeow.ErrUnknownServer), errors.Is(err, whatsmeow.ErrRecipientADJID),
		errors.Is(err, whatsmeow.ErrBroadcastListUnsupported):
		return &queue.Reject{Code: "unsupported_chat", Text: "The bridge cannot send to this kind of chat.", Err: err}
	case isDisconnect(err):
		return &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: s.timing().MaxAge + parkMargin}
	}
	return askError(err)
}

// nackError says what follows from WhatsApp's refusal of a message (see nacks.go).
func nackError(e queue.Entry, err error) error {
	code := nackCode(err)
	verdict, text := judge(code)
	switch {
	case verdict == wait && code == 429:
		return queue.RetryAfter(err, rateLimitPause)
	case verdict == wait:
		return err
	case verdict == again && (e.Attempts < serverTries || !strings.Contains(e.Error, whatsmeow.ErrServerReturnedError.Error())):
		return err // attempts that failed otherwise, as while the connection was lost, do not count against it alone
	}
	return &queue.Reject{Code: "refused", Text: fmt.Sprintf("%s (error %d).", text, code), Err: err}
}

// refresh lets whatsmeow forget what it knows of a group that has changed, so that the next try is made with the truth.
func (s *session) refresh(ctx context.Context, chat types.JID, err error) {
	if !errors.Is(err, whatsmeow.ErrServerReturnedError) || chat.Server != types.GroupServer {
		return
	}
	if v, _ := judge(nackCode(err)); v == again {
		_, _ = s.client.GetGroupInfo(ctx, chat) // it renews its memory of the group; if it cannot, the next refusal asks again
	}
}

// nackCode is the code of WhatsApp's refusal. whatsmeow has it in the text only.
func nackCode(err error) int {
	_, text, _ := strings.Cut(err.Error(), whatsmeow.ErrServerReturnedError.Error()+" ")
	text, _, _ = strings.Cut(text, " ")
	code, _ := strconv.Atoi(text)
	return code
}

// expired refuses an action that has waited for too long.
func expired(kind string, limit time.Duration, connected bool) *queue.Reject {
	switch {
	case kind != outbox.KindSendWhatsApp:
		return &queue.Reject{Code: "not_connected", Text: "The WhatsApp account is not connected. Please try again later."}
	case connected:
		return &queue.Reject{Code: "too_old", Text: fmt.Sprintf(
			"WhatsApp has not confirmed this message within %s, so the bridge has stopped trying. If it did not arrive, write it again.", span(limit))}
	}
	return &queue.Reject{Code: "too_old", Text: fmt.Sprintf(
		"This message was not sent: your WhatsApp account was not connected for %s. If it still matters, write it again.", span(limit))}
}

// span is a duration as people say it.
func span(d time.Duration) string {
	if d < 2*time.Hour {
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// askError says what follows from the error of a question that may be asked again.
func askError(err error) error {
	if refusal, ok := errors.AsType[*whatsmeow.IQError](err); ok {
		switch {
		case refusal.Code == 429:
			return queue.RetryAfter(err, rateLimitPause)
		case refusal.Code >= 400 && refusal.Code < 500:
			return &queue.Reject{Code: "refused", Text: fmt.Sprintf("WhatsApp refused (error %d).", refusal.Code), Err: err}
		}
	}
	return err
}

// groupRefusal returns why WhatsApp does not tell about a group, or "" when asking again may help.
func groupRefusal(err error) string {
	switch {
	case errors.Is(err, whatsmeow.ErrNotInGroup):
		return "the account is not in the group"
	case errors.Is(err, whatsmeow.ErrGroupNotFound):
		return "the group does not exist"
	}
	return ""
}

// isDisconnect reports whether the connection was lost while waiting for an answer.
func isDisconnect(err error) bool {
	_, lost := errors.AsType[*whatsmeow.DisconnectedError](err)
	return lost || errors.Is(err, whatsmeow.ErrNotConnected)
}

// isMoved reports whether a Signal session changed while a message was being encrypted.
func isMoved(err error) bool { return errors.Is(err, errSessionMoved) }
