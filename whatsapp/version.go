package whatsapp

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"

	"causeway/database"
)

// versionSetting is the database.Setting that remembers the newest version of WhatsApp's web client.
const versionSetting = "whatsapp_web_version"

const (
	// versionTimeout is how long looking up the version may take: a slow page must not keep anybody from connecting.
	versionTimeout = 10 * time.Second
	// versionPause is how long an answer counts as fresh when many connections are refused at once.
	versionPause = time.Minute
)

// version keeps the version that the bridge claims to be. WhatsApp refuses clients that are too old (failure 405).
type version struct {
	db    *database.DB
	http  *http.Client
	log   zerolog.Logger
	fetch sync.Mutex // held while looking up, with asked
	asked time.Time

	use sync.RWMutex // the library's version is a package variable: read while connecting, written here
}

func newVersion(db *database.DB, client *http.Client, log zerolog.Logger) *version {
	limited := &http.Client{Transport: bounded{client.Transport, maxPage}}
	return &version{db: db, http: limited, log: log}
}

// load makes the remembered version current if it is newer than what the library was built with.
func (v *version) load(ctx context.Context) error {
	text, err := v.db.Setting(ctx, versionSetting)
	if err != nil || text == "" {
		return err
	}
	known, err := store.ParseVersion(text)
	if err != nil {
		v.log.Warn().Err(err).Msg("The remembered version of WhatsApp cannot be read; ignoring it")
		return nil
	}
	v.raise(known)
	return nil
}

// refresh asks WhatsApp for its version. Failure changes nothing: the version in use mostly still works.
func (v *version) refresh(ctx context.Context) error {
	v.fetch.Lock()
	defer v.fetch.Unlock()
	if time.Since(v.asked) < versionPause {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	latest, err := whatsmeow.GetLatestVersion(ctx, v.http)
	if err != nil {
		return fmt.Errorf("look up the version of WhatsApp: %w", err)
	}
	v.asked = time.Now()
	if !v.raise(*latest) {
		return nil
	}
	v.log.Info().Stringer("version", latest).Msg("WhatsApp has a new version; using it from now on")
	return v.db.PutSetting(ctx, versionSetting, latest.String())
}

// raise makes a version current, unless a newer one is: it never goes backwards.
func (v *version) raise(to store.WAVersionContainer) bool {
	v.use.Lock()
	defer v.use.Unlock()
	if !store.GetWAVersion().LessThan(to) {
		return false
	}
	store.SetWAVersion(to)
	return true
}

// claim runs connect, and returns the version that it claimed to be.
func (v *version) claim(connect func() error) (store.WAVersionContainer, error) {
	v.use.RLock()
	defer v.use.RUnlock()
	return store.GetWAVersion(), connect()
}

// newerThan reports whether the version in use is newer than one that was refused.
func (v *version) newerThan(refused store.WAVersionContainer) bool {
	v.use.RLock()
	defer v.use.RUnlock()
	return refused.LessThan(store.GetWAVersion())
}
