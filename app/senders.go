package app

import (
	"fmt"

	"causeway/config"
	"causeway/matrix"
	"causeway/media"
	"causeway/whatsapp"
)

// senders makes the two edges that carry actions out. Each has files from the other.
func (b *bridge) senders() error {
	depot, err := media.Open(media.Options{Dir: b.cfg.Media.Directory, Limit: b.cfg.Media.Limit()})
	if err != nil {
		return fmt.Errorf("media.directory: %w", err)
	}
	files, err := matrix.NewFiles(matrixConfig(b.cfg))
	if err != nil {
		return err
	}
	b.toWhats = whatsapp.NewSender(b.sessions, whatsapp.Media{Depot: depot, From: files})
	b.toMatrix, err = matrix.NewSender(matrixConfig(b.cfg), b.db, b.out, matrix.Media{
		Depot: depot, Files: files, From: b.sessions, Lost: b.in, Offer: offer(b.cfg.Media.Retry),
	}, b.log)
	return err
}

// offer is what people are told of a file that the phone may still have.
func offer(retry string) string {
	switch retry {
	case config.Automatic:
		return "Your phone is asked for it: it appears here as soon as the phone has sent it."
	case config.OnRequest:
		return "React with ♻️ to this message to ask your phone for it."
	}
	return "Ask for it to be sent again, or look for it on the phone."
}
