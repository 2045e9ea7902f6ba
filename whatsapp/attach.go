package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/proto/waE2E"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/id"

	"causeway/crashpoint"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// attachTries is how often a file is moved before its sender is told that it cannot be: some twenty minutes.
	attachTries = 12
	// goneTries is how often a file is looked for that the homeserver does not have: one of another server may come later.
	goneTries = 3
	// maxSource bounds the picture that a thumbnail is made from, in bytes.
	maxSource = 20 << 20
)

// Files is where files on Matrix are had from. The matrix package has it.
type Files interface {
	// Download writes a file into another. The error is media.ErrGone or media.ErrTooLarge when trying again is of no use.
	Download(ctx context.Context, address id.ContentURIString, into *media.File) error
	// Page tells what a web page shows of itself.
	Page(ctx context.Context, address string) (media.Page, error)
}

// Media is what the sender needs to move files.
type Media struct {
	Depot *media.Depot
	From  Files
}

// attach moves the file of a message to WhatsApp and puts into the message what WhatsApp must know of it. That is written
// down at once: a repeat of the action is the same message, about the same file.
func (s *Sender) attach(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp, message *waE2E.Message) error {
	if a.File == nil {
		return nil
	}
	live, err := s.connected(ctx, e, a.Login, s.timing().MaxAge)
	if err != nil {
		return err
	}
	if err := s.media.move(ctx, live.client, *a.File, message); err != nil {
		return s.moveError(e, a, err)
	}
	if a.Content, err = proto.Marshal(message); err != nil {
		return queue.Dead(fmt.Errorf("encode message %s: %w", a.Message.ID, err))
	}
	a.File = nil
	s.media.Depot.Settled(e.ID)
	crashpoint.Pass(crashpoint.WhatsAppUploaded)
	return s.sessions.edge.out.Progress(ctx, e, a)
}

// moveError says what follows from the error of moving a file: nothing may block the chat for ever.
func (s *Sender) moveError(e queue.Entry, a outbox.SendWhatsApp, err error) error {
	const not = "This was not sent to WhatsApp: "
	err = fmt.Errorf("move the file of message %s: %w", a.Message.ID, err)
	switch tries := s.failed(e, err); {
	case errors.Is(err, media.ErrTooLarge):
		return &queue.Reject{Code: "too_large", Err: err, Text: fmt.Sprintf(
			not+"the file is too large. The bridge moves up to %d MiB. Send a smaller one, or a link to it.", s.media.Depot.Limit()>>20)}
	case errors.Is(err, media.ErrBroken):
		return &queue.Reject{Code: "broken_file", Err: err, Text: not + "there is nothing in the file. Send it again."}
	case errors.Is(err, media.ErrGone) && tries >= goneTries:
		return &queue.Reject{Code: "no_file", Err: err, Text: not + "the homeserver does not have the file. Send it again."}
	case isDisconnect(err):
		return &queue.Park{Name: outbox.ConnectionOf(a.Login), Limit: s.timing().MaxAge + parkMargin}
	case tries >= attachTries:
		return &queue.Reject{Code: "file_not_moved", Err: err, Text: not + "the file could not be moved. Send it again later."}
	}
	return err
}

// failed counts the tries that have failed. That there is no connection is none.
func (s *Sender) failed(e queue.Entry, err error) int {
	if isDisconnect(err) || errors.Is(err, context.Canceled) {
		return 0
	}
	return s.media.Depot.Failed(e.ID)
}

// move brings a file to WhatsApp.
func (m Media) move(ctx context.Context, client *whatsmeow.Client, f outbox.FileOnMatrix, message *waE2E.Message) error {
	ctx, transfer, err := m.Depot.Begin(ctx)
	if err != nil {
		return err
	}
	defer transfer.End()
	return transfer.Explain(m.carry(ctx, transfer, client, f, message))
}

func (m Media) carry(ctx context.Context, transfer *media.Transfer, client *whatsmeow.Client, f outbox.FileOnMatrix, message *waE2E.Message) error {
	file, err := transfer.File(0)
	if err != nil {
		return err
	}
	if err := m.From.Download(ctx, f.URL, file); err != nil {
		return err
	}
	size, err := file.Size()
	if err != nil {
		return err
	} else if size == 0 {
		return fmt.Errorf("%w: it is empty", media.ErrBroken)
	}
	if done, err := asContacts(partOf(message), file, f); done || err != nil {
		return err
	}
	look, err := file.Look(f.MIME)
	if err != nil {
		return err
	}
	if file, look, err = inForm(transfer, file, look, f, message); err != nil {
		return err
	}
	thumbnail := m.thumbnail(ctx, transfer, f, file, look)
	if err := file.Rewind(); err != nil {
		return err
	}
	class := classOf(partOf(message))
	// The file is overwritten with the encrypted one while it is read.
	uploaded, err := client.UploadReader(ctx, file, file, class)
	if err != nil {
		if strings.Contains(err.Error(), "status code 413") {
			return fmt.Errorf("%w: %w", media.ErrTooLarge, err)
		}
		return fmt.Errorf("upload a file to WhatsApp: %w", err)
	}
	fill(partOf(message), uploaded, look, thumbnail)
	return nil
}

// inForm sees to it that a file is what its message is for. What WhatsApp's programs would not show goes as a document.
func inForm(transfer *media.Transfer, file *media.File, look media.Look, f outbox.FileOnMatrix, message *waE2E.Message) (*media.File, media.Look, error) {
	part := partOf(message)
	if part.StickerMessage != nil && look.MIME != "image/webp" {
		part.ImageMessage, part.StickerMessage = &waE2E.ImageMessage{ContextInfo: part.StickerMessage.ContextInfo}, nil
	}
	if part.ImageMessage != nil && look.MIME == "image/png" {
		picture, err := transfer.File(0)
		if err != nil {
			return nil, look, err
		}
		switch err := file.JPEG(look, picture); {
		case err == nil:
			look.MIME = "image/jpeg"
			return picture, look, nil
		case !errors.Is(err, media.ErrNoPicture):
			return nil, look, err
		}
	}
	if !fits(part, look) {
		asDocument(part, f.Name)
	}
	return file, look, nil
}

// fits reports whether WhatsApp's programs show a file as what its message says it is.
func fits(part *waE2E.Message, look media.Look) bool {
	switch {
	case part.ImageMessage != nil:
		return look.MIME == "image/jpeg" && look.Width > 0
	case part.VideoMessage != nil:
		return look.MIME == "video/mp4" || look.MIME == "video/3gpp"
	case part.AudioMessage != nil:
		if look.MIME != media.Opus {
			part.AudioMessage.PTT, part.AudioMessage.Waveform = nil, nil // a voice message is Opus
		}
		switch look.MIME {
		case media.Opus, "audio/mpeg", "audio/mp4", "audio/aac", "audio/amr":
			return true
		}
		return false
	}
	return true
}

// thumbnail draws the small picture that is shown before the file is loaded: from the file if that is a picture, else
// from the picture that the sender's program has made. There need not be one.
func (m Media) thumbnail(ctx context.Context, transfer *media.Transfer, f outbox.FileOnMatrix, file *media.File, look media.Look) []byte {
	small, err := file.Thumbnail(look)
	if err == nil || f.Thumbnail == "" {
		return small
	}
	picture, err := transfer.Spare(maxSource)
	if err != nil {
		return nil
	}
	if err := m.From.Download(ctx, f.Thumbnail, picture); err != nil {
		return nil
	}
	if look, err = picture.Look(""); err != nil {
		return nil
	}
	small, _ = picture.Thumbnail(look)
	return small
}
