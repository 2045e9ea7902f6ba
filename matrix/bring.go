package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix/event"

	"causeway/crashpoint"
	"causeway/inbox"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// bringTries is how often a file is moved before a notice takes its place: some twenty minutes.
	bringTries = 12
	// bringLimit is how long a file waits for a connection to WhatsApp by which it can be had. What comes after it in the
	// room waits too.
	bringLimit = 24 * time.Hour
)

// Downloads is where files on WhatsApp are had from. The whatsapp package has it.
type Downloads interface {
	// Download writes a file, checked and decrypted, into another. The error is media.ErrGone, media.ErrBroken,
	// media.ErrTooLarge, a queue.Park or a queue.Reject when trying again at once is of no use.
	Download(ctx context.Context, f outbox.FileOnWhatsApp, into *media.File) error
}

// Media is what the sender needs to move files.
type Media struct {
	Depot *media.Depot
	Files *Files
	From  Downloads
	Lost  Journal
	// Offer is what people are told where a file is lost that the phone may still have.
	Offer string
}

// Journal is told of files that are lost. inbox.Inbox has it.
type Journal interface {
	AddFileLost(ctx context.Context, f inbox.FileLost) error
}

// bring moves the file of an event to the homeserver, and puts its address into the event. What comes of it is written
// down at once, so that a repeat of the action moves nothing again. When the file cannot be had, a notice that says so
// takes the place of what was to show it: the chat goes on.
func (s *Sender) bring(ctx context.Context, e queue.Entry, a outbox.SendEvent) (outbox.SendEvent, error) {
	if a.File == nil {
		return a, nil
	}
	shown, err := s.files.move(ctx, *a.File, wantOf(a.Content))
	text := s.lost(e, *a.File, err)
	switch {
	case text != "" && a.File.OnlyThumbnail():
		s.log.Warn().Err(err).Int64("portal", int64(a.Portal)).Msg("A thumbnail could not be brought to Matrix; it is left out")
		err = nil
	case text != "":
		s.log.Warn().Err(err).Str("kind", a.File.Kind).Int64("portal", int64(a.Portal)).Msg("A file could not be brought to Matrix; a notice takes its place")
		if isLost(err) && a.Message != nil {
			if a.Lost, err = json.Marshal(a); err != nil {
				return a, queue.Dead(fmt.Errorf("keep the action: %w", err))
			}
		}
		a.Type = event.EventMessage.Type
		err = rewrite(&a, func(content map[string]any) { apologise(content, text) })
	case err != nil:
		return a, fmt.Errorf("bring a file of %d bytes: %w", a.File.Size, err)
	default:
		err = rewrite(&a, func(content map[string]any) { a.Type = shown.put(a.Type, content) })
	}
	if err != nil {
		return a, err
	}
	a.File = nil
	s.files.Depot.Settled(e.ID)
	crashpoint.Pass(crashpoint.MatrixUploaded)
	return a, s.out.Progress(ctx, e, a)
}

// isLost reports whether a file is lost that the phone may still have.
func isLost(err error) bool { return errors.Is(err, media.ErrGone) || errors.Is(err, media.ErrBroken) }

// tellLost journals that a file is lost, with the closing of the action that shows a notice in its place.
func (s *Sender) tellLost(a outbox.SendEvent, settle queue.Settle) queue.Settle {
	if len(a.Lost) == 0 || a.Message == nil {
		return settle
	}
	return func(ctx context.Context) error {
		if settle != nil {
			if err := settle(ctx); err != nil {
				return err
			}
		}
		return s.files.Lost.AddFileLost(ctx, inbox.FileLost{Message: *a.Message, Action: a.Lost})
	}
}

// rewrite changes the content of an event, and what it says in place of an earlier one.
func rewrite(a *outbox.SendEvent, change func(content map[string]any)) error {
	content := map[string]any{}
	if err := json.Unmarshal(a.Content, &content); err != nil {
		return queue.Dead(fmt.Errorf("read the content of %s: %w", a.Type, err))
	}
	change(content)
	if inner, ok := content["m.new_content"].(map[string]any); ok {
		change(inner)
	}
	raw, err := json.Marshal(content)
	if err != nil {
		return queue.Dead(fmt.Errorf("write the content of %s: %w", a.Type, err))
	}
	a.Content = raw
	return nil
}

// apologise makes a content a notice that says what is not there.
func apologise(content map[string]any, text string) {
	caption, _ := content["body"].(string)
	if name, ok := content["filename"].(string); ok && caption != "" && name != caption {
		text += " It says: " + caption
	}
	for field := range content {
		switch field {
		case "m.relates_to", "m.mentions", "m.new_content", outbox.KeyField:
		default:
			delete(content, field)
		}
	}
	content["msgtype"], content["body"] = event.MsgNotice, text
}

// lost says what stands in the room in place of a file that cannot be had; "" when it was moved or may still be.
func (s *Sender) lost(e queue.Entry, f outbox.FileOnWhatsApp, err error) string {
	what := fmt.Sprintf("A file (%s) arrived that the bridge cannot show", f.Kind)
	refusal, isRefusal := errors.AsType[*queue.Reject](err)
	_, isParked := errors.AsType[*queue.Park](err)
	switch {
	case err == nil:
		return ""
	case errors.Is(err, media.ErrTooLarge):
		return fmt.Sprintf("%s: it has %s, more than it may have here. Open WhatsApp to see it.", what, size(f.Size))
	case errors.Is(err, media.ErrGone):
		return what + ": WhatsApp does not have it any more. " + s.files.Offer
	case errors.Is(err, media.ErrBroken):
		return what + ": it is damaged. " + s.files.Offer
	case hasStatus(err, http.StatusBadRequest), hasStatus(err, http.StatusForbidden), hasStatus(err, http.StatusUnsupportedMediaType):
		return what + ": the homeserver does not take it. Open WhatsApp to see it."
	case isRefusal:
		return what + ". " + refusal.Text
	case isParked && time.Since(later(e.Added, s.started)) > bringLimit:
		return what + ": there was no connection to WhatsApp for a day. Open WhatsApp to see it."
	case !isParked && !errors.Is(err, context.Canceled) && s.files.Depot.Failed(e.ID) >= bringTries:
		return what + ": it could not be moved. Open WhatsApp to see it."
	}
	return ""
}

// later is the later of two times. What has waited while the bridge was not running has not waited for a connection.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// size writes a number of bytes for people.
func size(bytes uint64) string {
	const mebibyte = 1 << 20
	if bytes < mebibyte {
		return fmt.Sprintf("%d bytes", bytes)
	}
	return fmt.Sprintf("%d MiB", bytes/mebibyte)
}
