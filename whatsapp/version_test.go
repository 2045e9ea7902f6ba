package whatsapp

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
	"go.mau.fi/whatsmeow/store"

	"causeway/database"
)

// page answers every request with a text.
type page struct {
	text  atomic.Value
	asked atomic.Int32
}

// RoundTrip implements http.RoundTripper.
func (p *page) RoundTrip(*http.Request) (*http.Response, error) {
	p.asked.Add(1)
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(p.text.Load().(string)))}, nil
}

// This test changes a variable of whatsmeow, so it does not run beside others.
func TestVersion(t *testing.T) {
	original := store.GetWAVersion()
	t.Cleanup(func() { store.SetWAVersion(original) })
	db, err := database.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "bridge.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	web := &page{}
	open := func() *version { return newVersion(db, &http.Client{Transport: web}, zerolog.Nop()) }
	newest := original[2] + 7

	v := open()
	require.NoError(t, v.load(t.Context()), "nothing remembered")
	web.text.Store("nothing useful")
	require.Error(t, v.refresh(t.Context()))
	require.False(t, v.newerThan(original))
	web.text.Store(fmt.Sprintf(`{"client_revision":%d,}`, newest))
	require.NoError(t, v.refresh(t.Context()))
	require.True(t, v.newerThan(original))
	require.Equal(t, newest, store.GetWAVersion()[2])
	asked := web.asked.Load()
	require.NoError(t, v.refresh(t.Context()))
	require.Equal(t, asked, web.asked.Load(), "many connections that are refused at once ask once")

	v = open()
	web.text.Store(fmt.Sprintf(`{"client_revision":%d,}`, newest-1))
	require.NoError(t, v.refresh(t.Context()))
	require.Equal(t, newest, store.GetWAVersion()[2], "it never goes backwards")
	text, err := db.Setting(t.Context(), versionSetting)
	require.NoError(t, err)
	require.Equal(t, store.GetWAVersion().String(), text)

	store.SetWAVersion(original) // a new process
	require.NoError(t, open().load(t.Context()))
	require.Equal(t, newest, store.GetWAVersion()[2])
	require.NoError(t, db.PutSetting(t.Context(), versionSetting, "nonsense"))
	require.NoError(t, open().load(t.Context()))
	require.Equal(t, newest, store.GetWAVersion()[2])
}

func TestVersionPageIsBounded(t *testing.T) {
	t.Parallel()
	web := &page{}
	web.text.Store(strings.Repeat("x", 100))
	client := &http.Client{Transport: bounded{web, 10}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://example.com", nil)
	require.NoError(t, err)
	resp, err := client.Do(req)
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Len(t, body, 10)
}
