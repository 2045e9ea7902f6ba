package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"

	"causeway/database"
	"causeway/outbox"
	"causeway/queue"
)

// rateLimitPause is how long to leave WhatsApp alone after it asked for that.
const rateLimitPause = time.Minute

// serverTries is how often a message is sent again after WhatsApp had an error of its own.
const serverTries = 8

// ended returns the refusal of actions for a login that will not connect by itself, or nil.
func (s *Sender) ended(ctx context.Context, login database.LoginID) error {
	row, err := s.sessions.edge.db.LoginByID(ctx, login)
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
	case database.StateBanned:
		return &queue.Reject{Code: "banned", Text: "WhatsApp has banned the account for a while."}
	}
	return nil
}

// sendError says what follows from the error of a send: nil for none, a queue.Reject for what no repeat will mend, a
// queue.Park when the connection was lost, and else a repeat with the same ID.
func sendError(e queue.Entry, a outbox.SendWhatsApp, err error) error {
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
		return &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: sendLimit + time.Hour}
	}
	return askError(err)
}

// nackError says what follows from WhatsApp's refusal of a message. Its error codes are not documented; those from 500
// on are its own trouble.
func nackError(e queue.Entry, err error) error {
	code := 0
	if _, text, ok := strings.Cut(err.Error(), whatsmeow.ErrServerReturnedError.Error()+" "); ok {
		text, _, _ = strings.Cut(text, " ")
		code, _ = strconv.Atoi(text)
	}
	switch {
	case code == 429:
		return queue.RetryAfter(err, rateLimitPause)
	case code >= 500 && e.Attempts < serverTries:
		return err
	}
	text := fmt.Sprintf("WhatsApp did not take the message (error %d).", code)
	switch code {
	case 401, 403:
		text = fmt.Sprintf("WhatsApp does not let the account write in this chat (error %d).", code)
	case 404:
		text = "WhatsApp does not know this chat any more (error 404)."
	case 463:
		text = "WhatsApp does not let the account start new chats at the moment (error 463)."
	}
	return &queue.Reject{Code: "refused", Text: text, Err: err}
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
