package whatsapp

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.mau.fi/whatsmeow"

	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

const (
	// mediaKeySize is the size of a file's key in bytes.
	mediaKeySize = 32
	// downloadLimit is how long a file waits for a connection at most, before it is a dead letter. Whoever waits for it gives
	// up before.
	downloadLimit = 48 * time.Hour
)

// mediaType says what the keys of a class of files are derived for.
func mediaType(class string) whatsmeow.MediaType {
	switch class {
	case "image":
		return whatsmeow.MediaImage
	case "video":
		return whatsmeow.MediaVideo
	case "audio":
		return whatsmeow.MediaAudio
	case "document":
		return whatsmeow.MediaDocument
	}
	return ""
}

// Download writes a file on WhatsApp into another, decrypted and checked. It needs a connection, but not that of the
// login which the message came by: whoever has the key may have the file.
func (s *Sessions) Download(ctx context.Context, f outbox.FileOnWhatsApp, into *media.File) error {
	class := mediaType(f.Class)
	if class == "" || len(f.Key) != mediaKeySize || len(f.SHA256) != sha256.Size || len(f.EncSHA256) != sha256.Size || !strings.HasPrefix(f.Path, "/") {
		return fmt.Errorf("%w: its message does not say where it is and how it is encrypted", media.ErrBroken)
	}
	live := s.get(f.Login)
	if live == nil || !live.ready.Load() {
		live = s.anyReady()
	}
	if live == nil {
		if err := s.ended(ctx, f.Login); err != nil {
			return err
		}
		return &queue.Park{Name: outbox.ConnectionOf(f.Login), Limit: downloadLimit}
	}
	err := live.client.DownloadMediaWithPathToFile(ctx, f.Path, f.EncSHA256, f.SHA256, f.Key, class, "", false, into)
	switch {
	case errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith403), errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith404),
		errors.Is(err, whatsmeow.ErrMediaDownloadFailedWith410):
		return fmt.Errorf("%w: %w", media.ErrGone, err)
	case errors.Is(err, whatsmeow.ErrInvalidMediaHMAC), errors.Is(err, whatsmeow.ErrInvalidMediaEncSHA256),
		errors.Is(err, whatsmeow.ErrInvalidMediaSHA256), errors.Is(err, whatsmeow.ErrTooShortFile):
		return fmt.Errorf("%w: %w", media.ErrBroken, err)
	case err != nil && strings.Contains(err.Error(), "failed to decrypt file"):
		return fmt.Errorf("%w: %w", media.ErrBroken, err)
	case isDisconnect(err):
		return &queue.Park{Name: outbox.ConnectionOf(f.Login), Limit: downloadLimit}
	case err != nil:
		return fmt.Errorf("download a file from WhatsApp: %w", err)
	}
	return nil
}

// anyReady returns a connection that works, or nil.
func (s *Sessions) anyReady() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, live := range s.live {
		if live.ready.Load() {
			return live
		}
	}
	return nil
}
