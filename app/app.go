// Package app builds one bridge out of the other packages and runs it. It is the only package that knows all of them.
package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/id"

	"causeway/command"
	"causeway/config"
	"causeway/database"
	"causeway/dispatch"
	"causeway/inbox"
	"causeway/live"
	"causeway/matrix"
	"causeway/outbox"
	"causeway/portal"
	"causeway/puppet"
	"causeway/queue"
	"causeway/user"
	"causeway/whatsapp"
)

// How the queues are worked.
const (
	pollEvery  = 30 * time.Second // for work that the process was not told of; it is told of all its own
	inboxBurst = 32               // decisions of one chat in one transaction
	inboxLanes = 64               // chats that are decided side by side
	sendLanes  = 64               // lanes of one kind, and on WhatsApp's side of one login, that are carried out side by side
	tidyEvery  = 6 * time.Hour    // how often keys that have had their time are removed
)

// bridge is one running bridge, in the order in which it is built.
type bridge struct {
	cfg      config.Config
	log      zerolog.Logger
	db       *database.DB
	in       *inbox.Inbox
	out      *outbox.Outbox
	sessions *whatsapp.Sessions
	toMatrix *matrix.Sender
	toWhats  *whatsapp.Sender
	chats    *portal.Portals
	arrivals *queue.Worker
	actions  *queue.Worker
	signs    *live.Signs
}

// Run runs the bridge until ctx ends. version is what the bot calls it.
func Run(ctx context.Context, cfg config.Config, log zerolog.Logger, version string) error {
	// What another program may hold is taken first, so that a second bridge on one machine touches nothing.
	listener, err := matrix.Listen(ctx, cfg.Appservice.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	b, err := build(ctx, cfg, log, version)
	if err != nil {
		return err
	}
	defer func() { _ = b.db.Close() }()
	return b.run(ctx, listener)
}

// Check looks whether the database and the homeserver are there and take the bridge, without running it.
func Check(ctx context.Context, cfg config.Config) error {
	db, err := database.Open(ctx, cfg.Database.URI.Reveal())
	if err != nil {
		return fmt.Errorf("database.uri: %w", err)
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("database.uri: %w", err)
	}
	checker, err := matrix.NewChecker(matrixConfig(cfg))
	if err != nil {
		return err
	}
	return checker.Check(ctx)
}

func botID(cfg config.Config) id.UserID {
	return id.NewUserID(cfg.Appservice.Bot.Username, cfg.Homeserver.Domain)
}

func matrixConfig(cfg config.Config) matrix.Config {
	return matrix.Config{
		Homeserver:   cfg.Homeserver.Address,
		Domain:       cfg.Homeserver.Domain,
		Address:      cfg.Appservice.Address,
		AppServiceID: cfg.Appservice.ID,
		ASToken:      matrix.Token(cfg.Appservice.ASToken.Reveal()),
		HSToken:      matrix.Token(cfg.Appservice.HSToken.Reveal()),
		Bot:          botID(cfg),
		BotName:      cfg.Appservice.Bot.Displayname,
		GhostPrefix:  cfg.Appservice.GhostPrefix,
	}
}

// build puts the parts together. Nothing is started and nothing outside is asked.
func build(ctx context.Context, cfg config.Config, log zerolog.Logger, version string) (*bridge, error) {
	names, err := cfg.WhatsApp.ContactName()
	if err != nil {
		return nil, fmt.Errorf("whatsapp.displayname: %w", err)
	}
	db, err := database.Open(ctx, cfg.Database.URI.Reveal())
	if err != nil {
		return nil, fmt.Errorf("database.uri: %w", err)
	}
	if err := whatsapp.SetGlobals(whatsappConfig(cfg)); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	bot := botID(cfg)
	b := &bridge{cfg: cfg, log: log, db: db, in: inbox.New(db, bot), out: outbox.New(db)}
	toWhatsApp := whatsappConfig(cfg)
	if cfg.Bridge.Typing {
		toWhatsApp.Typing = b.typing
	}
	if b.sessions, err = whatsapp.New(ctx, toWhatsApp, db, b.in, b.out, log); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := b.senders(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	b.signs = live.New(db, b.toMatrix, b.sessions, log)
	people := puppet.New(db, b.out, names, cfg.Appservice.GhostPrefix, cfg.Homeserver.Domain)
	permit := permissions{cfg.Bridge.Permissions}
	b.chats = portal.New(db, b.in, b.out, people, portal.Config{
		Bot: bot, Prefix: cfg.Bridge.CommandPrefix, Feedback: feedback(cfg), ReadReceipts: cfg.Bridge.ReadReceipts, IgnoreNotices: !cfg.Bridge.Notices,
		AskPreviews: cfg.Bridge.URLPreviews, Life: life(cfg),
	}, permit)
	deciders := dispatch.New(db, bot, dispatch.Deciders{
		Chats: b.chats, Lost: b.chats, Receipts: b.chats, Life: b.chats, Rooms: b.chats, Feedback: b.chats, People: people,
		Users:    user.New(db, b.in, b.out, permit, people),
		Commands: command.New(db, b.in, b.out, permit, command.About{Version: version, Prefix: cfg.Bridge.CommandPrefix}),
	})
	b.arrivals = queue.NewWorker(db, b.in.Queue, queue.Options{
		Handle: deciders.Handle, Rejected: deciders.Rejected, Buried: deciders.Buried,
		Burst: inboxBurst, Lanes: inboxLanes, Poll: pollEvery, Backoff: queue.Backoff{First: 200 * time.Millisecond, Most: time.Minute},
	}, log)
	b.actions = queue.NewWorker(db, b.out.Queue, queue.Options{
		Handle: b.perform, Rejected: b.notSent, Buried: b.buried,
		Burst: 1, Lanes: sendLanes, Kind: outbox.KindOf, Poll: pollEvery, Backoff: queue.Backoff{First: 500 * time.Millisecond, Most: 5 * time.Minute},
	}, log)
	return b, nil
}

// run starts the parts from the outside in: first the homeserver is answered, for it is asked to reach the bridge; then
// WhatsApp is connected and the queues are worked. While there is no homeserver what WhatsApp brings is journaled and
// decided, and what is to be done waits; not before it is known that the homeserver is away, because a bridge that is set
// up wrongly ends without having connected. It returns when ctx has ended and all have stopped, or when one of them
// cannot go on.
func (b *bridge) run(ctx context.Context, listener net.Listener) error {
	checker, err := matrix.NewChecker(matrixConfig(b.cfg))
	if err != nil {
		return err
	}
	server := matrix.NewServer(matrixConfig(b.cfg), b.in, b.db, b.log)
	if b.cfg.Bridge.Typing {
		server.SetSigns(b.signs)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return server.Serve(ctx, listener) })
	group.Go(func() error {
		defer b.sessions.Stop()
		receive := sync.OnceValue(func() error { return b.receive(ctx, group) })
		if err := checker.Start(ctx, server, matrix.Absence{Log: b.log, Begin: receive}); err != nil {
			return err
		}
		if err := receive(); err != nil {
			return err
		}
		group.Go(func() error { return b.actions.Run(ctx) })
		group.Go(func() error { return b.tidy(ctx) })
		group.Go(func() error { return b.watch(ctx) })
		group.Go(func() error { return b.signs.Run(ctx) })
		server.SetReady(true)
		b.log.Info().Str("bot", botID(b.cfg).String()).Msg("the bridge is running")
		<-ctx.Done()
		return nil
	})
	return group.Wait()
}

// receive connects to WhatsApp and lets what arrives be decided.
func (b *bridge) receive(ctx context.Context, group *errgroup.Group) error {
	if err := b.interrupted(ctx); err != nil {
		return err
	}
	group.Go(func() error { return b.arrivals.Run(ctx) })
	return b.sessions.Start(ctx)
}

// interrupted ends the logins that were under way when the bridge was last stopped: their codes are void.
func (b *bridge) interrupted(ctx context.Context) error {
	flows, err := b.db.LoginFlows(ctx)
	if err != nil {
		return err
	}
	for _, flow := range flows {
		err := b.in.AddPairing(ctx, inbox.Pairing{
			User: flow.User, Flow: flow.ID, Step: inbox.PairingFailed, Problem: inbox.ProblemInterrupted, Serial: -1,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// tidy removes what has had its time.
func (b *bridge) tidy(ctx context.Context) error {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		for _, q := range []*queue.Queue{b.in.Queue, b.out.Queue} {
			if err := q.Forget(ctx); err != nil && ctx.Err() == nil {
				b.log.Warn().Err(err).Msg("Old keys could not be removed; trying again later")
			}
		}
		if err := b.db.ForgetLostFiles(ctx, time.Now().Add(-queue.KeyLifetime)); err != nil && ctx.Err() == nil {
			b.log.Warn().Err(err).Msg("Lost files could not be forgotten; trying again later")
		}
		if err := b.db.ForgetQuotes(ctx, time.Now().Add(-queue.KeyLifetime)); err != nil && ctx.Err() == nil {
			b.log.Warn().Err(err).Msg("Old quotes could not be erased; trying again later")
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
