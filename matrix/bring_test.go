package matrix_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"image"
	"image/jpeg"
	"image/png"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"maunium.net/go/mautrix/id"

	"causeway/database"
	"causeway/matrix"
	"causeway/media"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

// cdn stands for WhatsApp's files.
type cdn struct {
	content []byte
	err     error
	asked   int
}

func (c *cdn) Download(_ context.Context, _ outbox.FileOnWhatsApp, into *media.File) error {
	c.asked++
	if c.err != nil {
		return c.err
	}
	return into.Fill(bytes.NewReader(c.content))
}

func picture(t *testing.T, width, height int) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewGray(image.Rect(0, 0, width, height))))
	return out.Bytes()
}

func smallJPEG(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 8, 4)), nil))
	return out.Bytes()
}

// withMedia gives the bench's sender files from a CDN.
func (b *bench) withMedia(from *cdn, limit int64) {
	b.t.Helper()
	b.sender = b.newSenderWith(from, limit)
}

// showing is the action that shows a picture, as it stands in the outbox.
func (b *bench) showing(p database.Portal, content map[string]any) queue.Entry {
	b.t.Helper()
	raw, err := json.Marshal(content)
	require.NoError(b.t, err)
	a := outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.room.message", Content: raw, Txn: "1", File: &outbox.FileOnWhatsApp{
		Class: "image", Size: 100, MIME: "image/jpeg", Name: "image.jpg", Kind: "image", Thumbnail: smallJPEG(b.t)}}
	require.NoError(b.t, b.db.Write(b.t.Context(), func(ctx context.Context) error { return b.out.SendEvent(ctx, a) }))
	return b.stored()
}

// stored reads the action that showing added, as it stands now.
func (b *bench) stored() queue.Entry {
	b.t.Helper()
	e := queue.Entry{Kind: outbox.KindSendEvent, Added: time.Now()}
	require.NoError(b.t, b.db.QueryRow(b.t.Context(), `SELECT id, lane, dedup_key, payload FROM queue_entry WHERE kind=$1 ORDER BY id DESC LIMIT 1`,
		e.Kind).Scan(&e.ID, &e.Lane, &e.Key, &e.Payload))
	return e
}

func TestFileIsBroughtAndShown(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string]homeserver.Options{"v1.11": {}, "v1.1": {OldMedia: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBenchWith(t, opts)
			p, _ := b.directRoom()
			from := &cdn{content: picture(t, 30, 20)}
			b.withMedia(from, 1<<20)
			e := b.showing(p, map[string]any{"msgtype": "m.image", "body": "see", "filename": "image.jpg", "info": map[string]any{"w": 1, "xyz": true}})
			require.NoError(t, b.doEntry(e))
			content := b.last(p.RoomID).Content
			url, _ := content["url"].(string)
			require.Equal(t, from.content, b.hs.Media(url))
			info, _ := content["info"].(map[string]any)
			thumbnail, _ := info["thumbnail_url"].(string)
			require.Equal(t, smallJPEG(t), b.hs.Media(thumbnail))
			require.Equal(t, media.Look{MIME: "image/jpeg", Width: 8, Height: 4}, lookAt(t, smallJPEG(t)))
			require.Len(t, info["xyz.amorgan.blurhash"], 28)
			delete(info, "thumbnail_url")
			delete(info, "xyz.amorgan.blurhash")
			small := map[string]any{"mimetype": "image/jpeg", "size": float64(len(smallJPEG(t))), "w": 8.0, "h": 4.0}
			require.Equal(t, map[string]any{"mimetype": "image/png", "size": float64(len(from.content)), "w": 30.0, "h": 20.0, "xyz": true,
				"thumbnail_info": small}, info)
			require.Equal(t, "m.image", content["msgtype"])

			// What the homeserver has can be had from it.
			files, err := matrix.NewFiles(b.cfg)
			require.NoError(t, err)
			depot, err := media.Open(media.Options{Dir: t.TempDir(), Limit: 1 << 20})
			require.NoError(t, err)
			ctx, transfer, err := depot.Begin(t.Context())
			require.NoError(t, err)
			defer transfer.End()
			file, err := transfer.File(0)
			require.NoError(t, err)
			require.NoError(t, files.Download(ctx, id.ContentURIString(url), file))
			size, err := file.Size()
			require.NoError(t, err)
			require.EqualValues(t, len(from.content), size)
			for _, unknown := range []id.ContentURIString{"mxc://test.local/nothing", "https://x", "", "mxc://"} {
				require.ErrorIs(t, files.Download(ctx, unknown, file), media.ErrGone)
			}
			limit, err := files.Limit(ctx)
			require.NoError(t, err)
			require.EqualValues(t, 16<<20, limit)
		})
	}
}

func lookAt(t *testing.T, content []byte) media.Look {
	t.Helper()
	depot, err := media.Open(media.Options{Dir: t.TempDir(), Limit: 1 << 20})
	require.NoError(t, err)
	_, transfer, err := depot.Begin(t.Context())
	require.NoError(t, err)
	defer transfer.End()
	file, err := transfer.File(0)
	require.NoError(t, err)
	require.NoError(t, file.Fill(bytes.NewReader(content)))
	look, err := file.Look("")
	require.NoError(t, err)
	return look
}

// showingSticker is the action that shows a sticker.
func (b *bench) showingSticker(p database.Portal, mime string, thumbnail []byte, content map[string]any) queue.Entry {
	b.t.Helper()
	raw, err := json.Marshal(content)
	require.NoError(b.t, err)
	a := outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.sticker", Content: raw, Txn: "1", File: &outbox.FileOnWhatsApp{
		Class: "image", Size: 100, MIME: mime, Name: "sticker.json", Kind: "sticker", Thumbnail: thumbnail}}
	require.NoError(b.t, b.db.Write(b.t.Context(), func(ctx context.Context) error { return b.out.SendEvent(ctx, a) }))
	return b.stored()
}

// packed is an animation as WhatsApp packs it.
func packed(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range map[string]string{"animation/animation.json.overridden_metadata": "{}", "animation/animation.json": text} {
		f, err := w.Create(name)
		require.NoError(t, err)
		_, err = f.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestLottieShowsItsPicture(t *testing.T) {
	t.Parallel()
	const animation = `{"v":"5.5.7","layers":[]}`
	for name, thumbnail := range map[string][]byte{"with a picture": picture(t, 64, 64), "without": nil} {
		b := newBench(t)
		p, _ := b.directRoom()
		b.withMedia(&cdn{content: packed(t, animation)}, 1<<20)
		require.NoError(t, b.doEntry(b.showingSticker(p, media.WAS, thumbnail, map[string]any{"body": "Sticker", "info": map[string]any{"is_animated": true}})))
		event := b.last(p.RoomID)
		content := event.Content
		info, _ := content["info"].(map[string]any)
		url, _ := content["url"].(string)
		if thumbnail == nil {
			require.Equal(t, []any{"m.room.message", "m.file", "sticker.json", media.Lottie}, []any{event.Type, content["msgtype"], content["filename"], info["mimetype"]}, name)
			require.Equal(t, animation, string(b.hs.Media(url)))
			continue
		}
		require.Equal(t, []any{"m.sticker", "image/png", 64.0, true}, []any{event.Type, info["mimetype"], info["w"], info["is_animated"]}, name)
		require.Equal(t, thumbnail, b.hs.Media(url))
		lottie, _ := info["chat.causeway.lottie"].(map[string]any)
		url, _ = lottie["url"].(string)
		require.Equal(t, animation, string(b.hs.Media(url)))
	}
	b := newBench(t)
	p, _ := b.directRoom()
	b.withMedia(&cdn{content: []byte("PK\x03\x04 no archive")}, 1<<20)
	require.NoError(t, b.doEntry(b.showingSticker(p, media.WAS, nil, map[string]any{"body": "Sticker"})))
	body, _ := b.last(p.RoomID).Content["body"].(string)
	require.Contains(t, body, "damaged")
}

func TestStickerSaysItsPack(t *testing.T) {
	t.Parallel()
	exif := []byte("II*\x00\x08\x00\x00\x00" + `{"sticker-pack-id":"p1","sticker-pack-name":"Cats","sticker-pack-publisher":"Ann","emojis":["x","y"]}`)
	if len(exif)%2 == 1 {
		exif = append(exif, 0)
	}
	file := []byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\xff\x01\x00\xff\x00\x00EXIF")
	file = append(binary.LittleEndian.AppendUint32(file, uint32(len(exif))), exif...)
	b := newBench(t)
	p, _ := b.directRoom()
	b.withMedia(&cdn{content: file}, 1<<20)
	require.NoError(t, b.doEntry(b.showingSticker(p, "image/webp", nil, map[string]any{"body": "Sticker", "info": map[string]any{"w": 512, "h": 512}})))
	info, _ := b.last(p.RoomID).Content["info"].(map[string]any)
	require.Equal(t, []any{256.0, 128.0, true}, []any{info["w"], info["h"], info["is_animated"]})
	require.Equal(t, map[string]any{"emojis": "xy", "pack": map[string]any{"id": "p1", "name": "Cats", "publisher": "Ann"}}, info["chat.causeway.sticker"])
}

// A crash between the upload and the send moves nothing again and sends nothing twice.
func TestFileIsMovedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	from := &cdn{content: picture(t, 3, 2)}
	b.withMedia(from, 1<<20)
	e := b.showing(p, map[string]any{"msgtype": "m.image", "body": "image.jpg"})
	b.hs.Inject(homeserver.Fault{Match: "/send/", LoseAnswer: true})
	require.Error(t, b.doEntry(e))
	b.withMedia(from, 1<<20) // a new process
	e = b.stored()
	e.Attempts = 1
	require.NoError(t, b.doEntry(e))
	require.Equal(t, 1, from.asked)
	require.Len(t, b.hs.Messages(p.RoomID.String()), 1)
}

func TestWhatIsNoPictureIsAFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p, _ := b.directRoom()
	b.withMedia(&cdn{content: []byte("hello")}, 1<<20)
	require.NoError(t, b.doEntry(b.showing(p, map[string]any{"msgtype": "m.image", "body": "image.jpg"})))
	content := b.last(p.RoomID).Content
	require.Equal(t, "m.file", content["msgtype"])
	require.Equal(t, "image.jpg", content["filename"])
	require.Equal(t, "application/octet-stream", content["info"].(map[string]any)["mimetype"])
}

// What cannot be had becomes a notice that says what to do, and the chat goes on.
func TestNoticeInPlaceOfAFile(t *testing.T) {
	t.Parallel()
	long := make([]byte, 200_000)
	for name, c := range map[string]struct {
		from     *cdn
		limit    int64
		attempts int
		tries    int
		fault    *homeserver.Fault
		want     string
	}{
		"said to be too large": {from: &cdn{}, limit: 99, want: "more than it may have here"},
		"is too large":         {from: &cdn{content: long}, limit: 100_000, want: "more than it may have here"},
		"refused as too large": {from: &cdn{content: long}, limit: 1 << 20, want: "more than it may have here",
			fault: &homeserver.Fault{Match: "/upload", Status: 413, Code: "M_TOO_LARGE"}},
		"gone":            {from: &cdn{err: media.ErrGone}, want: "does not have it any more"},
		"broken":          {from: &cdn{err: media.ErrBroken}, want: "damaged"},
		"empty":           {from: &cdn{}, want: "damaged"},
		"never":           {from: &cdn{err: errors.New("503")}, tries: 12, want: "could not be moved"},
		"homeserver":      {from: &cdn{content: long}, tries: 12, want: "could not be moved", fault: &homeserver.Fault{Match: "/upload", Status: 500, Times: 12}},
		"refused":         {from: &cdn{content: long}, want: "homeserver does not take it", fault: &homeserver.Fault{Match: "/upload", Status: 403, Code: "M_FORBIDDEN"}},
		"logged out":      {from: &cdn{err: &queue.Reject{Text: "Log in again."}}, want: "Log in again."},
		"not for a while": {from: &cdn{err: errors.New("503")}, tries: 11},
		"not connected":   {from: &cdn{err: &queue.Park{Name: "x"}}, attempts: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p, _ := b.directRoom()
			if c.limit == 0 {
				c.limit = 1 << 20
			}
			b.withMedia(c.from, c.limit)
			e := b.showing(p, map[string]any{"msgtype": "m.image", "body": "the caption", "filename": "image.jpg", "url": "mxc://x/y", "info": map[string]any{},
				"m.new_content": map[string]any{"msgtype": "m.image", "body": "image.jpg"}, "m.mentions": map[string]any{}})
			e.Attempts = c.attempts
			if c.fault != nil {
				b.hs.Inject(*c.fault)
			}
			for range c.tries - 1 {
				require.Error(t, b.doEntry(e))
			}
			err := b.doEntry(e)
			if c.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			content := b.last(p.RoomID).Content
			body, _ := content["body"].(string)
			require.Contains(t, body, c.want)
			require.Contains(t, body, "It says: the caption")
			require.Equal(t, "m.notice", content["msgtype"])
			inner, _ := content["m.new_content"].(map[string]any)
			require.Equal(t, "m.notice", inner["msgtype"])
			for _, field := range []string{"url", "info", "filename"} {
				require.NotContains(t, content, field)
			}
		})
	}
}
