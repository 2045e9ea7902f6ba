package homeserver

import "net/http"

// mediaConfig tells how large a file may be (Client-Server API, "Content repository").
func (h *Homeserver) mediaConfig(w http.ResponseWriter, _ *http.Request) {
	write(w, response{http.StatusOK, map[string]any{"m.upload.size": maxMedia}})
}

// preview tells what is known of a web page.
func (h *Homeserver) preview(w http.ResponseWriter, r *http.Request) {
	page, ok := h.opts.Pages[r.URL.Query().Get("url")]
	if !ok {
		write(w, failure(&apiError{http.StatusBadGateway, "M_UNKNOWN", "Failed to fetch the page"}))
		return
	}
	write(w, response{http.StatusOK, page})
}

// download serves a file that somebody has uploaded.
func (h *Homeserver) download(w http.ResponseWriter, r *http.Request) {
	content := h.Media("mxc://" + r.PathValue("server") + "/" + r.PathValue("media"))
	if content == nil {
		write(w, failure(&apiError{http.StatusNotFound, "M_NOT_FOUND", "Not found"}))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(content)
}

// AddFile uploads a file for a user, and returns its address.
func (h *Homeserver) AddFile(content []byte) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	address := "mxc://" + h.opts.Domain + "/media" + h.next()
	h.world.media[address] = content
	return address
}
