package server

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"causeway/simulator/account"
	"causeway/simulator/journal"
	"causeway/simulator/wire"
)

// FaultKind names a fault.
type FaultKind string

// Kinds of faults. DropConnection, StreamError, Stall and Logout act at once; the others wait for their occasion, Count times or
// For a while. MediaStatus and SlowMedia concern transfers of files; a download names no device, so only those without Device reach
// it. Stall leaves a connection open on which nothing is heard or said any more. Unavailable and ViewOnce give a device a message
// without its content. ConnectFailure turns a login away with a reason. SilentHandshake takes a new connection and says nothing on it; like
// RefuseConnections it cannot know the device.
const (
	DropConnection    FaultKind = "drop_connection"
	RefuseConnections FaultKind = "refuse_connections"
	LoseAcks          FaultKind = "lose_acks"
	DelayAcks         FaultKind = "delay_acks"
	Logout            FaultKind = "logout"
	Nack              FaultKind = "nack"
	StreamError       FaultKind = "stream_error"
	ClientOutdated    FaultKind = "client_outdated"
	TempBan           FaultKind = "temp_ban"
	Undecryptable     FaultKind = "undecryptable"
	Duplicate         FaultKind = "duplicate"
	MediaStatus       FaultKind = "media_status"
	SlowMedia         FaultKind = "slow_media"
	Stall             FaultKind = "stall"
	Unavailable       FaultKind = "unavailable"
	ViewOnce          FaultKind = "view_once"
	ConnectFailure    FaultKind = "connect_failure"
	SilentHandshake   FaultKind = "silent_handshake"
)

// Fault is something that goes wrong on demand.
type Fault struct {
	Kind FaultKind
	// Device is digits:number (0 is the phone), digits for all devices of an account, or "" for everybody.
	Device string
	// Count is how often it happens; 0 with no For means once.
	Count int
	// For is how long it lasts. DelayAcks without Delay holds every acknowledgement back until it is over. TempBan tells it to
	// the client as the length of the ban.
	For time.Duration
	// Delay is how long DelayAcks holds each acknowledgement, and how long SlowMedia takes for 16 KiB.
	Delay time.Duration
	// Code is the error code of Nack, StreamError, TempBan and ConnectFailure, and the HTTP status of MediaStatus.
	Code int

	until time.Time
}

// delay is how long an acknowledgement is held back now.
func (f *Fault) delay() time.Duration {
	if f.Delay > 0 {
		return f.Delay
	}
	return max(time.Until(f.until), 0)
}

// faults are those that wait for their occasion.
type faults struct {
	armed []*Fault
}

// take finds a fault of the kind for the device, and uses it up.
func (f *faults) take(kind FaultKind, d *account.Device) *Fault {
	now := time.Now()
	f.armed = slices.DeleteFunc(f.armed, func(x *Fault) bool { return !x.until.IsZero() && now.After(x.until) })
	for i, x := range f.armed {
		if x.Kind != kind || !concerns(x.Device, d) {
			continue
		}
		if x.Count > 0 {
			if x.Count--; x.Count == 0 {
				f.armed = slices.Delete(f.armed, i, i+1)
			}
		}
		return x
	}
	return nil
}

func concerns(name string, d *account.Device) bool {
	if name == "" {
		return true
	}
	return d != nil && (d.Name() == name || d.Account.PN.User == name)
}

// Fault makes something go wrong.
func (s *Server) Fault(f Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	hit, err := s.companions(f.Device)
	if err != nil {
		return err
	}
	s.journal.Add(journal.Event{Kind: journal.Fault, Device: f.Device, Class: string(f.Kind)})
	switch f.Kind {
	case DropConnection:
		for _, d := range hit {
			if c := s.state.sessions.online[d]; c != nil {
				s.detach(c, string(f.Kind))
				c.close()
			}
		}
	case StreamError:
		for _, d := range hit {
			if c := s.state.sessions.online[d]; c != nil {
				s.detach(c, string(f.Kind))
				c.part(wire.Node{Tag: "stream:error", Attrs: wire.Attrs{"code": strconv.Itoa(f.Code)}}, interlude)
			}
		}
	case Stall:
		for _, d := range hit {
			if c := s.state.sessions.online[d]; c != nil {
				c.stalled.Store(true)
			}
		}
	case Logout:
		for _, d := range hit {
			s.unlink(d)
		}
	case RefuseConnections, LoseAcks, DelayAcks, Nack, ClientOutdated, TempBan, Undecryptable, Duplicate, MediaStatus, SlowMedia,
		Unavailable, ViewOnce, ConnectFailure, SilentHandshake:
		s.arm(f)
	default:
		return fmt.Errorf("%w fault kind %q", account.ErrInvalid, f.Kind)
	}
	return nil
}

func (s *Server) arm(f Fault) {
	if f.For > 0 {
		f.until = time.Now().Add(f.For)
	} else if f.Count == 0 {
		f.Count = 1
	}
	if f.Kind == TempBan && f.Count > 0 {
		f.until = time.Time{} // For is the length of the ban that the client is told
	}
	s.state.faults.armed = append(s.state.faults.armed, &f)
}

// companions are the linked devices that a name stands for.
func (s *Server) companions(device string) ([]*account.Device, error) {
	digits, number, _ := strings.Cut(device, ":")
	var hit []*account.Device
	for _, a := range s.state.accounts.All() {
		for _, d := range a.Devices() {
			if d.Phone == nil && concerns(device, d) {
				hit = append(hit, d)
			}
		}
	}
	if device == "" || len(hit) > 0 {
		return hit, nil
	}
	if _, err := s.find(digits); err != nil {
		return nil, err
	}
	if number != "" && number != "0" {
		return nil, fmt.Errorf("%w device %s", account.ErrUnknown, device)
	}
	return nil, nil
}

// spoil damages the ciphertext of a message on its way to a device, or leaves it out, if a fault says so. What an account's own
// devices tell each other is let through: it comes when it likes, and would use up the fault that is meant for another.
func (s *Server) spoil(d *account.Device, n wire.Node) wire.Node {
	if wire.Text(&n, "category") == "peer" {
		return n
	}
	for kind, attrs := range map[FaultKind]wire.Attrs{Unavailable: {}, ViewOnce: {"type": "view_once"}} {
		if s.state.faults.take(kind, d) != nil {
			n.Content = []wire.Node{{Tag: "unavailable", Attrs: attrs}}
			return n
		}
	}
	if s.state.faults.take(Undecryptable, d) == nil {
		return n
	}
	content := slices.Clone(n.GetChildren())
	for i, part := range content {
		if raw := slices.Clone(wire.Bytes(part)); part.Tag == "enc" && len(raw) > 0 {
			raw[len(raw)-1] ^= 1
			content[i].Content = raw
		}
	}
	n.Content = content
	return n
}
