package user

import (
	"context"
	"slices"
	"testing"
	"time"

	"go.mau.fi/whatsmeow/types"

	"causeway/database"
	"causeway/dispatch/dispatchtest"
	"causeway/inbox"
	"causeway/outbox"
)

const login = database.LoginID("15550100")

func account() *inbox.Account {
	return &inbox.Account{
		Login: login, Device: types.JID{User: "15550100", Device: 5, Server: types.DefaultUserServer},
		LID: types.NewJID("900", types.HiddenUserServer), PN: types.NewJID("15550100", types.DefaultUserServer),
	}
}

// start begins a login of Alice's in their management room.
func (b bed) start(flow string) {
	b.t.Helper()
	b.invite(dispatchtest.Alice, room, true)
	b.do(func(ctx context.Context) error {
		return b.DB.PutLoginFlow(ctx, database.LoginFlow{User: dispatchtest.Alice, ID: flow, Method: "qr", Room: room, Started: time.Now()})
	})
}

func (b bed) step(p inbox.Pairing) dispatchtest.Actions {
	b.t.Helper()
	return b.do(func(ctx context.Context) error { return b.u.Pairing(ctx, p) })
}

func (b bed) hasFlow() bool {
	_, err := b.DB.LoginFlowOf(b.t.Context(), dispatchtest.Alice)
	return err == nil
}

func TestPairing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$flow")
	expires := time.Now().Add(time.Minute)
	txns := map[string]bool{}
	for serial, code := range []string{"one", "two"} {
		list := b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Serial: serial, Step: inbox.PairingQR, Code: code, Expires: expires})
		n := notice(t, list.Expect(t, "send_notice"), room, "Linked devices")
		if n.QR != code || n.Name != "login/$flow" || !n.Expires.Equal(expires) || txns[n.Txn] {
			t.Errorf("got %+v", n)
		}
		txns[n.Txn] = true
	}
	list := b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Serial: 3, Step: inbox.PairingCode, Code: "ABCD-EFGH", Expires: expires})
	if n := notice(t, list.Expect(t, "send_notice"), room, "ABCD-EFGH"); n.QR != "" || n.Name != "login/$flow" || !n.Expires.Equal(expires) {
		t.Errorf("got %+v", n)
	}
	if !b.hasFlow() {
		t.Fatal("the login has ended too early")
	}
	done := inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Serial: 4, Step: inbox.PairingDone, Account: account()}
	list = b.step(done).Expect(t, "remove_notice send_notice")
	notice(t, list, room, "+15550100 is linked")
	if removed := dispatchtest.Only[outbox.RemoveNotice](t, list, outbox.KindRemoveNotice); removed.Name != "login/$flow" || b.hasFlow() {
		t.Errorf("got %+v", removed)
	}
	row, err := b.DB.LoginByID(t.Context(), login)
	if err != nil || row.User != dispatchtest.Alice || row.Device != account().Device || row.State != database.StateConnecting {
		t.Errorf("got %+v, %v", row, err)
	}
	own, err := b.DB.PuppetByID(t.Context(), row.Puppet)
	if err != nil || own.LID != account().LID || own.PN != account().PN {
		t.Errorf("got %+v, %v", own, err)
	}
	// The same again, as after a restore: nothing new.
	b.step(done).Expect(t, "")
}

func TestPairingEndsInVain(t *testing.T) {
	t.Parallel()
	steps := map[string]inbox.Pairing{
		"stopped": {Step: inbox.PairingStopped}, "new reason": {Step: inbox.PairingFailed, Problem: "x"}, "no reason": {Step: inbox.PairingFailed},
	}
	for _, problem := range []inbox.PairingProblem{
		inbox.ProblemExpired, inbox.ProblemRefused, inbox.ProblemWrongCode, inbox.ProblemWrongNumber, inbox.ProblemRateLimited, inbox.ProblemOutdated,
		inbox.ProblemUnreachable, inbox.ProblemInterrupted, inbox.ProblemMultidevice, inbox.ProblemNotSupported,
	} {
		steps[string(problem)] = inbox.Pairing{Step: inbox.PairingFailed, Problem: problem}
	}
	said := map[string]string{}
	for name, step := range steps {
		b := newBed(t)
		b.start("$flow")
		step.User, step.Flow = dispatchtest.Alice, "$flow"
		list := b.step(step).Expect(t, "remove_notice send_notice")
		n := notice(t, list, room, ".")
		if b.hasFlow() {
			t.Errorf("%s: the login goes on", name)
		}
		b.step(step).Expect(t, "")
		if before, ok := said[n.Text]; ok && name != "new reason" && name != "no reason" && before != "new reason" && before != "no reason" {
			t.Errorf("%s and %s read the same: %s", name, before, n.Text)
		}
		said[n.Text] = name
	}
}

func TestPairingOfAnEarlierAttempt(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$new")
	for _, step := range []inbox.PairingStep{inbox.PairingQR, inbox.PairingCode, inbox.PairingFailed, inbox.PairingStopped} {
		b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$old", Step: step, Code: "x"}).Expect(t, "")
		b.step(inbox.Pairing{User: dispatchtest.Bob, Flow: "$old", Step: step, Code: "x"}).Expect(t, "")
	}
	if !b.hasFlow() {
		t.Fatal("an earlier attempt has ended the one under way")
	}
	// It was linked all the same, at the last moment.
	list := b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$old", Step: inbox.PairingDone, Account: account()}).Expect(t, "send_notice")
	notice(t, list, room, "is linked")
	if _, err := b.DB.LoginByID(t.Context(), login); err != nil || !b.hasFlow() {
		t.Errorf("%v", err)
	}
	b.Dead(func(ctx context.Context) error {
		return b.u.Pairing(ctx, inbox.Pairing{User: dispatchtest.Alice, Flow: "$old", Step: inbox.PairingDone})
	})
}

// TestLinkedLetsArrivalsGoOn parks an arrival for the login as the queue does.
func TestLinkedLetsArrivalsGoOn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$flow")
	if err := b.In.AddLoginChanged(t.Context(), inbox.LoginChanged{Login: login, State: database.StateConnected, At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	b.do(func(ctx context.Context) error {
		_, err := b.DB.Exec(ctx, `UPDATE queue_entry SET parked_for=$1, not_before=9999999999999`, inbox.LoginOf(login))
		return err
	})
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
	var waiting int
	if err := b.DB.QueryRow(t.Context(), `SELECT COUNT(*) FROM queue_entry WHERE queue='inbox' AND not_before>0`).Scan(&waiting); err != nil || waiting > 0 {
		t.Errorf("%d still wait, %v", waiting, err)
	}
}

func TestAccountChangesItsUser(t *testing.T) {
	t.Parallel()
	for _, unlinked := range []bool{false, true} {
		b := newBed(t)
		b.start("$flow")
		b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
		direct, group := b.portal(login, "100", "!ann:example.com"), b.portal("", "g1", "!group:example.com")
		both := b.portal("", "g2", "!both:example.com")
		b.do(func(ctx context.Context) error {
			second := database.Login{ID: "1888", User: dispatchtest.Alice, Puppet: 1, Device: account().Device}
			if err := b.DB.PutLogin(ctx, second); err != nil {
				return err
			}
			for _, p := range []database.Portal{direct, group, both} {
				if _, err := b.DB.AddPortalLogin(ctx, p.ID, login); err != nil {
					return err
				}
			}
			_, err := b.DB.AddPortalLogin(ctx, both.ID, "1888")
			return err
		})
		gone := []database.PortalID{direct.ID, group.ID}
		if unlinked { // as the logout command does
			gone = gone[:1]
			b.do(func(ctx context.Context) error {
				if err := b.DB.RemoveLogin(ctx, login); err != nil {
					return err
				}
				return b.DB.PutSetting(ctx, database.UnlinkedBy(login), dispatchtest.Alice.String())
			})
		}
		list := b.step(inbox.Pairing{User: dispatchtest.Bob, Flow: "$bob", Step: inbox.PairingDone, Account: account()})
		notice(t, list, room, "was linked by "+dispatchtest.Bob.String())
		var left []database.PortalID
		for _, a := range dispatchtest.All[outbox.LeaveRoom](t, list, outbox.KindLeaveRoom) {
			if a.User != dispatchtest.Alice || a.Reason == "" {
				t.Errorf("got %+v", a)
			}
			left = append(left, a.Portal)
		}
		if !slices.Equal(left, gone) {
			t.Errorf("unlinked %v: left %v", unlinked, left)
		}
		// Bob is not in the chats yet, so that the next message asks Bob in.
		if isNew, err := b.DB.AddPortalLogin(t.Context(), direct.ID, login); err != nil || !isNew {
			t.Errorf("%v, %v", isNew, err)
		}
		if row, err := b.DB.LoginByID(t.Context(), login); err != nil || row.User != dispatchtest.Bob {
			t.Errorf("got %+v, %v", row, err)
		}
	}
}

func TestUserLinksAnew(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$flow")
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
	direct := b.portal(login, "100", "!ann:example.com")
	b.do(func(ctx context.Context) error {
		_, err := b.DB.AddPortalLogin(ctx, direct.ID, login)
		return err
	})
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$again", Step: inbox.PairingDone, Account: account()}).Expect(t, "send_notice")
	if isNew, err := b.DB.AddPortalLogin(t.Context(), direct.ID, login); err != nil || isNew {
		t.Errorf("the user was taken out of their own chat: %v, %v", isNew, err)
	}
}

func TestLoginChanged(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$flow")
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
	clock := time.UnixMilli(1_800_000_000_000)
	change := func(c inbox.LoginChanged) dispatchtest.Actions {
		clock = clock.Add(time.Second)
		c.Login, c.At = login, clock
		return b.do(func(ctx context.Context) error { return b.u.LoginChanged(ctx, c) })
	}
	for _, c := range []struct {
		state  database.LoginState
		detail string
		words  string // "" is: the user is not bothered
	}{
		{database.StateConnected, "", ""},
		{database.StateDisconnected, "lost", ""},
		{database.StateDisconnected, "lost again", ""},
		{database.StateConnected, "", ""},
		{database.StateReplaced, "", "another program"},
		{database.StateConnecting, "", ""},
		{database.StateOutdated, "405", "administrator"},
		{database.StateOutdated, "405", ""},
		{database.StateLoggedOut, "401", "no longer linked"},
		{database.StateLoggedOut, "401", ""},
		{database.StateLoggedOut, "403", ""},
		{database.StateConnected, "", ""},
		{database.StateLoggedOut, "401", "no longer linked"},
	} {
		list := change(inbox.LoginChanged{State: c.state, Detail: c.detail})
		if c.words == "" {
			list.Expect(t, "")
		} else {
			notice(t, list.Expect(t, "send_notice"), room, c.words)
		}
		row, err := b.DB.LoginByID(t.Context(), login)
		if err != nil || row.State != c.state || row.StateDetail != c.detail {
			t.Errorf("got %+v, %v", row, err)
		}
	}
	until := time.Date(2030, 5, 6, 7, 8, 0, 0, time.UTC)
	notice(t, change(inbox.LoginChanged{State: database.StateBanned, Until: until}), room, "until 6 May 07:08 UTC")
	change(inbox.LoginChanged{State: database.StateConnected})
	notice(t, change(inbox.LoginChanged{State: database.StateBanned}), room, "is banned by WhatsApp. ")
	// A longer ban is written down and not told again.
	change(inbox.LoginChanged{State: database.StateBanned, Retry: until}).Expect(t, "")
	row, err := b.DB.LoginByID(t.Context(), login)
	if err != nil || !row.RetryAt.Equal(until) {
		t.Errorf("got %+v, %v", row, err)
	}
	change(inbox.LoginChanged{State: database.StateConnected})
	notice(t, change(inbox.LoginChanged{State: database.StateBanned, Retry: until}), room, "connects again on 6 May 07:08 UTC; what you write until then waits.")

	change(inbox.LoginChanged{Phone: true}).Expect(t, "")
	row, err = b.DB.LoginByID(t.Context(), login)
	if err != nil || !row.PhoneSeen.Equal(clock) || row.State != database.StateBanned {
		t.Errorf("got %+v, %v", row, err)
	}
}

func TestLoginChangedWithoutLogin(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	decide := func(ctx context.Context) error {
		return b.u.LoginChanged(ctx, inbox.LoginChanged{Login: login, State: database.StateConnected, At: time.Now()})
	}
	b.Parked(inbox.LoginOf(login), decide) // its row is about to be written
	b.do(func(ctx context.Context) error { return b.DB.PutSetting(ctx, database.UnlinkedBy(login), "@a:b") })
	b.do(decide).Expect(t, "") // its user has logged out
	b.start("$flow")
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
	b.do(decide)
	if row, err := b.DB.LoginByID(t.Context(), login); err != nil || row.State != database.StateConnected {
		t.Errorf("got %+v, %v", row, err)
	}
	b.do(func(ctx context.Context) error { return b.DB.RemoveLogin(ctx, login) })
	b.Parked(inbox.LoginOf(login), decide) // linking anew clears what the logout left
}

func TestNobodyToTell(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start("$flow")
	b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
	b.do(func(ctx context.Context) error { return b.u.Left(ctx, dispatchtest.Alice, room) })
	b.do(func(ctx context.Context) error {
		return b.u.LoginChanged(ctx, inbox.LoginChanged{Login: login, State: database.StateLoggedOut, At: time.Now()})
	}).Expect(t, "")
}

// What waits for a connection that will not come is looked at again at once, and refused.
func TestLoggedOutWakesWhatWaits(t *testing.T) {
	t.Parallel()
	for state, wakes := range map[database.LoginState]bool{database.StateLoggedOut: true, database.StateReplaced: true, database.StateBanned: false, database.StateDisconnected: false} {
		b := newBed(t)
		b.start("$flow")
		b.step(inbox.Pairing{User: dispatchtest.Alice, Flow: "$flow", Step: inbox.PairingDone, Account: account()})
		b.do(func(ctx context.Context) error {
			if err := b.Out.SendWhatsApp(ctx, outbox.SendWhatsApp{Login: login, Message: database.MessageKey{Portal: 1, ID: "3EB0"}}); err != nil {
				return err
			}
			_, err := b.DB.Exec(ctx, `UPDATE queue_entry SET parked_for=$1 WHERE kind=$2`, outbox.ConnectionOf(login), outbox.KindSendWhatsApp)
			return err
		})
		b.do(func(ctx context.Context) error {
			return b.u.LoginChanged(ctx, inbox.LoginChanged{Login: login, State: state, At: time.Now()})
		})
		var parked string
		if err := b.DB.QueryRow(t.Context(), `SELECT parked_for FROM queue_entry WHERE kind=$1`, outbox.KindSendWhatsApp).Scan(&parked); err != nil {
			t.Fatal(err)
		}
		if (parked == "") != wakes {
			t.Errorf("%s: parked for %q", state, parked)
		}
	}
}
