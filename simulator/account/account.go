// Package account is the register of the simulated network: accounts with their phone number and LID, and the devices of each
// with the public keys that the server hands out. It has no lock; the server that owns it has.
package account

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"causeway/simulator/mailbox"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow/types"
)

// Errors that callers tell apart; the control API maps them to 400, 404 and 409.
var (
	ErrInvalid = errors.New("invalid")
	ErrUnknown = errors.New("unknown")
	ErrRefused = errors.New("refused")
)

const (
	minDigits = 7
	maxDigits = 15
	// maxDevices is how many companions one account may have at once.
	maxDevices = 32
	lastDevice = 255
)

// Endpoint is a simulated phone. Deliver must not block and must not call back into the server.
type Endpoint interface {
	// Deliver hands a stanza over. Repeat says that the server dropped it as a repeat of one that was delivered before, and
	// shows it only so that the contents can be compared.
	Deliver(stanza wire.Node, repeat bool)
}

// Account is one WhatsApp account.
type Account struct {
	PN      types.JID
	LID     types.JID
	Name    string
	About   string
	Privacy map[string]string
	devices map[uint16]*Device
	next    uint16
}

// Device is a phone (number 0) or a companion of an account.
type Device struct {
	Account *Account
	Number  uint16
	// Keys hold the registration, identity and signed prekey; one-time prekeys are in OneTime.
	Keys    signal.Bundle
	OneTime []signal.PreKey
	// Noise is the static key that a companion must log in with.
	Noise [32]byte
	// Phone is set on device 0, Box on companions.
	Phone Endpoint
	Box   *mailbox.Box
}

// Register finds accounts by number or LID.
type Register struct {
	seed  uint64
	byJID map[types.JID]*Account
}

// NewRegister makes an empty register. Equal seeds give equal numbers equal LIDs.
func NewRegister(seed uint64) *Register {
	return &Register{seed: seed, byJID: map[types.JID]*Account{}}
}

// Digits checks a phone number.
func Digits(number string) error {
	if len(number) < minDigits || len(number) > maxDigits || number[0] == '0' {
		return fmt.Errorf("%w phone number %q: want %d to %d digits with the country code", ErrInvalid, number, minDigits, maxDigits)
	}
	for _, r := range number {
		if r < '0' || r > '9' {
			return fmt.Errorf("%w phone number %q: digits only", ErrInvalid, number)
		}
	}
	return nil
}

// Add opens an account with its phone as device 0.
func (r *Register) Add(number, name string, phone Endpoint, keys signal.Bundle) (*Account, error) {
	pn := types.NewJID(number, types.DefaultUserServer)
	if r.byJID[pn] != nil {
		return nil, fmt.Errorf("add account %s: %w: it exists", number, ErrRefused)
	}
	a := &Account{PN: pn, LID: r.LID(number), Name: name, devices: map[uint16]*Device{}, next: 1, Privacy: map[string]string{}}
	for _, setting := range []string{"groupadd", "last", "status", "profile", "readreceipts", "online", "calladd"} {
		a.Privacy[setting] = "all"
	}
	a.devices[0] = &Device{Account: a, Keys: keys, Phone: phone}
	r.byJID[a.PN], r.byJID[a.LID] = a, a
	return a, nil
}

// LID derives the account's hidden identity from seed and number: 15 digits that say nothing about the number, as on the real
// network, so that code which mixes up the two fails. It answers the same before and after the account was added.
func (r *Register) LID(number string) types.JID {
	for try := uint64(0); ; try++ {
		hash := sha256.Sum256(fmt.Appendf(nil, "lid %d %s %d", r.seed, number, try))
		const lowest, span = 100_000_000_000_000, 900_000_000_000_000
		lid := types.NewJID(strconv.FormatUint(lowest+binary.BigEndian.Uint64(hash[:])%span, 10), types.HiddenUserServer)
		if other := r.byJID[lid]; other == nil || other.PN.User == number {
			return lid
		}
	}
}

// Find returns the account of a JID of any of its devices, or nil.
func (r *Register) Find(jid types.JID) *Account { return r.byJID[jid.ToNonAD()] }

// Device returns the device of a JID, or nil.
func (r *Register) Device(jid types.JID) *Device {
	if a := r.Find(jid); a != nil {
		return a.devices[jid.Device]
	}
	return nil
}

// All lists every account in the order of their numbers.
func (r *Register) All() []*Account {
	var out []*Account
	for jid, a := range r.byJID {
		if jid == a.PN {
			out = append(out, a)
		}
	}
	slices.SortFunc(out, func(a, b *Account) int { return strings.Compare(a.PN.User, b.PN.User) })
	return out
}

// Devices lists the devices of the account, phone first.
func (a *Account) Devices() []*Device {
	out := make([]*Device, 0, len(a.devices))
	for _, d := range a.devices {
		out = append(out, d)
	}
	slices.SortFunc(out, func(a, b *Device) int { return int(a.Number) - int(b.Number) })
	return out
}

// Device returns the device with the number, or nil.
func (a *Account) Device(number uint16) *Device { return a.devices[number] }

// Reserve hands out the number of the next companion. Numbers are never used again.
func (a *Account) Reserve() (uint16, error) {
	if len(a.devices) > maxDevices || a.next > lastDevice {
		return 0, fmt.Errorf("link a device to %s: %w: too many devices", a.PN.User, ErrRefused)
	}
	number := a.next
	a.next++
	return number, nil
}

// Link adds a companion.
func (a *Account) Link(d *Device) {
	d.Account = a
	a.devices[d.Number] = d
}

// Unlink removes a companion.
func (a *Account) Unlink(number uint16) { delete(a.devices, number) }

// PN is the device's JID by phone number.
func (d *Device) PN() types.JID { return address(d.Account.PN, d.Number) }

// LID is the device's JID by LID.
func (d *Device) LID() types.JID { return address(d.Account.LID, d.Number) }

// Name is the device as events, faults and statistics name it: digits, a colon and the device number.
func (d *Device) Name() string { return Name(d.Account.PN.User, d.Number) }

// Name is a device's name from its account's digits and its number.
func Name(digits string, number uint16) string {
	return digits + ":" + strconv.FormatUint(uint64(number), 10)
}

// Bundle takes the device's keys with one of its one-time prekeys, if it has any left.
func (d *Device) Bundle() signal.Bundle {
	b := d.Keys
	if len(d.OneTime) > 0 {
		one := d.OneTime[0]
		d.OneTime = d.OneTime[1:]
		b.OneTime = &one
	}
	return b
}

func address(jid types.JID, device uint16) types.JID {
	jid.Device = device
	return jid
}
