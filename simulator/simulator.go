// Package simulator plays the WhatsApp network, at protocol level, for unmodified WhatsApp Web clients built on whatsmeow: a
// server that real clients connect to, and phones that people would hold. It knows nothing of the bridge that is tested on it.
//
// In a test, call Trust once in TestMain, start a network, add phones, and connect a client through HTTPClient; then link it with
// a phone's ScanQR or EnterCode. All waits take a context and wait for the thing itself. At the end of a test look at Violations:
// whatever the client did that the network does not know or allow is there.
package simulator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/phone"
	"causeway/simulator/server"
	"causeway/simulator/signal"
	"causeway/simulator/wire"

	"go.mau.fi/whatsmeow"
	"go.mau.fi/whatsmeow/types"
)

// Errors that callers tell apart with errors.Is.
var (
	// ErrInvalid: the call makes no sense.
	ErrInvalid = account.ErrInvalid
	// ErrUnknown: there is no such phone, device, group or message.
	ErrUnknown = account.ErrUnknown
	// ErrRefused: the network does not allow it now.
	ErrRefused = account.ErrRefused
)

// The parts of the network as callers meet them.
type (
	// Phone is one account's phone.
	Phone = phone.Phone
	// Message is an entry of a phone's transcript.
	Message = phone.Message
	// Receipt is a receipt that reached a phone.
	Receipt = phone.Receipt
	// Outgoing is a message for a phone to send.
	Outgoing = phone.Outgoing
	// Media is a file for a phone to send.
	Media = phone.Media
	// MediaKind is how a file is shown.
	MediaKind = phone.MediaKind
	// Pin pins a message.
	Pin = phone.Pin
	// Parent says to which message another belongs.
	Parent = phone.Parent
	// MediaRetry is what a phone does when it is asked for a file.
	MediaRetry = phone.MediaRetry
	// Reaction is an emoji on a message.
	Reaction = phone.Reaction
	// Vote is a vote in a poll.
	Vote = phone.Vote
	// Attendance is the answer to an event.
	Attendance = phone.Attendance
	// Dress is what a text or caption has besides its words.
	Dress = phone.Dress
	// LinkPreview is what a text shows of a web page.
	LinkPreview = phone.LinkPreview
	// ChatEdit is a change of the owner's settings of a chat.
	ChatEdit = phone.ChatEdit
	// Sent names a message that a phone sent.
	Sent = phone.Sent
	// Fault is something that goes wrong on demand.
	Fault = server.Fault
	// FaultKind names a fault.
	FaultKind = server.FaultKind
	// GroupInfo is a group as it stands.
	GroupInfo = server.GroupInfo
	// GroupSpec says what a new group is to be.
	GroupSpec = server.Spec
	// Invitation is one to a group.
	Invitation = server.Invitation
	// GroupEdit is a change of a group's name and settings.
	GroupEdit = server.GroupEdit
	// Event is one thing that the network saw.
	Event = journal.Event
	// Counters are the figures of one device.
	Counters = journal.Counters
)

// Kinds of media, explained at phone.MediaKind.
const (
	MediaImage     = phone.MediaImage
	MediaVideo     = phone.MediaVideo
	MediaGIF       = phone.MediaGIF
	MediaVideoNote = phone.MediaVideoNote
	MediaAudio     = phone.MediaAudio
	MediaVoice     = phone.MediaVoice
	MediaDocument  = phone.MediaDocument
	MediaSticker   = phone.MediaSticker
)

// What a phone does when it is asked for a file, explained at phone.MediaRetry.
const (
	MediaServe   = phone.MediaServe
	MediaMissing = phone.MediaMissing
	MediaFail    = phone.MediaFail
	MediaSilent  = phone.MediaSilent
)

// Kinds of faults, explained at server.FaultKind.
const (
	DropConnection    = server.DropConnection
	RefuseConnections = server.RefuseConnections
	LoseAcks          = server.LoseAcks
	DelayAcks         = server.DelayAcks
	Logout            = server.Logout
	Nack              = server.Nack
	StreamError       = server.StreamError
	ClientOutdated    = server.ClientOutdated
	TempBan           = server.TempBan
	Undecryptable     = server.Undecryptable
	Duplicate         = server.Duplicate
	MediaStatus       = server.MediaStatus
	SlowMedia         = server.SlowMedia
	Stall             = server.Stall
	Unavailable       = server.Unavailable
	ViewOnce          = server.ViewOnce
	ConnectFailure    = server.ConnectFailure
	SilentHandshake   = server.SilentHandshake
)

// Options of a network.
type Options struct {
	// Listen is where the network listens; 127.0.0.1:0 if empty.
	Listen string
	// Seed decides the LIDs: equal seeds and numbers give equal LIDs.
	Seed uint64
	// Window is how many unacknowledged stanzas a device may have in flight; 500 if 0.
	Window int
	// MediaLimit is how large an uploaded file may be, in bytes; 256 MiB if 0.
	MediaLimit int64
}

// Network is one simulated WhatsApp network.
type Network struct {
	server *server.Server

	mu     sync.Mutex
	phones map[string]*Phone
}

// Trust sets what the libraries keep in variables of the process: the Noise root key that whatsmeow clients in this process trust,
// and libsignal's logger, which two clients would otherwise set at once. Call it once, before any network or client: in TestMain.
func Trust() {
	whatsmeow.WACertPubKey = RootKey()
	signal.Silence()
}

// RootKey is the Noise root key that clients must trust, the same for every network.
func RootKey() [32]byte { return wire.RootKey() }

// Start starts a network.
func Start(o Options) (*Network, error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	s, err := server.Start(server.Options{Listen: o.Listen, Seed: o.Seed, Window: o.Window, MediaLimit: o.MediaLimit})
	if err != nil {
		return nil, fmt.Errorf("start network: %w", err)
	}
	return &Network{server: s, phones: map[string]*Phone{}}, nil
}

// Address is the host and port to dial instead of every WhatsApp host.
func (n *Network) Address() string { return n.server.Address() }

// RootKey is the Noise root key that clients must trust.
func (n *Network) RootKey() [32]byte { return RootKey() }

// CAPEM is the TLS authority that clients must trust.
func (n *Network) CAPEM() []byte { return n.server.CAPEM() }

// HTTPClient sends requests for every host to the network. A whatsmeow client needs it three times: SetPreLoginHTTPClient,
// SetWebsocketHTTPClient and SetMediaHTTPClient.
func (n *Network) HTTPClient() *http.Client { return n.server.HTTPClient() }

// Close ends all connections and stops the phones.
func (n *Network) Close() error {
	err := n.server.Close()
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, p := range n.phones {
		p.Close()
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// AddPhone opens an account with its phone. The name is the push name.
func (n *Network) AddPhone(number, name string) (*Phone, error) {
	return n.AddPhoneAbout(number, name, "Hey there! I am using WhatsApp.")
}

// AddPhoneAbout is AddPhone with an about text.
func (n *Network) AddPhoneAbout(number, name, about string) (*Phone, error) {
	p, err := phone.New(n.server, phone.Options{Number: number, Name: name, About: about})
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.phones[number] = p
	return p, nil
}

// Phone finds a phone by its number.
func (n *Network) Phone(number string) (*Phone, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if p := n.phones[number]; p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("%w phone %q", ErrUnknown, number)
}

// File is the content of a file that any phone has sent or received, by the SHA-256 of the content in hexadecimal digits.
func (n *Network) File(sum string) ([]byte, error) {
	n.mu.Lock()
	phones := slices.Collect(maps.Values(n.phones))
	n.mu.Unlock()
	for _, p := range phones {
		content, err := p.File(sum)
		if !errors.Is(err, ErrUnknown) {
			return content, err
		}
	}
	return nil, fmt.Errorf("%w file %s", ErrUnknown, sum)
}

// FileOf finds the MIME type, the SHA-256 and the size of a message's file; false if it has none.
func FileOf(m Message) (mime string, sum []byte, size uint64, ok bool) {
	return phone.FileOf(m.Message)
}

// ExpireFile removes the file of a message from the network, as happens to those that are old.
func (n *Network) ExpireFile(directPath string) error { return n.server.ExpireFile(directPath) }

// Chat is the JID of a chat named by digits, JID, LID or group JID, as messages carry it: by phone number, or the group.
func (n *Network) Chat(name string) (types.JID, error) {
	_, pn, err := n.server.Resolve(name)
	return pn, err
}

// numbers reads accounts named by digits, JID or LID.
func (n *Network) numbers(names []string) ([]string, error) {
	out := make([]string, 0, len(names))
	for _, name := range names {
		jid, err := n.Chat(name)
		if err != nil {
			return nil, err
		}
		if jid.Server == types.GroupServer {
			return nil, fmt.Errorf("%w participant %q: a group", ErrInvalid, name)
		}
		out = append(out, jid.User)
	}
	return out, nil
}

// CreateGroup lets a phone make a group with others, named by digits, JID or LID.
func (n *Network) CreateGroup(creator string, spec GroupSpec, members ...string) (GroupInfo, error) {
	all, err := n.numbers(append([]string{creator}, members...))
	if err != nil {
		return GroupInfo{}, err
	}
	return n.server.CreateGroup(all[0], spec, all[1:])
}

// Group describes a group.
func (n *Network) Group(jid string) (GroupInfo, error) {
	parsed, err := groupJID(jid)
	if err != nil {
		return GroupInfo{}, err
	}
	return n.server.Group(parsed)
}

// ChangeMembers lets a member add, remove, promote or demote others, or leave (without others).
func (n *Network) ChangeMembers(jid, by, action string, members ...string) error {
	parsed, err := groupJID(jid)
	if err != nil {
		return err
	}
	all, err := n.numbers(append([]string{by}, members...))
	if err != nil {
		return err
	}
	return n.server.ChangeMembers(parsed, all[0], action, all[1:])
}

// Invite lets an admin of a group make an invitation for somebody.
func (n *Network) Invite(jid, by, to string, lasts time.Duration) (Invitation, error) {
	parsed, err := groupJID(jid)
	if err != nil {
		return Invitation{}, err
	}
	all, err := n.numbers([]string{by, to})
	if err != nil {
		return Invitation{}, err
	}
	return n.server.Invite(parsed, all[0], all[1], lasts)
}

// EditGroup lets a member change what a group is called and how it behaves.
func (n *Network) EditGroup(jid, by string, edit GroupEdit) error {
	parsed, err := groupJID(jid)
	if err != nil {
		return err
	}
	all, err := n.numbers([]string{by})
	if err != nil {
		return err
	}
	return n.server.EditGroup(parsed, all[0], edit)
}

func groupJID(name string) (types.JID, error) {
	jid, err := types.ParseJID(name)
	if err != nil || jid.Server != types.GroupServer {
		return types.EmptyJID, fmt.Errorf("%w group %q", ErrInvalid, name)
	}
	return jid, nil
}

// Fault makes something go wrong.
func (n *Network) Fault(f Fault) error {
	f.Device, _, _ = strings.Cut(f.Device, "@")
	return n.server.Fault(f)
}

// Stats are the counters of every device, by digits:number.
func (n *Network) Stats() map[string]Counters { return n.server.Stats() }

// Violations are what clients did that the network does not know or allow.
func (n *Network) Violations() []Event { return n.server.Journal().Violations() }

// Events are what the network saw after a sequence number. If that is nothing, it waits until the context ends.
func (n *Network) Events(ctx context.Context, after uint64) []Event {
	return n.server.Journal().After(ctx, after)
}

// WaitEvent waits for the first event, old or new, that matches.
func (n *Network) WaitEvent(ctx context.Context, match func(Event) bool) (Event, error) {
	return n.server.Journal().Find(ctx, match)
}
