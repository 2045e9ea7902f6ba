package matrix_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"causeway/matrix"
	"causeway/outbox"
	"causeway/queue"
	"causeway/simulator/homeserver"
)

// previewing is the action that shows a text with the preview of a page.
func (b *bench) previewing(portal outbox.SendEvent, picture []byte) queue.Entry {
	b.t.Helper()
	portal.Content = json.RawMessage(`{"msgtype":"m.text","body":"https://a.example","com.beeper.linkpreviews":[{"matched_url":"https://a.example","og:title":"A"}]}`)
	portal.Preview = picture
	require.NoError(b.t, b.db.Write(b.t.Context(), func(ctx context.Context) error { return b.out.SendEvent(ctx, portal) }))
	return b.stored()
}

func TestPictureOfPreview(t *testing.T) {
	t.Parallel()
	for name, picture := range map[string][]byte{"picture": nil, "no picture": []byte("text")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p, _ := b.directRoom()
			b.withMedia(&cdn{}, 1<<20)
			if picture == nil {
				picture = smallJPEG(t)
			}
			e := b.previewing(outbox.SendEvent{Portal: p.ID, As: carol, Type: "m.room.message", Txn: "1"}, picture)
			require.NoError(t, b.doEntry(e))
			previews, _ := b.last(p.RoomID).Content["com.beeper.linkpreviews"].([]any)
			require.Len(t, previews, 1)
			preview, _ := previews[0].(map[string]any)
			require.Equal(t, "A", preview["og:title"])
			address, _ := preview["og:image"].(string)
			if name == "no picture" {
				require.Empty(t, address)
				return
			}
			require.Equal(t, picture, b.hs.Media(address))
			require.EqualValues(t, 8, preview["og:image:width"])
			again := b.stored()
			require.NotContains(t, string(again.Payload), `"preview"`, "a repeat uploads nothing again")
		})
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for _, old := range []bool{false, true} {
		b := newBenchWith(t, homeserver.Options{OldMedia: old, Pages: map[string]map[string]any{
			"https://a.example/?x=1&y": {"og:title": "A\n page", "og:description": strings.Repeat("long ", 1000), "og:image": "mxc://test.local/1", "og:image:width": 3},
			"https://b.example/":       {"og:title": 7, "og:image": "https://elsewhere.example/x.png"},
		}})
		files, err := matrix.NewFiles(b.cfg)
		require.NoError(t, err)
		page, err := files.Page(t.Context(), "https://a.example/?x=1&y")
		require.NoError(t, err)
		require.Equal(t, "A page", page.Title)
		require.EqualValues(t, "mxc://test.local/1", page.Picture)
		require.Less(t, len(page.Description), 1100)
		page, err = files.Page(t.Context(), "https://b.example/")
		require.NoError(t, err)
		require.Zero(t, page)
		_, err = files.Page(t.Context(), "https://c.example/")
		require.Error(t, err)
	}
}
