package app

import (
	"fmt"

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
	b.toMatrix, err = matrix.NewSender(matrixConfig(b.cfg), b.db, b.out, matrix.Media{Depot: depot, Files: files, From: b.sessions}, b.log)
	return err
}
