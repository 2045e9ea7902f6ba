package matrix

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"causeway/media"
)

// limitLifetime is how long the homeserver's limit for files is remembered.
const limitLifetime = time.Hour

// Files is the homeserver's content repository (Client-Server API, "Content repository").
type Files struct {
	clients *clients
	bot     id.UserID

	mu    sync.Mutex
	limit int64 // in bytes; 0 when the homeserver names none
	asked time.Time
}

// NewFiles returns the repository. It does not talk to the homeserver yet.
func NewFiles(cfg Config) (*Files, error) {
	clients, err := newClients(cfg)
	if err != nil {
		return nil, err
	}
	// A file may take any time as long as something moves: the transfer looks after that. Homeservers that keep their files
	// elsewhere may send us there for a download; an upload they would have to refuse.
	clients.http.Timeout = 0
	clients.http.CheckRedirect = nil
	if transport, ok := clients.http.Transport.(*http.Transport); ok {
		transport.ResponseHeaderTimeout = requestTimeout
	}
	return &Files{clients: clients, bot: cfg.Bot}, nil
}

// Download writes a file of the repository into another. The error is media.ErrGone when the homeserver does not have
// it, and media.ErrTooLarge.
func (f *Files) Download(ctx context.Context, address id.ContentURIString, into *media.File) error {
	uri, err := address.Parse()
	if err != nil || uri.IsEmpty() {
		return fmt.Errorf("%w: %q is no address of a file", media.ErrGone, address)
	}
	response, err := f.open(ctx, mautrix.ClientURLPath{"v1", "media", "download", uri.Homeserver, uri.FileID})
	if errors.Is(err, mautrix.MUnrecognized) || hasStatus(err, http.StatusMethodNotAllowed) {
		// Before v1.11 of the specification downloads needed no token.
		response, err = f.open(ctx, mautrix.MediaURLPath{"v3", "download", uri.Homeserver, uri.FileID})
	}
	switch {
	case refused(err):
		return fmt.Errorf("download %s: %w: %w", address, media.ErrGone, err)
	case hasStatus(err, http.StatusRequestEntityTooLarge):
		return fmt.Errorf("download %s: %w: %w", address, media.ErrTooLarge, err)
	case err != nil:
		return fmt.Errorf("download %s: %w", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	if err := into.Expect(response.ContentLength); err != nil {
		return fmt.Errorf("download %s: %w", address, err)
	}
	if err := into.Fill(response.Body); err != nil {
		return fmt.Errorf("download %s: %w", address, err)
	}
	return nil
}

func (f *Files) open(ctx context.Context, path mautrix.PrefixableURLPath) (*http.Response, error) {
	client := f.clients.as(f.bot)
	_, response, err := client.MakeFullRequestWithResp(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: client.BuildURL(path), DontReadResponse: true,
	})
	if err != nil && response != nil {
		_ = response.Body.Close()
	}
	return response, err
}

// Upload puts a file into the repository and returns its address. The error is media.ErrTooLarge when the homeserver
// does not take files of that size.
func (f *Files) Upload(ctx context.Context, file *media.File, mime, name string) (id.ContentURIString, error) {
	size, err := file.Size()
	if err != nil {
		return "", err
	}
	if err := file.Rewind(); err != nil {
		return "", err
	}
	answer, err := f.clients.as(f.bot).UploadMedia(ctx, mautrix.ReqUploadMedia{Content: file, ContentLength: size, ContentType: mime, FileName: name})
	if hasStatus(err, http.StatusRequestEntityTooLarge) {
		f.forgetLimit()
		return "", fmt.Errorf("upload a file of %d bytes: %w: %w", size, media.ErrTooLarge, err)
	} else if err != nil {
		return "", fmt.Errorf("upload a file of %d bytes: %w", size, err)
	}
	return answer.ContentURI.CUString(), nil
}

// UploadBytes puts a small file into the repository.
func (f *Files) UploadBytes(ctx context.Context, content []byte, mime, name string) (id.ContentURIString, error) {
	answer, err := f.clients.as(f.bot).UploadBytesWithName(ctx, content, mime, name)
	if err != nil {
		return "", fmt.Errorf("upload %s: %w", name, err)
	}
	return answer.ContentURI.CUString(), nil
}

// Limit is how large a file the homeserver takes, in bytes; 0 when it does not say.
func (f *Files) Limit(ctx context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.asked) < limitLifetime {
		return f.limit, nil
	}
	var answer mautrix.RespMediaConfig
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	client := f.clients.as(f.bot)
	_, err := client.MakeRequest(ctx, http.MethodGet, client.BuildURL(mautrix.ClientURLPath{"v1", "media", "config"}), nil, &answer)
	if errors.Is(err, mautrix.MUnrecognized) {
		_, err = client.MakeRequest(ctx, http.MethodGet, client.BuildURL(mautrix.MediaURLPath{"v3", "config"}), nil, &answer)
	}
	if err != nil && !errors.Is(err, mautrix.MUnrecognized) {
		return 0, fmt.Errorf("ask for the homeserver's limit for files: %w", err)
	}
	f.limit, f.asked = answer.UploadSize, time.Now()
	return f.limit, nil
}

// forgetLimit asks anew next time.
func (f *Files) forgetLimit() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = time.Time{}
}
