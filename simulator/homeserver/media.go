package homeserver

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
)

// maxKept is how large an uploaded file may be that is kept, in bytes; of a larger one only the size and hash are.
const maxKept = 64 << 20

// Huge is a file that is not kept.
type Huge struct {
	Size int64
	// SHA256 is in hexadecimal digits.
	SHA256 string

	made bool // up of random bytes
}

// mediaConfig tells how large a file may be (Client-Server API, "Content repository").
func (h *Homeserver) mediaConfig(w http.ResponseWriter, _ *http.Request) {
	write(w, response{http.StatusOK, map[string]any{"m.upload.size": h.opts.MediaLimit}})
}

// download serves a file that somebody has uploaded, or that is made up.
func (h *Homeserver) download(w http.ResponseWriter, r *http.Request) {
	address := "mxc://" + r.PathValue("server") + "/" + r.PathValue("media")
	content := h.Media(address)
	file, isHuge := h.Huge(address)
	w.Header().Set("Content-Type", "application/octet-stream")
	switch {
	case isHuge && file.made:
		w.Header().Set("Content-Length", strconv.FormatInt(file.Size, 10))
		_, _ = io.Copy(w, random(file.Size))
	case content != nil:
		_, _ = w.Write(content)
	default:
		write(w, failure(&apiError{http.StatusNotFound, "M_NOT_FOUND", "Not found"}))
	}
}

// random is a file that nobody has to carry about.
func random(size int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{byte(size)}), size)
}

// takeHuge answers the upload of a file of which only size and hash are kept.
func (h *Homeserver) takeHuge(w http.ResponseWriter, body io.Reader) {
	hash := sha256.New()
	size, err := io.Copy(hash, body)
	if err != nil {
		return // the client has gone
	}
	write(w, response{http.StatusOK, map[string]any{"content_uri": h.putHuge(Huge{Size: size, SHA256: hex.EncodeToString(hash.Sum(nil))})}})
}

func (h *Homeserver) putHuge(file Huge) (address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	address = "mxc://" + h.opts.Domain + "/huge" + h.next()
	h.world.huge[address] = file
	return address
}

// MakeHuge makes up a file of random bytes as if a user had uploaded it, and returns its address.
func (h *Homeserver) MakeHuge(size int64) (address string, file Huge) {
	hash := sha256.New()
	_, _ = io.Copy(hash, random(size)) // neither of them fails
	file = Huge{Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), made: true}
	return h.putHuge(file), file
}

// Huge returns what is known of a file that is not kept.
func (h *Homeserver) Huge(address string) (Huge, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	file, ok := h.world.huge[address]
	return file, ok
}

// AddFile uploads a file for a user, and returns its address.
func (h *Homeserver) AddFile(content []byte) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	address := "mxc://" + h.opts.Domain + "/media" + h.next()
	h.world.media[address] = content
	return address
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
