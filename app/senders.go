package app

import (
	"context"
	"fmt"

	"causeway/config"
	"causeway/matrix"
	"causeway/media"
	"causeway/media/transcode"
	"causeway/whatsapp"
)

// senders makes the two edges that carry actions out. Each has files from the other.
func (b *bridge) senders() error {
	tool := b.transcoder()
	depot, err := media.Open(media.Options{Dir: b.cfg.Media.Directory, Limit: b.cfg.Media.Limit(), Tool: tool})
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

// transcoder looks for ffmpeg, and says what comes of that.
func (b *bridge) transcoder() *transcode.Tool {
	tool, err := transcode.Find(context.Background(), b.cfg.Media.FFmpeg, b.cfg.Media.TranscodeTime)
	if err != nil {
		b.log.Warn().Err(err).Msg("There is no ffmpeg (media.ffmpeg): files that WhatsApp would not show as they are go as documents")
		return nil
	}
	b.log.Info().Str("path", tool.Path()).Str("version", tool.Version()).Msg("ffmpeg turns files into what WhatsApp shows")
	return tool
}
