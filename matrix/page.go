package matrix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"causeway/media"
)

const (
	// maxPage is how much of what the homeserver says about a page is read, in bytes.
	maxPage = 256 << 10
	// maxPageText is how long a title or a description may be, in bytes.
	maxPageText = 1000
)

// Page asks the homeserver what a web page shows of itself (Client-Server API, "GET /_matrix/client/v1/media/preview_url").
func (f *Files) Page(ctx context.Context, address string) (media.Page, error) {
	page, err := f.page(ctx, mautrix.ClientURLPath{"v1", "media", "preview_url"}, address)
	if errors.Is(err, mautrix.MUnrecognized) || hasStatus(err, http.StatusNotFound) || hasStatus(err, http.StatusMethodNotAllowed) {
		// As it was before v1.11 of the specification.
		page, err = f.page(ctx, mautrix.MediaURLPath{"v3", "preview_url"}, address)
	}
	if err != nil {
		return media.Page{}, fmt.Errorf("ask for a preview: %w", err)
	}
	return page, nil
}

func (f *Files) page(ctx context.Context, path mautrix.PrefixableURLPath, address string) (media.Page, error) {
	client := f.clients.as(f.bot)
	_, response, err := client.MakeFullRequestWithResp(ctx, mautrix.FullRequest{
		Method: http.MethodGet, URL: client.BuildURLWithQuery(path, map[string]string{"url": address}), DontReadResponse: true,
	})
	if err != nil {
		if response != nil {
			_ = response.Body.Close()
		}
		return media.Page{}, err
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxPage))
	if err != nil {
		return media.Page{}, err
	}
	said := map[string]any{}
	if err := json.Unmarshal(raw, &said); err != nil {
		return media.Page{}, fmt.Errorf("read the preview: %w", err)
	}
	text := func(field string) string {
		value, _ := said[field].(string)
		value = strings.Join(strings.Fields(strings.ReplaceAll(value, "\x00", "")), " ")
		return strings.ToValidUTF8(value[:min(len(value), maxPageText)], "")
	}
	page := media.Page{Title: text("og:title"), Description: text("og:description")}
	if picture := id.ContentURIString(text("og:image")); picture.ParseOrIgnore().IsValid() {
		page.Picture = picture
	}
	return page, nil
}
