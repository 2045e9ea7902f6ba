package matrix

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
)

// pictureTries is how often the picture of a page is uploaded before the event goes without it.
const pictureTries = 3

// illustrate uploads the picture of the page that an event shows a preview of, and puts its address into the event. What
// comes of it is written down at once, so that a repeat of the action uploads nothing again. Without the picture the
// event is sent all the same.
func (s *Sender) illustrate(ctx context.Context, e queue.Entry, a outbox.SendEvent) (outbox.SendEvent, error) {
	if len(a.Preview) == 0 {
		return a, nil
	}
	shown, err := s.files.upload(ctx, a.Preview)
	if err != nil {
		if errors.Is(err, context.Canceled) || s.files.Depot.Failed(e.ID) < pictureTries {
			return a, fmt.Errorf("upload the picture of a page: %w", err)
		}
		s.log.Warn().Err(err).Int64("portal", int64(a.Portal)).Msg("The picture of a page could not be uploaded; its preview goes without")
	}
	if shown.url != "" {
		if err := rewrite(&a, shown.illustrate); err != nil {
			return a, err
		}
	}
	a.Preview = nil
	s.files.Depot.Settled(e.ID)
	return a, s.out.Progress(ctx, e, a)
}

// upload brings a small picture to the homeserver. What is none is left out.
func (m Media) upload(ctx context.Context, picture []byte) (shown, error) {
	out := shown{size: int64(len(picture))}
	ctx, transfer, err := m.Depot.Begin(ctx)
	if err != nil {
		return out, err
	}
	defer transfer.End()
	file, err := transfer.File(0)
	if err != nil {
		return out, err
	}
	if err := file.Fill(strings.NewReader(string(picture))); err != nil {
		return out, err
	}
	if out.look, err = file.Look(""); err != nil || out.look.Width == 0 {
		return out, err
	}
	address, err := m.Files.UploadBytes(ctx, picture, out.look.MIME, "preview"+media.Extension(out.look.MIME))
	out.url = string(address)
	return out, err
}

// illustrate writes into a content where the picture of its first preview is (MSC4095).
func (f shown) illustrate(content map[string]any) {
	list, _ := content["com.beeper.linkpreviews"].([]any)
	if len(list) == 0 {
		return
	}
	preview, _ := list[0].(map[string]any)
	if preview == nil {
		return
	}
	preview["og:image"], preview["og:image:type"], preview["matrix:image:size"] = f.url, f.look.MIME, f.size
	preview["og:image:width"], preview["og:image:height"] = f.look.Width, f.look.Height
}
