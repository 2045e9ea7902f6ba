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
	"causeway/inbox"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// attachTries is how often a file is moved before its sender is told that it cannot be: some twenty minutes.
	attachTries = 12
	// goneTries is how often a file is looked for that the homeserver does not have: one of another server may come later.
	goneTries = 3
	// maxPreview is the longest side of what ffmpeg draws for a thumbnail, in pixels.
	maxPreview = 400
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
func (s *Sender) attach(ctx context.Context, e queue.Entry, a outbox.SendWhatsApp, message *waE2E.Message) (outbox.SendWhatsApp, error) {
	if a.File == nil {
		return a, nil
	}
	live, err := s.connected(ctx, e, a.Login, s.timing().MaxAge)
	if err != nil {
		return a, err
	}
	if a.Remark, err = s.media.move(ctx, live.client, *a.File, message); err != nil {
		return a, s.moveError(e, a, err)
	}
	if a.Content, err = proto.Marshal(message); err != nil {
		return a, queue.Dead(fmt.Errorf("encode message %s: %w", a.Message.ID, err))
	}
	a.File = nil
	s.media.Depot.Settled(e.ID)
	crashpoint.Pass(crashpoint.WhatsAppUploaded)
	return a, s.sessions.edge.out.Progress(ctx, e, a)
}

// remarked lets the chat tell the sender of a file how it went, in the transaction that closes the action.
func (s *Sender) remarked(a outbox.SendWhatsApp) queue.Settle {
	if a.Remark == "" {
		return nil
	}
	return func(ctx context.Context) error {
		return s.sessions.edge.in.AddSentOtherwise(ctx, inbox.SentOtherwise{Message: a.Message, Text: a.Remark})
	}
}

// moveError says what follows from the error of moving a file: nothing may block the chat for ever.
func (s *Sender) moveError(e queue.Entry, a outbox.SendWhatsApp, err error) error {
	const not = "This was not sent to WhatsApp: "
	if refusal, ok := errors.AsType[*queue.Reject](err); ok {
		return refusal
	}
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

// move brings a file to WhatsApp. The remark is what its sender is to know about how it went.
func (m Media) move(ctx context.Context, client *whatsmeow.Client, f outbox.FileOnMatrix, message *waE2E.Message) (remark string, err error) {
	ctx, transfer, err := m.Depot.Begin(ctx)
	if err != nil {
		return "", err
	}
	defer transfer.End()
	remark, err = m.carry(ctx, transfer, client, f, message)
	return remark, transfer.Explain(err)
}

func (m Media) carry(ctx context.Context, transfer *media.Transfer, client *whatsmeow.Client, f outbox.FileOnMatrix, message *waE2E.Message) (remark string, err error) {
	file, err := transfer.File(0)
	if err != nil {
		return "", err
	}
	if err := m.From.Download(ctx, f.URL, file); err != nil {
		return "", err
	}
	size, err := file.Size()
	if err != nil {
		return "", err
	} else if size == 0 {
		return "", fmt.Errorf("%w: it is empty", media.ErrBroken)
	}
	if done, err := asContacts(partOf(message), file, f); done || err != nil {
		return "", err
	}
	look, err := file.Look(f.MIME)
	if err != nil {
		return "", err
	}
	s := &shape{transfer: transfer, plan: f, part: partOf(message), file: file, look: look}
	if err := s.form(ctx); err != nil {
		return "", err
	}
	thumbnail := m.thumbnail(ctx, s)
	if err := s.file.Rewind(); err != nil {
		return "", err
	}
	class := classOf(partOf(message))
	// The file is overwritten with the encrypted one while it is read.
	uploaded, err := client.UploadReader(ctx, s.file, s.file, class)
	if err != nil {
		if strings.Contains(err.Error(), "status code 413") {
			return "", fmt.Errorf("%w: %w", media.ErrTooLarge, err)
		}
		return "", fmt.Errorf("upload a file to WhatsApp: %w", err)
	}
	fill(partOf(message), uploaded, s.look, thumbnail)
	return s.remark, nil
}

// thumbnail draws the small picture that is shown before the file is loaded: from the picture that the sender's program has
// made of what is no picture, else from the file. There need not be one.
func (m Media) thumbnail(ctx context.Context, s *shape) []byte {
	small, err := s.file.Thumbnail(s.look)
	if err == nil {
		return small
	}
	if small = m.thumbnailFrom(ctx, s); small != nil {
		return small
	}
	class, _, _ := strings.Cut(s.look.MIME, "/")
	if class != "image" && class != "video" || !m.Depot.Transcodes() {
		return nil
	}
	picture, err := s.transfer.Spare(maxSource)
	if err != nil {
		return nil
	}
	if err := s.file.Preview(ctx, s.look, maxPreview, picture); err != nil {
		return nil
	}
	return smallOf(picture)
}

// thumbnailFrom draws it from the picture that the sender's program has made.
func (m Media) thumbnailFrom(ctx context.Context, s *shape) []byte {
	if s.plan.Thumbnail == "" {
		return nil
	}
	picture, err := s.transfer.Spare(maxSource)
	if err != nil {
		return nil
	}
	if err := m.From.Download(ctx, s.plan.Thumbnail, picture); err != nil {
		return nil
	}
	return smallOf(picture)
}

func smallOf(picture *media.File) []byte {
	look, err := picture.Look("")
	if err != nil {
		return nil
	}
	small, _ := picture.Thumbnail(look)
	return small
}
