package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/store"
	"go.mau.fi/whatsmeow/types"
	"go.mau.fi/whatsmeow/types/events"

	"causeway/database"
	"causeway/inbox"
	"causeway/outbox"
)

const (
	// pairingLimit is how long an attempt may take in all. WhatsApp gives it 160 seconds.
	pairingLimit = 200 * time.Second
	// codeLifetime is how long a pairing code is good for: as long as the connection that it was made on.
	codeLifetime = 160 * time.Second
	// restartLimit is how long to wait after linking for WhatsApp's request to connect again.
	restartLimit = 10 * time.Second
	// companion is how the bridge introduces itself when it links by code. WhatsApp takes only known browsers.
	companion = "Chrome (Linux)"
)

// pairing is one attempt of a user to link an account.
type pairing struct {
	edge   *edge
	user   outbox.Pair
	log    zerolog.Logger
	client *whatsmeow.Client
	cancel context.CancelFunc
	done   chan struct{} // closed when it has ended

	claimed store.WAVersionContainer // the version of the last try
	codes   int                      // how many QR codes there were in it
	restart chan struct{}            // has a value when WhatsApp asks to connect again

	mu      sync.Mutex
	serial  int
	ending  bool                 // somebody has ended it
	problem inbox.PairingProblem // what to say then; empty is nothing
	account types.JID            // the device that was linked
}

// Pair starts to link an account and returns at once; the steps are journaled. It takes the place of an earlier
// attempt of the same user.
func (s *Sessions) pair(ctx context.Context, a outbox.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	old := s.pairings[a.User]
	if old != nil {
		old.end("")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.limit)
	p := &pairing{edge: s.edge, user: a, cancel: cancel, done: make(chan struct{}), restart: make(chan struct{}, 1),
		log: s.log.With().Stringer("user", a.User).Str("flow", a.Flow).Logger(),
		// A repeat of this action after a crash starts behind what was journaled before.
		serial: int(time.Now().UnixMilli())}
	s.pairings[a.User] = p
	s.wg.Go(func() {
		defer cancel()
		if old != nil {
			<-old.done
		}
		p.run(ctx)
		account := p.linked()
		if !account.IsEmpty() {
			s.adopt(context.WithoutCancel(ctx), account)
		}
		s.mu.Lock()
		if s.pairings[a.User] == p {
			delete(s.pairings, a.User)
		}
		s.mu.Unlock()
		close(p.done)
	})
}

// stopPairing ends an attempt and waits for that. It returns the serial that comes after its steps.
func (s *Sessions) stopPairing(a outbox.StopPairing) int {
	s.mu.Lock()
	p := s.pairings[a.User]
	s.mu.Unlock()
	if p == nil || p.user.Flow != a.Flow {
		return int(time.Now().UnixMilli())
	}
	p.end("")
	<-p.done
	return p.next()
}

// adopt connects a device that was just linked, in place of an earlier one of the same account.
func (s *Sessions) adopt(ctx context.Context, device types.JID) {
	login := database.LoginID(device.User)
	if old := s.take(login); old != nil {
		_ = old.unlink(ctx) // its device is removed below in any case
		old.close()
	}
	s.open(ctx, database.Login{ID: login, Device: device})
	list, err := s.edge.devices.all(ctx)
	for _, other := range list {
		if err == nil && other.User == device.User && other != device {
			err = s.edge.devices.remove(ctx, other)
		}
	}
	if err != nil {
		s.log.Warn().Err(err).Str("login", string(login)).Msg("An earlier session of the account could not be removed")
	}
}

// end ends the attempt, with a problem to be journaled or none.
func (p *pairing) end(problem inbox.PairingProblem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ending {
		p.ending, p.problem = true, problem
	}
	p.cancel()
}

func (p *pairing) next() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.serial++
	return p.serial
}

func (p *pairing) linked() types.JID {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.account
}

// run goes through the attempt and journals its steps.
func (p *pairing) run(ctx context.Context) {
	problem := p.try(ctx)
	if problem != nil && problem.code == inbox.ProblemOutdated && p.renew(ctx) {
		problem = p.try(ctx)
	}
	p.mu.Lock()
	ending, why := p.ending, p.problem
	account := p.account
	if problem != nil {
		p.account = types.EmptyJID
	}
	p.mu.Unlock()
	switch {
	case problem == nil: // the step was journaled when the device was stored
	case !account.IsEmpty():
		p.undone(ctx, account, problem)
	case ending && why == "":
	case ending:
		p.step(ctx, inbox.Pairing{Step: inbox.PairingFailed, Problem: why})
	default:
		p.log.Info().Str("problem", string(problem.code)).AnErr("cause", problem.cause).Msg("Linking has failed")
		p.step(ctx, inbox.Pairing{Step: inbox.PairingFailed, Problem: problem.code, Detail: problem.detail()})
	}
}

// renew looks for a newer version of WhatsApp after ours was refused.
func (p *pairing) renew(ctx context.Context) bool {
	if err := p.edge.version.refresh(ctx); err != nil {
		p.log.Warn().Err(err).Msg("WhatsApp has refused our version, and a newer one could not be looked up")
	}
	return p.edge.version.newerThan(p.claimed)
}

// try makes one attempt. nil means that the account is linked.
func (p *pairing) try(ctx context.Context) *problem {
	p.codes = 0
	p.client = p.edge.client(p.edge.devices.fresh(p.save), p.log)
	p.client.AddEventHandler(p.handle)
	items, err := p.client.GetQRChannel(ctx)
	if err != nil {
		return &problem{inbox.ProblemRefused, err}
	}
	claimed, hangUp, err := p.edge.connect(ctx, p.client)
	p.claimed = claimed
	defer hangUp()
	if err != nil {
		return &problem{inbox.ProblemUnreachable, err}
	}
	for {
		select {
		case <-ctx.Done():
			if !p.linked().IsEmpty() {
				return nil
			}
			return &problem{inbox.ProblemExpired, ctx.Err()}
		case item, ok := <-items:
			if !ok {
				return p.closed()
			}
			if item == whatsmeow.QRChannelSuccess {
				return p.awaitRestart(ctx)
			}
			if problem := p.item(ctx, item); problem != nil {
				return problem
			}
		}
	}
}

// awaitRestart waits until WhatsApp has taken note of the new device and asks it to log in.
func (p *pairing) awaitRestart(ctx context.Context) *problem {
	timer := time.NewTimer(restartLimit)
	defer timer.Stop()
	select {
	case <-p.restart:
	case <-timer.C: // it will have noticed all the same
	case <-ctx.Done():
	}
	return nil
}

// handle takes note of what the QR channel does not tell.
func (p *pairing) handle(event any) {
	if _, again := event.(*events.ManualLoginReconnect); again {
		select {
		case p.restart <- struct{}{}:
		default:
		}
	}
}

// item works one item of the QR channel. A problem ends the attempt.
func (p *pairing) item(ctx context.Context, item whatsmeow.QRChannelItem) *problem {
	switch item.Event {
	case whatsmeow.QRChannelEventCode:
		p.codes++
		if p.user.Number == "" {
			p.step(ctx, inbox.Pairing{Step: inbox.PairingQR, Code: item.Code, Expires: time.Now().Add(item.Timeout)})
			return nil
		} else if p.codes == 1 {
			return p.byCode(ctx)
		}
		return nil
	case whatsmeow.QRChannelTimeout.Event:
		return p.closed()
	}
	return itemProblem(item, p.user.Number != "")
}

// closed says why the QR channel ended without a result.
func (p *pairing) closed() *problem {
	if p.codes == 0 {
		return &problem{inbox.ProblemUnreachable, errors.New("the connection was lost before there was a code")}
	}
	return &problem{inbox.ProblemExpired, errors.New("nobody used the code in time")}
}

// byCode asks for a pairing code, which needs a connection that has got its first QR code.
func (p *pairing) byCode(ctx context.Context) *problem {
	expires := time.Now().Add(codeLifetime)
	code, err := p.client.PairPhone(ctx, p.user.Number, true, whatsmeow.PairClientChrome, companion)
	if err != nil {
		return codeProblem(err)
	}
	p.step(ctx, inbox.Pairing{Step: inbox.PairingCode, Code: code, Expires: expires})
	return nil
}

// save journals that the account is linked, in the transaction that stores its device.
func (p *pairing) save(ctx context.Context, device *store.Device) error {
	jid := device.GetJID()
	account := &inbox.Account{Login: database.LoginID(jid.User), Device: jid, LID: device.LID.ToNonAD(), PN: jid.ToNonAD(),
		PushName: device.BusinessName}
	p.edge.db.AfterCommit(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.account = jid
	})
	return p.edge.in.AddPairing(ctx, inbox.Pairing{User: p.user.User, Flow: p.user.Flow, Serial: p.next(),
		Step: inbox.PairingDone, Account: account})
}

// undone says that an account was linked and WhatsApp never heard of it.
func (p *pairing) undone(ctx context.Context, account types.JID, problem *problem) {
	p.log.Warn().Err(problem.cause).Msg("The account was linked, but WhatsApp could not be told")
	lost := inbox.LoginChanged{Login: database.LoginID(account.User), State: database.StateLoggedOut,
		Detail: "linking was not completed: " + problem.detail(), At: time.Now()}
	if err := p.edge.in.AddLoginChanged(context.WithoutCancel(ctx), lost); err != nil {
		p.log.Error().Err(err).Msg("A failed login cannot be recorded")
	}
}

// step journals a step. The bridge may be stopping: that is a step too.
func (p *pairing) step(ctx context.Context, step inbox.Pairing) {
	step.User, step.Flow, step.Serial = p.user.User, p.user.Flow, p.next()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = retry(ctx, p.log, "A step of a login cannot be recorded; trying again", func() error {
		return p.edge.in.AddPairing(ctx, step)
	})
}

// problem is why an attempt failed.
type problem struct {
	code  inbox.PairingProblem
	cause error
}

func (p *problem) detail() string {
	if p.cause == nil {
		return ""
	}
	return p.cause.Error()
}

// itemProblem says what a final item of the QR channel means.
func itemProblem(item whatsmeow.QRChannelItem, byCode bool) *problem {
	cause := item.Error
	if cause == nil {
		cause = errors.New(item.Event)
	}
	switch item.Event {
	case whatsmeow.QRChannelClientOutdated.Event:
		return &problem{inbox.ProblemOutdated, cause}
	case whatsmeow.QRChannelScannedWithoutMultidevice.Event:
		return &problem{inbox.ProblemMultidevice, cause}
	case whatsmeow.QRChannelEventPasskeyRequest, whatsmeow.QRChannelEventPasskeyResponse:
		return &problem{inbox.ProblemNotSupported, errors.New("the account asks for a passkey")}
	}
	if byCode && errors.Is(cause, whatsmeow.ErrPairInvalidDeviceIdentityHMAC) {
		return &problem{inbox.ProblemWrongCode, cause}
	}
	return &problem{inbox.ProblemRefused, cause}
}

// codeProblem says what it means that no pairing code could be had.
func codeProblem(err error) *problem {
	err = fmt.Errorf("ask for a pairing code: %w", err)
	if errors.Is(err, whatsmeow.ErrPhoneNumberTooShort) || errors.Is(err, whatsmeow.ErrPhoneNumberIsNotInternational) {
		return &problem{inbox.ProblemWrongNumber, err}
	}
	if refusal, ok := errors.AsType[*whatsmeow.IQError](err); ok {
		switch refusal.Code {
		case 400, 404, 406:
			return &problem{inbox.ProblemWrongNumber, err}
		case 405:
			return &problem{inbox.ProblemOutdated, err}
		case 429:
			return &problem{inbox.ProblemRateLimited, err}
		case 500, 503:
			return &problem{inbox.ProblemUnreachable, err}
		}
		return &problem{inbox.ProblemRefused, err}
	}
	return &problem{inbox.ProblemUnreachable, err}
}
