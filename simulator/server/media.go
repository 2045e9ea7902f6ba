package server

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/attachment"
	"causeway/simulator/journal"
	"causeway/simulator/wire"
)

// Limits of the media hosting.
const (
	// DefaultMediaLimit is how large a file may be, in bytes.
	DefaultMediaLimit = 256 << 20
	// mediaTTL is how long a client may use what it was told about the hosts, in seconds, and mediaAuthTTL its permission.
	mediaTTL, mediaAuthTTL = 300, 21600
	mediaHost              = "mmg.whatsapp.net"
	mediaFolder            = "/v/t62.7118-24/"
	// slowPiece is how much of a slow file moves at once, and slowPause how long each piece takes when the fault does not say.
	slowPiece = 16 << 10
	slowPause = time.Second
)

// hosting are the files on the network, all encrypted, by the base64 of their hash. The server's lock guards it.
type hosting struct {
	files map[string][]byte
	// permits say which device was allowed to upload.
	permits map[string]*account.Device
}

func newHosting() hosting {
	return hosting{files: map[string][]byte{}, permits: map[string]*account.Device{}}
}

// mediaRoutes are the addresses of the media hosts.
func (s *Server) mediaRoutes(mux *http.ServeMux) {
	mux.HandleFunc("POST "+mediaHost+"/mms/{kind}/{token}", s.transfer(s.upload))
	mux.HandleFunc("DELETE "+mediaHost+"/mms/{kind}/{token}", s.transfer(s.remove))
	mux.HandleFunc("GET "+mediaHost+mediaFolder+"{token}", s.transfer(s.download))
}

// mediaConn tells a client where files are and permits it to upload.
func (s *Server) mediaConn(c *session, n *wire.Node) {
	permit := newID("A")
	s.state.hosting.permits[permit] = c.device
	c.result(n, wire.Node{Tag: "media_conn", Attrs: wire.Attrs{"auth": permit, "ttl": strconv.Itoa(mediaTTL), "auth_ttl": strconv.Itoa(mediaAuthTTL), "max_buckets": "12"},
		Content: []wire.Node{{Tag: "host", Attrs: wire.Attrs{"hostname": mediaHost}}}})
}

// transfer applies the faults of media to a request.
func (s *Server) transfer(serve http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		d := s.state.hosting.permits[r.URL.Query().Get("auth")]
		status, slow := s.state.faults.take(MediaStatus, d), s.state.faults.take(SlowMedia, d)
		s.mu.Unlock()
		if status != nil {
			http.Error(w, "fault", status.Code)
			return
		}
		if slow != nil {
			pace := pace{done: r.Context().Done(), pause: slow.Delay}
			if pace.pause <= 0 {
				pace.pause = slowPause
			}
			r.Body, w = slowBody{r.Body, pace}, &slowWriter{w, pace}
		}
		serve(w, r)
	}
}

// upload takes a file and checks that its name is the hash of it.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	d, kind, token, ok := s.permitted(w, r)
	if !ok {
		return
	}
	refuse := func(status int, why string) {
		s.violate(d, "media upload", why)
		http.Error(w, why, status)
	}
	if r.ContentLength < 0 {
		refuse(http.StatusLengthRequired, "the length is not said")
		return
	}
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.mediaLimit))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		http.Error(w, "too large", http.StatusRequestEntityTooLarge)
		return
	} else if err != nil {
		return // the client has gone
	}
	if sum := sha256.Sum256(raw); tokenOf(sum[:]) != token || r.URL.Query().Get("token") != token {
		refuse(http.StatusBadRequest, "the name is not the hash of the file")
		return
	}
	path := s.PutFile(raw)
	s.journal.Add(journal.Event{Kind: journal.Media, Device: name(d), Class: "upload", ID: token, Detail: fmt.Sprintf("%s %d", kind, len(raw))})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"url": "https://" + mediaHost + path, "direct_path": path, "handle": newID("H")})
}

// remove takes the deletion of a file, which clients ask for after they have read a blob of history.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	d, kind, token, ok := s.permitted(w, r)
	if !ok {
		return
	}
	s.mu.Lock()
	delete(s.state.hosting.files, token)
	s.mu.Unlock()
	s.journal.Add(journal.Event{Kind: journal.Media, Device: name(d), Class: "delete", ID: token, Detail: string(kind)})
}

// permitted reads the address of an upload or deletion, and answers what is not allowed.
func (s *Server) permitted(w http.ResponseWriter, r *http.Request) (*account.Device, attachment.Kind, string, bool) {
	s.mu.Lock()
	d := s.state.hosting.permits[r.URL.Query().Get("auth")]
	s.mu.Unlock()
	kind, token := attachment.Kind(r.PathValue("kind")), r.PathValue("token")
	switch {
	case d == nil:
		s.violate(nil, "media upload", "without permission")
		http.Error(w, "no permission", http.StatusUnauthorized)
	case !kind.Known():
		s.violate(d, "media upload", "unknown kind "+string(kind))
		http.Error(w, "unknown kind", http.StatusNotFound)
	default:
		return d, kind, token, true
	}
	return nil, "", "", false
}

// download serves a file, or a range of it.
func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	token, query := r.PathValue("token"), r.URL.Query()
	s.mu.Lock()
	raw, ok := s.state.hosting.files[token]
	s.mu.Unlock()
	if kind := attachment.Kind(query.Get("mms-type")); !kind.Known() || query.Get("hash") != token {
		s.violate(nil, "media download", fmt.Sprintf("of %s as %q with hash %q", token, kind, query.Get("hash")))
	}
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.journal.Add(journal.Event{Kind: journal.Media, Class: "download", ID: token, Detail: fmt.Sprintf("%s %d", query.Get("mms-type"), len(raw))})
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(raw))
}

func tokenOf(hash []byte) string { return base64.URLEncoding.EncodeToString(hash) }

// PutFile stores an encrypted file, and returns where. Clients add parameters, so the path has some already.
func (s *Server) PutFile(raw []byte) string {
	sum := sha256.Sum256(raw)
	token := tokenOf(sum[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.hosting.files[token] = raw
	return mediaFolder + token + "?ccb=11-4&oh=simulated&oe=FFFFFFFF&_nc_sid=5e03e0"
}

// GetFile finds an encrypted file by the path that a message names.
func (s *Server) GetFile(path string) ([]byte, error) {
	bare, parameters, _ := strings.Cut(path, "?")
	token, ok := strings.CutPrefix(bare, mediaFolder)
	s.mu.Lock()
	raw, stored := s.state.hosting.files[token]
	s.mu.Unlock()
	if !ok || !stored || parameters == "" {
		return nil, fmt.Errorf("%w file %q", account.ErrUnknown, path)
	}
	return raw, nil
}

// ExpireFile removes a file, as the network does with those that are old.
func (s *Server) ExpireFile(path string) error {
	if _, err := s.GetFile(path); err != nil {
		return err
	}
	bare, _, _ := strings.Cut(path, "?")
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.state.hosting.files, strings.TrimPrefix(bare, mediaFolder))
	return nil
}

// pace slows a transfer down.
type pace struct {
	done  <-chan struct{}
	pause time.Duration
}

func (p pace) wait() {
	timer := time.NewTimer(p.pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-p.done:
	}
}

type slowBody struct {
	io.ReadCloser
	pace
}

func (b slowBody) Read(p []byte) (int, error) {
	b.wait()
	return b.ReadCloser.Read(p[:min(len(p), slowPiece)])
}

type slowWriter struct {
	http.ResponseWriter
	pace
}

func (w *slowWriter) Write(p []byte) (int, error) {
	written := 0
	for len(p) > 0 {
		w.wait()
		n, err := w.ResponseWriter.Write(p[:min(len(p), slowPiece)])
		written += n
		if err != nil {
			return written, err
		}
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		p = p[n:]
	}
	return written, nil
}
