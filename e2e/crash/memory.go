package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"causeway/simulator"
)

const (
	// heapGrowth is how many MiB the bridge's live heap may grow by while a homeserver is away, however much arrives.
	heapGrowth = 8
	// residentGrowth is the same for the memory that the system gives it, which holds SQLite's pages and garbage too.
	residentGrowth = 64
	// backlogTime is how long the bridge may take to acknowledge what has arrived.
	backlogTime = 3 * time.Minute
)

// liveHeap is what the runtime says after each collection (GODEBUG=gctrace=1): the last figure is what is still in use, in MiB.
var liveHeap = regexp.MustCompile(`(?m)^gc \d+ @.* \d+->\d+->(\d+) MB, `)

// LongOutage lets many messages arrive from WhatsApp while the homeserver refuses connections: each is acknowledged, on the connections
// that were there before, and the bridge's memory does not grow with them. Each has padding KiB, which a bridge that kept them would have
// to keep too.
func LongOutage(messages, padding int) Scenario {
	return Scenario{Name: fmt.Sprintf("%d messages, no homeserver", messages), Play: func(ctx context.Context, a *Act) (err error) {
		b := a.world.bridge
		if err := b.stop(); err != nil {
			return err
		}
		env := b.env
		b.env = append(slices.Clone(env), "GODEBUG=gctrace=1")
		err = a.longOutage(ctx, messages, padMark+strings.Repeat("x", padding<<10))
		b.env = env
		return errors.Join(err, b.stop())
	}}
}

func (a *Act) longOutage(ctx context.Context, messages int, padding string) error {
	hs, log := a.world.matrix.null, filepath.Join(a.world.bridge.dir, "causeway.log")
	begin, err := fileSize(log)
	if err == nil {
		err = a.world.bridge.ensure(ctx)
	}
	if err != nil {
		return err
	}
	// Rooms, sessions and caches are made before memory is measured.
	if err := errors.Join(a.flood(ctx, messages/5, padding), a.acknowledged(ctx)); err != nil {
		return err
	}
	before, err := a.memory(log, begin)
	if err != nil {
		return err
	}
	logins := a.logins()
	if err := hs.Refuse(true); err != nil {
		return err
	}
	began := time.Now()
	if err := errors.Join(a.flood(ctx, messages, padding), a.acknowledged(ctx)); err != nil {
		return errors.Join(err, hs.Refuse(false))
	}
	during, err := a.memory(log, before.end)
	if err != nil {
		return errors.Join(err, hs.Refuse(false))
	}
	if now := a.logins(); !slices.Equal(logins, now) {
		a.complain("WhatsApp's connections were made anew while the homeserver was away: logins %v before, %v after", logins, now)
	}
	report, err := a.stage.check()
	if err == nil && report.Sent-report.Arrived < messages {
		a.complain("the homeserver was not away: only %d lines are missing", report.Sent-report.Arrived)
	}
	a.world.options.Say(fmt.Sprintf("%d messages of %d KiB were acknowledged within %s of an outage",
		messages, len(padding)>>10, time.Since(began).Round(time.Second)))
	a.judge(before, during)
	return errors.Join(err, hs.Refuse(false))
}

// judge holds the memory during an outage against that before it.
func (a *Act) judge(before, during footprint) {
	a.world.options.Say(fmt.Sprintf("Live heap: %d MiB before it, at most %d MiB during it (%d collections); resident: %d and %d MiB",
		before.heap, during.heap, during.collections, before.resident, during.resident))
	if during.collections == 0 || during.heap > before.heap+heapGrowth {
		a.complain("the live heap grew from %d MiB to %d MiB (%d collections) while the homeserver was away; %d MiB more are allowed",
			before.heap, during.heap, during.collections, heapGrowth)
	}
	if during.resident > before.resident+residentGrowth {
		a.complain("the resident memory grew from %d MiB to %d MiB while the homeserver was away; %d MiB more are allowed",
			before.resident, during.resident, residentGrowth)
	}
}

func (a *Act) complain(format string, args ...any) {
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

// flood lets contacts write one message after the other.
func (a *Act) flood(ctx context.Context, messages int, padding string) error {
	for range messages {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		a.stage.mu.Lock()
		c := a.stage.chats[a.chance.IntN(len(a.stage.chats))]
		a.stage.mu.Unlock()
		if err := a.stage.sayMore(c, c.contacts[a.chance.IntN(len(c.contacts))], padding); err != nil {
			return err
		}
	}
	return nil
}

// sayMore lets a phone write a line that is longer than it need be.
func (s *stage) sayMore(c *chat, phone *simulator.Phone, padding string) error {
	s.speech.Lock()
	defer s.speech.Unlock()
	line := s.said.next(c.name, phone.Number())
	out := simulator.Outgoing{Chat: c.at(phone).String(), Text: line.Text() + padding}
	if _, err := phone.Send(context.Background(), out); err != nil {
		return err
	}
	s.said.note(line)
	return nil
}

// devices are the bridge's, as WhatsApp counts what they do.
func (a *Act) devices() []simulator.Counters {
	stats := a.world.network.Stats()
	var list []simulator.Counters
	for _, p := range a.world.people {
		list = append(list, stats[p.phone.Number()+":1"])
	}
	return list
}

// logins is how often each of the bridge's devices has connected.
func (a *Act) logins() []uint64 {
	var list []uint64
	for _, d := range a.devices() {
		list = append(list, d.Logins)
	}
	return list
}

// acknowledged waits for a moment at which the bridge has acknowledged all that WhatsApp has for it.
func (a *Act) acknowledged(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, backlogTime)
	defer cancel()
	for {
		waits := slices.ContainsFunc(a.devices(), func(c simulator.Counters) bool { return !c.Online || c.Unacknowledged+c.Queued > 0 })
		if !waits {
			return nil
		}
		if err := a.pause(ctx, 20*time.Millisecond); err != nil {
			return fmt.Errorf("wait until all is acknowledged (%+v): %w", a.devices(), err)
		}
	}
}

// footprint is the memory of the bridge over a while, in MiB.
type footprint struct {
	// heap is the most that was in use after a collection.
	heap, collections int
	resident          int
	// end is where its log ended.
	end int64
}

// memory reads how much memory the bridge has had since its log was at begin.
func (a *Act) memory(log string, begin int64) (footprint, error) {
	text, err := os.ReadFile(log)
	if err != nil {
		return footprint{}, err
	}
	f := footprint{end: int64(len(text))}
	for _, match := range liveHeap.FindAllSubmatch(text[begin:], -1) {
		n, err := strconv.Atoi(string(match[1]))
		if err != nil {
			return f, err
		}
		f.heap, f.collections = max(f.heap, n), f.collections+1
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", a.world.bridge.process.PID()))
	if err != nil {
		return f, err
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(rest, &f.resident); err != nil {
		return f, fmt.Errorf("read the bridge's memory: %w", err)
	}
	f.resident >>= 10
	return f, nil
}

// fileSize is 0 for a file that is not there.
func fileSize(path string) (int64, error) {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	} else if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
