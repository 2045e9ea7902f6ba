package control

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"causeway/simulator"
	"causeway/simulator/control/api"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/encoding/protojson"
)

func (c *control) addPhone(r *http.Request) (any, error) {
	in, err := read[api.NewPhone](r)
	if err != nil {
		return nil, err
	}
	if in.Name == "" {
		return nil, fmt.Errorf("%w phone: it needs a name", simulator.ErrInvalid)
	}
	var p *simulator.Phone
	if in.About == nil {
		p, err = c.network.AddPhone(in.Phone, in.Name)
	} else {
		p, err = c.network.AddPhoneAbout(in.Phone, in.Name, *in.About)
	}
	if err != nil {
		return nil, err
	}
	return api.Phone{JID: p.JID().String(), LID: p.LID().String()}, nil
}

// phone finds the phone in a call's path, and reads its body.
func phone[T any](c *control, r *http.Request) (*simulator.Phone, T, error) {
	var none T
	p, err := c.network.Phone(r.PathValue("phone"))
	if err != nil {
		return nil, none, err
	}
	in, err := read[T](r)
	return p, in, err
}

func (c *control) patchPhone(r *http.Request) (any, error) {
	p, in, err := phone[api.PhonePatch](c, r)
	if err != nil {
		return nil, err
	}
	if in.Picture != nil {
		return nil, fmt.Errorf("picture: %w", errNotBuilt)
	}
	if in.Name != nil && *in.Name == "" {
		return nil, fmt.Errorf("%w phone: it needs a name", simulator.ErrInvalid)
	}
	if in.AutoDeliver != nil {
		p.SetAutoDeliver(*in.AutoDeliver)
	}
	if in.Online != nil {
		p.SetOnline(*in.Online)
	}
	if in.MediaRetry != nil {
		if err := p.SetMediaRetry(simulator.MediaRetry(*in.MediaRetry)); err != nil {
			return nil, err
		}
	}
	return nil, p.Rename(r.Context(), in.Name, in.About)
}

func (c *control) link(r *http.Request) (any, error) {
	p, in, err := phone[api.Link](c, r)
	if err != nil {
		return nil, err
	}
	var out api.Linked
	switch {
	case (in.QR == "") == (in.Code == ""):
		return nil, fmt.Errorf("%w link: one of qr and code", simulator.ErrInvalid)
	case in.QR != "":
		out.Device, err = p.ScanQR(r.Context(), in.QR)
	default:
		out.Device, err = p.EnterCode(r.Context(), in.Code)
	}
	return out, err
}

func (c *control) unlink(r *http.Request) (any, error) {
	p, err := c.network.Phone(r.PathValue("phone"))
	if err != nil {
		return nil, err
	}
	device, err := strconv.ParseUint(r.PathValue("device"), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("%w device: %w", simulator.ErrInvalid, err)
	}
	return nil, p.Unlink(uint16(device))
}

func (c *control) send(r *http.Request) (any, error) {
	p, in, err := phone[api.Send](c, r)
	if err != nil {
		return nil, err
	}
	out := simulator.Outgoing{Chat: in.Chat, Text: in.Text, ID: in.ID, ReplyTo: in.ReplyTo, Edit: in.Edit, Revoke: in.Revoke, CommentOn: in.CommentOn}
	if m := in.Media; m != nil {
		out.Media = &simulator.Media{Kind: simulator.MediaKind(m.Kind), MIME: m.MIME, Data: m.Data, Random: m.Random, Caption: m.Caption, FileName: m.FileName,
			Seconds: m.Seconds, Waveform: m.Waveform, Width: m.Width, Height: m.Height, Thumbnail: m.Thumbnail, ViewOnce: m.ViewOnce}
	}
	if in.Timestamp != 0 {
		out.Timestamp = time.Unix(in.Timestamp, 0)
	}
	if in.React != nil {
		out.React = &simulator.Reaction{ID: in.React.ID, Emoji: in.React.Emoji}
	}
	out.Pin, out.Parent, out.Expiration = (*simulator.Pin)(in.Pin), (*simulator.Parent)(in.Parent), in.Expiration
	out.Vote, out.Attend, out.Sealed = (*simulator.Vote)(in.Vote), (*simulator.Attendance)(in.Attend), in.Sealed
	out.Dress = simulator.Dress{Mentions: in.Mentions, MentionAll: in.MentionAll, Forwarded: in.Forwarded, Preview: (*simulator.LinkPreview)(in.Preview)}
	if in.Message != nil {
		out.Message = &waE2E.Message{}
		if err = protojson.Unmarshal(in.Message, out.Message); err != nil {
			return nil, fmt.Errorf("%w message: %w", simulator.ErrInvalid, err)
		}
	}
	sent, err := p.Send(r.Context(), out)
	if err != nil {
		return nil, err
	}
	return api.Sent{ID: sent.ID, Timestamp: sent.Timestamp.Unix()}, nil
}

func (c *control) messages(r *http.Request) (any, error) {
	p, err := c.network.Phone(r.PathValue("phone"))
	if err != nil {
		return nil, err
	}
	chat := types.EmptyJID
	if name := r.URL.Query().Get("chat"); name != "" {
		if chat, err = c.network.Chat(name); err != nil {
			return nil, err
		}
	}
	ctx, after, cancel, err := poll(r)
	if err != nil {
		return nil, err
	}
	defer cancel()
	out := []api.Message{}
	for _, m := range p.Messages(ctx, chat, after) {
		entry, err := describe(p, m)
		if err != nil {
			return nil, err
		}
		out = append(out, entry)
	}
	return out, nil
}

func describe(p *simulator.Phone, m simulator.Message) (api.Message, error) {
	raw, err := protojson.Marshal(m.Message)
	if err != nil {
		return api.Message{}, fmt.Errorf("encode message %s: %w", m.ID, err)
	}
	dress := p.Dressed(m)
	return api.Message{Seq: m.Seq, Chat: m.Chat.String(), Sender: m.Sender.String(), ID: m.ID, Timestamp: m.Timestamp.Unix(), FromMe: m.FromMe,
		Device: m.Device, Text: m.Text, Message: json.RawMessage(raw), Media: media(m), EditOf: m.EditOf, Revoked: m.Revoked,
		Vote: (*api.Vote)(m.Vote), Attendance: (*api.Attendance)(m.Attendance),
		Dress: api.Dress{Mentions: dress.Mentions, MentionAll: dress.MentionAll, Forwarded: dress.Forwarded, Preview: (*api.LinkPreview)(dress.Preview)}}, nil
}

func media(m simulator.Message) *api.Media {
	mime, sum, size, ok := simulator.FileOf(m)
	if !ok {
		return nil
	}
	return &api.Media{MIME: mime, SHA256: hex.EncodeToString(sum), Size: size}
}

// file is the content of a file that the phones have seen.
func (c *control) file(r *http.Request) (any, error) {
	content, err := c.network.File(r.PathValue("sha256"))
	return content, err
}

func (c *control) contact(r *http.Request) (any, error) {
	p, in, err := phone[api.Contact](c, r)
	if err != nil {
		return nil, err
	}
	return nil, p.SetContact(r.Context(), r.PathValue("other"), in.Name)
}

func (c *control) chat(r *http.Request) (any, error) {
	p, in, err := phone[api.ChatPatch](c, r)
	if err != nil {
		return nil, err
	}
	if in.Disappearing != nil {
		if *in.Disappearing < 0 || *in.Disappearing > maxTimer {
			return nil, fmt.Errorf("%w disappearing: 0 to %d seconds", simulator.ErrInvalid, maxTimer)
		}
		if err := p.SetTimer(r.Context(), r.PathValue("chat"), uint32(*in.Disappearing)); err != nil {
			return nil, err
		}
	}
	edit := simulator.ChatEdit{Pinned: in.Pinned, Archived: in.Archived, Unread: in.Unread}
	if in.MutedUntil != nil {
		edit.MutedUntil = &time.Time{}
		if *in.MutedUntil != 0 {
			*edit.MutedUntil = time.Unix(*in.MutedUntil, 0)
		}
	}
	return nil, p.SetChat(r.Context(), r.PathValue("chat"), edit)
}

func (c *control) receipts(r *http.Request) (any, error) {
	p, in, err := phone[api.Receipts](c, r)
	if err != nil {
		return nil, err
	}
	if len(in.IDs) > maxList {
		return nil, fmt.Errorf("%w receipts: at most %d ids", simulator.ErrInvalid, maxList)
	}
	return nil, p.Acknowledge(in.Chat, in.IDs, in.Type)
}

func (c *control) typing(r *http.Request) (any, error) {
	p, in, err := phone[api.Typing](c, r)
	if err != nil {
		return nil, err
	}
	return nil, p.Typing(in.Chat, in.State, in.Media)
}

func (c *control) presence(r *http.Request) (any, error) {
	p, in, err := phone[api.Presence](c, r)
	if err != nil {
		return nil, err
	}
	if in.State != "available" && in.State != "unavailable" {
		return nil, fmt.Errorf("%w presence state %q", simulator.ErrInvalid, in.State)
	}
	var last time.Time
	if in.LastSeen != 0 {
		last = time.Unix(in.LastSeen, 0)
	}
	return nil, p.Presence(in.State == "available", last)
}

// maxTimer bounds the timer of disappearing messages, in seconds.
const maxTimer = 1 << 31

// forget deletes a message for the owner of a phone.
func (c *control) forget(r *http.Request) (any, error) {
	p, err := c.network.Phone(r.PathValue("phone"))
	if err != nil {
		return nil, err
	}
	return nil, p.DeleteForMe(r.Context(), r.URL.Query().Get("chat"), r.PathValue("id"))
}
