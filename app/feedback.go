package app

import (
	"context"
	"time"

	"causeway/config"
	"causeway/inbox"
	"causeway/outbox"
	"causeway/portal"
	"causeway/queue"
)

// watchEvery is how often the queues are looked at for what is late or stuck.
const watchEvery = 5 * time.Second

func feedback(cfg config.Config) portal.Feedback {
	return portal.Feedback{
		Statuses: cfg.Bridge.MessageStatusEvents, Notices: cfg.Bridge.MessageErrorNotices, Receipts: cfg.Bridge.DeliveryReceipts,
	}.WithStandardTimes()
}

// watch looks for messages that are delayed, whose writers are told, and for lanes that are stuck, until ctx ends.
func (b *bridge) watch(ctx context.Context) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	late := lateMessages{in: b.in, out: b.out, delay: feedback(b.cfg).Delay}
	lanes := queue.NewWatch(queue.StandardPatience(), []queue.Alarm{queue.LogAlarm{Log: b.log}}, b.in.Queue, b.out.Queue)
	for {
		for _, look := range []func(context.Context) error{late.look, lanes.Look, b.timers} {
			if err := look(ctx); err != nil && ctx.Err() == nil {
				b.log.Warn().Err(err).Msg("The queues could not be looked at; trying again")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// timers journals what is due by now.
func (b *bridge) timers(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = b.in.AddDueTimers(ctx, time.Now()); err != nil {
			return err
		}
	}
	return nil
}

// lateMessages journals that messages to WhatsApp wait for long. What it remembers only spares work: the inbox knows
// what it was told before.
type lateMessages struct {
	in    *inbox.Inbox
	out   *outbox.Outbox
	delay time.Duration
	seen  int64          // up to here all were journaled
	heads map[int64]bool // those at the head of their lanes that were
}

func (l *lateMessages) look(ctx context.Context) error {
	var found []inbox.SendDelayed
	heads, seen := make(map[int64]bool), l.seen
	err := l.out.Overdue(ctx, outbox.KindSendWhatsApp, time.Now().Add(-l.delay), l.seen, func(e queue.Entry, head bool) {
		seen = max(seen, e.ID)
		if head {
			heads[e.ID] = true
		}
		action, err := outbox.Decode[outbox.SendWhatsApp](e)
		if err != nil || e.ID <= l.seen && l.heads[e.ID] {
			return
		}
		found = append(found, inbox.SendDelayed{Message: action.Message, Login: action.Login, Action: action.Key(), First: head})
	})
	if err != nil {
		return err
	}
	for _, delayed := range found {
		if err := l.in.AddSendDelayed(ctx, delayed); err != nil {
			return err
		}
	}
	l.seen, l.heads = seen, heads
	return nil
}

// life is what becomes of messages.
func life(cfg config.Config) portal.Life {
	return portal.Life{
		ShowViewOnce: cfg.Bridge.ViewOnce == config.ShowMedia, KeepVanished: cfg.Bridge.Disappearing == config.Keep,
		MarkDeleted: cfg.Bridge.KeepDeleted == config.Mark, KeepDeleted: cfg.Bridge.KeepDeleted == config.Keep,
		AskPhone: cfg.Media.Retry == config.Automatic, NeverAsk: cfg.Media.Retry == config.Never,
	}
}
