package server

import (
	"fmt"
	"net/http"
	"sync/atomic"

	"go.mau.fi/whatsmeow/store"
)

// webPage is the start page of WhatsApp Web, from which clients learn the newest version of the web client, the
// revision. Each client that is refused as outdated finds a newer one there.
type webPage struct {
	first    uint32
	outdated atomic.Uint32
}

func newWebPage() *webPage { return &webPage{first: store.GetWAVersion()[2]} }

func (p *webPage) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = fmt.Fprintf(w, `<!DOCTYPE html><title>Simulated WhatsApp Web</title><script>{"client_revision":%d,"server":"simulated"}</script>`,
		p.first+p.outdated.Load())
}
