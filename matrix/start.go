package matrix

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"causeway/queue"
)

// remindEvery is how often the log says that the bridge still waits for its homeserver.
const remindEvery = 5 * time.Minute

// Pings knows which pings came from the homeserver. Server is one.
type Pings interface {
	Pinged(transaction string) bool
}

// Absence is what is done while there is no homeserver yet.
type Absence struct {
	Log zerolog.Logger
	// Begin, if set, is called once, when the homeserver is found away. An error ends the wait.
	Begin func() error
}

// Start checks as Check does, makes the bot a user with its name, and has the homeserver reach the bridge, which must
// be listening. While the homeserver is away it waits, for the two may be started in any order; what waiting cannot mend
// it returns at once.
func (c *Checker) Start(ctx context.Context, pings Pings, away Absence) error {
	backoff := queue.Backoff{First: 500 * time.Millisecond, Most: 10 * time.Second}
	var since, said time.Time
	for looks := 0; ; looks++ {
		err := c.start(ctx, pings)
		if err == nil && looks > 0 {
			away.Log.Info().Dur("after", time.Since(since)).Msg("The homeserver is there")
		}
		if !mayCome(err) {
			return err
		}
		if looks == 0 {
			since = time.Now()
		}
		if time.Since(said) >= remindEvery {
			said = time.Now()
			away.Log.Warn().Err(err).Msg("The homeserver cannot be reached; waiting for it. Is it running, and is homeserver.address right?")
		}
		if looks == 0 && away.Begin != nil {
			if err := away.Begin(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(backoff.After(looks)):
		}
	}
}

// mayCome reports whether an error says that the homeserver may be there later. A wrong certificate, or one where there
// should be none, stays.
func mayCome(err error) bool {
	_, wrong := errors.AsType[*tls.CertificateVerificationError](err)
	return isAway(err) && !wrong && !errors.Is(err, http.ErrSchemeMismatch)
}

func (c *Checker) start(ctx context.Context, pings Pings) error {
	if err := c.Check(ctx); err != nil {
		return err
	}
	if err := c.clients.register(ctx, c.cfg.Bot); err != nil {
		return fmt.Errorf("make the bot a user of the homeserver: %w", err)
	}
	if err := c.clients.ensureName(ctx, c.cfg.Bot, c.cfg.BotName); err != nil {
		return fmt.Errorf("set appservice.bot.displayname: %w", err)
	}
	return c.ping(ctx, pings)
}
