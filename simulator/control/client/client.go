// Package client calls the control API of a simulated network that runs as a program (cmd/wasim). It is for tests: methods take a
// context, and the waits are long polls, not sleeps.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/api"
)

const (
	// maxAnswer bounds what is read of an answer, pollTime is one long poll.
	maxAnswer = 512 << 20
	pollTime  = 30 * time.Second
)

// ErrEnded says that a wait ended before anything matched.
var ErrEnded = errors.New("nothing matched")

// Refusal is an answer with an error status.
type Refusal struct {
	Status int
	Reason string
}

// Error is the reason, with the status.
func (r *Refusal) Error() string { return fmt.Sprintf("%s (%d)", r.Reason, r.Status) }

// Ready is what wasim writes into wasim.json.
type Ready struct {
	Control string `json:"control"`
	Address string `json:"address"`
	RootKey string `json:"root_key"`
	CAFile  string `json:"ca_file"`
}

// ReadReady reads DIR/wasim.json. The error is fs.ErrNotExist while the program is not ready.
func ReadReady(dir string) (Ready, error) {
	var out Ready
	raw, err := os.ReadFile(filepath.Join(dir, "wasim.json"))
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// Client talks to one simulated network.
type Client struct {
	base string
	http *http.Client
}

// New makes a client for a control address such as http://127.0.0.1:1234.
func New(control string) *Client {
	return &Client{base: control + api.Prefix, http: &http.Client{Transport: &http.Transport{}}}
}

// call sends a body as JSON, if there is one, and reads the answer into out.
func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return fmt.Errorf("call simulator: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("call simulator: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		var problem api.Problem
		_ = json.Unmarshal(raw, &problem)
		return fmt.Errorf("%s %s: %w", method, path, &Refusal{Status: response.StatusCode, Reason: problem.Error})
	}
	switch out := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*out = raw
		return nil
	}
	return json.Unmarshal(raw, out)
}

func phonePath(phone, rest string) string { return "/phones/" + url.PathEscape(phone) + rest }

// AddPhone opens an account with its phone.
func (c *Client) AddPhone(ctx context.Context, phone, name string) (api.Phone, error) {
	var out api.Phone
	err := c.call(ctx, http.MethodPost, "/phones", api.NewPhone{Phone: phone, Name: name}, &out)
	return out, err
}

// PatchPhone changes a phone.
func (c *Client) PatchPhone(ctx context.Context, phone string, patch api.PhonePatch) error {
	return c.call(ctx, http.MethodPatch, phonePath(phone, ""), patch, nil)
}

// ScanQR lets a phone scan a QR text; the answer is the companion's device number.
func (c *Client) ScanQR(ctx context.Context, phone, qr string) (uint16, error) {
	var out api.Linked
	err := c.call(ctx, http.MethodPost, phonePath(phone, "/link"), api.Link{QR: qr}, &out)
	return out.Device, err
}

// EnterCode lets a phone type a pairing code; the answer is the companion's device number.
func (c *Client) EnterCode(ctx context.Context, phone, code string) (uint16, error) {
	var out api.Linked
	err := c.call(ctx, http.MethodPost, phonePath(phone, "/link"), api.Link{Code: code}, &out)
	return out.Device, err
}

// Unlink lets a phone remove a companion.
func (c *Client) Unlink(ctx context.Context, phone string, device uint16) error {
	return c.call(ctx, http.MethodDelete, phonePath(phone, "/devices/"+strconv.Itoa(int(device))), nil, nil)
}

// Send lets a phone send a message.
func (c *Client) Send(ctx context.Context, phone string, message api.Send) (api.Sent, error) {
	var out api.Sent
	err := c.call(ctx, http.MethodPost, phonePath(phone, "/messages"), message, &out)
	return out, err
}

// SendText lets a phone send a text.
func (c *Client) SendText(ctx context.Context, phone, chat, text string) (api.Sent, error) {
	return c.Send(ctx, phone, api.Send{Chat: chat, Text: text})
}

// Messages are a phone's messages after a sequence number, in one chat or (chat "") all, waiting for one up to wait.
func (c *Client) Messages(ctx context.Context, phone, chat string, after uint64, wait time.Duration) ([]api.Message, error) {
	query := pollQuery(after, wait)
	if chat != "" {
		query.Set("chat", chat)
	}
	var out []api.Message
	err := c.call(ctx, http.MethodGet, phonePath(phone, "/messages?"+query.Encode()), nil, &out)
	return out, err
}

func pollQuery(after uint64, wait time.Duration) url.Values {
	return url.Values{"after": {strconv.FormatUint(after, 10)}, "wait": {strconv.FormatFloat(wait.Seconds(), 'f', -1, 64)}}
}

// WaitMessage waits for the first message of a phone, old or new, that matches, until the context ends.
func (c *Client) WaitMessage(ctx context.Context, phone string, match func(api.Message) bool) (api.Message, error) {
	return wait(ctx, func(ctx context.Context, after uint64) ([]api.Message, error) {
		return c.Messages(ctx, phone, "", after, pollTime)
	}, func(m api.Message) uint64 { return m.Seq }, match)
}

// WaitText waits for a message with the text.
func (c *Client) WaitText(ctx context.Context, phone, text string) (api.Message, error) {
	return c.WaitMessage(ctx, phone, func(m api.Message) bool { return m.Text == text })
}

// Events are what the network saw after a sequence number, waiting for something up to wait.
func (c *Client) Events(ctx context.Context, after uint64, wait time.Duration) ([]simulator.Event, error) {
	var out []simulator.Event
	err := c.call(ctx, http.MethodGet, "/events?"+pollQuery(after, wait).Encode(), nil, &out)
	return out, err
}

// WaitEvent waits for the first event, old or new, that matches, until the context ends.
func (c *Client) WaitEvent(ctx context.Context, match func(simulator.Event) bool) (simulator.Event, error) {
	return wait(ctx, func(ctx context.Context, after uint64) ([]simulator.Event, error) {
		return c.Events(ctx, after, pollTime)
	}, func(e simulator.Event) uint64 { return e.Seq }, match)
}

func wait[T any](ctx context.Context, poll func(context.Context, uint64) ([]T, error), number func(T) uint64, match func(T) bool) (T, error) {
	var after uint64
	var none T
	for {
		found, err := poll(ctx, after)
		if err != nil {
			return none, fmt.Errorf("%w in %d entries: %w", ErrEnded, after, err)
		}
		for _, entry := range found {
			after = number(entry)
			if match(entry) {
				return entry, nil
			}
		}
	}
}

// Receipts lets a phone send receipts of type delivered, read or played.
func (c *Client) Receipts(ctx context.Context, phone, chat, kind string, ids ...string) error {
	return c.call(ctx, http.MethodPost, phonePath(phone, "/receipts"), api.Receipts{Chat: chat, IDs: ids, Type: kind}, nil)
}

// SetContact puts an account into a phone's address book.
func (c *Client) SetContact(ctx context.Context, phone, other, name string) error {
	return c.call(ctx, http.MethodPut, phonePath(phone, "/contacts/"+url.PathEscape(other)), api.Contact{Name: name}, nil)
}

// PatchChat changes the owner's settings of a chat.
func (c *Client) PatchChat(ctx context.Context, phone, chat string, patch api.ChatPatch) error {
	return c.call(ctx, http.MethodPatch, phonePath(phone, "/chats/"+url.PathEscape(chat)), patch, nil)
}

// DeleteForMe lets a phone delete a message for its owner only.
func (c *Client) DeleteForMe(ctx context.Context, phone, chat, id string) error {
	return c.call(ctx, http.MethodDelete, phonePath(phone, "/messages/"+url.PathEscape(id)+"?chat="+url.QueryEscape(chat)), nil, nil)
}

// Typing lets a phone show composing or paused in a chat.
func (c *Client) Typing(ctx context.Context, phone, chat, state string) error {
	return c.call(ctx, http.MethodPost, phonePath(phone, "/typing"), api.Typing{Chat: chat, State: state}, nil)
}

// Presence lets a phone be available or unavailable.
func (c *Client) Presence(ctx context.Context, phone string, presence api.Presence) error {
	return c.call(ctx, http.MethodPost, phonePath(phone, "/presence"), presence, nil)
}

// CreateGroup makes a group.
func (c *Client) CreateGroup(ctx context.Context, group api.NewGroup) (api.Group, error) {
	var out api.Group
	err := c.call(ctx, http.MethodPost, "/groups", group, &out)
	return out, err
}

// Group describes a group.
func (c *Client) Group(ctx context.Context, jid string) (api.Group, error) {
	var out api.Group
	err := c.call(ctx, http.MethodGet, "/groups/"+url.PathEscape(jid), nil, &out)
	return out, err
}

// PatchGroup lets a member change a group.
func (c *Client) PatchGroup(ctx context.Context, jid string, patch api.GroupPatch) error {
	return c.call(ctx, http.MethodPatch, "/groups/"+url.PathEscape(jid), patch, nil)
}

// Participants lets a member add, remove, promote or demote others, or leave.
func (c *Client) Participants(ctx context.Context, jid string, change api.Participants) error {
	return c.call(ctx, http.MethodPost, "/groups/"+url.PathEscape(jid)+"/participants", change, nil)
}

// Invite lets an admin of a group make an invitation for somebody.
func (c *Client) Invite(ctx context.Context, jid string, invite api.NewInvite) (api.Invite, error) {
	var out api.Invite
	err := c.call(ctx, http.MethodPost, "/groups/"+url.PathEscape(jid)+"/invites", invite, &out)
	return out, err
}

// File is the content of a file that the phones have seen, by the SHA-256 of the content in hexadecimal digits.
func (c *Client) File(ctx context.Context, sum string) ([]byte, error) {
	var out []byte
	err := c.call(ctx, http.MethodGet, "/media/"+url.PathEscape(sum), nil, &out)
	return out, err
}

// Fault makes something go wrong.
func (c *Client) Fault(ctx context.Context, fault api.Fault) error {
	return c.call(ctx, http.MethodPost, "/faults", fault, nil)
}

// Stats are the counters of all devices, and the violations.
func (c *Client) Stats(ctx context.Context) (api.Stats[simulator.Counters, simulator.Event], error) {
	var out api.Stats[simulator.Counters, simulator.Event]
	err := c.call(ctx, http.MethodGet, "/stats", nil, &out)
	return out, err
}
