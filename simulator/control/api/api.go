// Package api is the control API of the simulated network as JSON: what its calls take and answer. Times are Unix seconds.
package api

import "encoding/json"

// Prefix begins the path of every call.
const Prefix = "/v1"

// Problem is the answer of a call that failed.
type Problem struct {
	Error string `json:"error"`
}

// NewPhone is the body of POST /phones.
type NewPhone struct {
	Phone string  `json:"phone"`
	Name  string  `json:"name"`
	About *string `json:"about,omitempty"`
}

// Phone is its answer.
type Phone struct {
	JID string `json:"jid"`
	LID string `json:"lid"`
}

// PhonePatch is the body of PATCH /phones/{phone}.
type PhonePatch struct {
	Name        *string `json:"name,omitempty"`
	About       *string `json:"about,omitempty"`
	Picture     *string `json:"picture,omitempty"`
	AutoDeliver *bool   `json:"auto_deliver,omitempty"`
	Online      *bool   `json:"online,omitempty"`
	// MediaRetry is serve, missing, fail or silent.
	MediaRetry *string `json:"media_retry,omitempty"`
}

// Link is the body of POST /phones/{phone}/link: one of the two.
type Link struct {
	QR   string `json:"qr,omitempty"`
	Code string `json:"code,omitempty"`
}

// Linked is its answer.
type Linked struct {
	Device uint16 `json:"device"`
}

// Reaction is an emoji on a message; an empty emoji takes it back.
type Reaction struct {
	ID    string `json:"id"`
	Emoji string `json:"emoji"`
}

// Pin pins a message for everyone for some seconds, or (0) takes it out again.
type Pin struct {
	ID      string `json:"id"`
	Seconds uint32 `json:"seconds,omitempty"`
}

// Parent says to which message another belongs: of kind album, hd_image, hd_video or motion_photo.
type Parent struct {
	ID   string `json:"id"`
	Kind string `json:"kind"`
}

// Vote is a vote in a poll: the texts of the chosen options, none to take an earlier one back.
type Vote struct {
	ID      string   `json:"id"`
	Options []string `json:"options"`
}

// Attendance is the answer to an event: GOING, NOT_GOING or MAYBE.
type Attendance struct {
	ID       string `json:"id"`
	Response string `json:"response"`
	Guests   int32  `json:"guests,omitempty"`
}

// Send is the body of POST /phones/{phone}/messages.
type Send struct {
	Chat      string          `json:"chat"`
	Text      string          `json:"text,omitempty"`
	Message   json.RawMessage `json:"message,omitempty"`
	Media     *OutgoingMedia  `json:"media,omitempty"`
	ID        string          `json:"id,omitempty"`
	Timestamp int64           `json:"timestamp,omitempty"`
	ReplyTo   string          `json:"reply_to,omitempty"`
	Edit      string          `json:"edit,omitempty"`
	Revoke    string          `json:"revoke,omitempty"`
	React     *Reaction       `json:"react,omitempty"`
	Vote      *Vote           `json:"vote,omitempty"`
	Attend    *Attendance     `json:"attend,omitempty"`
	CommentOn string          `json:"comment_on,omitempty"`
	Sealed    bool            `json:"sealed,omitempty"`
	Dress
	Pin    *Pin    `json:"pin,omitempty"`
	Parent *Parent `json:"parent,omitempty"`
	// Expiration is after how many seconds the message disappears.
	Expiration uint32 `json:"expiration,omitempty"`
}

// Dress is what a text or caption has besides its words. Mentions are numbers (to send also JIDs; "@number" in the text becomes
// "@LID"), Forwarded is how often the message has been passed on.
type Dress struct {
	Mentions   []string     `json:"mentions,omitempty"`
	MentionAll bool         `json:"mention_all,omitempty"`
	Forwarded  uint32       `json:"forwarded,omitempty"`
	Preview    *LinkPreview `json:"preview,omitempty"`
}

// LinkPreview is what a text shows of a web page, whose address is in the text.
type LinkPreview struct {
	URL         string `json:"url"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`
	Thumbnail   []byte `json:"thumbnail,omitempty"`
}

// OutgoingMedia is a file to send. Kind is image, video, gif, video_note, audio, voice, document or sticker.
type OutgoingMedia struct {
	Kind string `json:"kind"`
	MIME string `json:"mime"`
	Data []byte `json:"data,omitempty"`
	// Random, in place of Data, is how many random bytes the file shall have.
	Random    int64  `json:"random,omitempty"`
	Caption   string `json:"caption,omitempty"`
	FileName  string `json:"filename,omitempty"`
	Seconds   uint32 `json:"seconds,omitempty"`
	Waveform  []byte `json:"waveform,omitempty"`
	Width     uint32 `json:"width,omitempty"`
	Height    uint32 `json:"height,omitempty"`
	Thumbnail []byte `json:"thumbnail,omitempty"`
	ViewOnce  bool   `json:"view_once,omitempty"`
}

// Sent is its answer.
type Sent struct {
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
}

// Media describes a message's file.
type Media struct {
	MIME   string `json:"mime"`
	SHA256 string `json:"sha256"`
	Size   uint64 `json:"size"`
}

// Message is an entry of GET /phones/{phone}/messages. Chat and Sender are JIDs by phone number, or the group's.
type Message struct {
	Seq       uint64 `json:"seq"`
	Chat      string `json:"chat"`
	Sender    string `json:"sender"`
	ID        string `json:"id"`
	Timestamp int64  `json:"timestamp"`
	FromMe    bool   `json:"from_me"`
	// Device is the number of the sending device; 0 is a phone.
	Device  uint16          `json:"device"`
	Text    string          `json:"text"`
	Message json.RawMessage `json:"message"`
	Media   *Media          `json:"media"`
	// EditOf and Revoked are the ID of the message that this one changes or takes back, or "".
	EditOf  string `json:"edit_of"`
	Revoked string `json:"revoked"`
	// Vote and Attendance are an opened answer to a poll or an event that the phone knows.
	Vote       *Vote       `json:"vote,omitempty"`
	Attendance *Attendance `json:"attendance,omitempty"`
	Dress
}

// Contact is the body of PUT /phones/{phone}/contacts/{other}.
type Contact struct {
	Name string `json:"name"`
}

// ChatPatch is the body of PATCH /phones/{phone}/chats/{chat}. A MutedUntil of 0 unmutes.
type ChatPatch struct {
	MutedUntil   *int64 `json:"muted_until,omitempty"`
	Pinned       *bool  `json:"pinned,omitempty"`
	Archived     *bool  `json:"archived,omitempty"`
	Unread       *bool  `json:"unread,omitempty"`
	Disappearing *int   `json:"disappearing,omitempty"`
}

// Receipts is the body of POST /phones/{phone}/receipts.
type Receipts struct {
	Chat string   `json:"chat"`
	IDs  []string `json:"ids"`
	Type string   `json:"type"`
}

// Typing is the body of POST /phones/{phone}/typing.
type Typing struct {
	Chat  string `json:"chat"`
	State string `json:"state"`
	Media string `json:"media,omitempty"`
}

// Presence is the body of POST /phones/{phone}/presence.
type Presence struct {
	State    string `json:"state"`
	LastSeen int64  `json:"last_seen,omitempty"`
}

// NewGroup is the body of POST /groups.
type NewGroup struct {
	Subject      string   `json:"subject"`
	Creator      string   `json:"creator"`
	Participants []string `json:"participants"`
	Topic        string   `json:"topic,omitempty"`
	Announce     bool     `json:"announce,omitempty"`
	Locked       bool     `json:"locked,omitempty"`
	Community    bool     `json:"community,omitempty"`
	Parent       string   `json:"parent,omitempty"`
}

// Member is one participant of a group. Role is "", admin or superadmin.
type Member struct {
	JID  string `json:"jid"`
	LID  string `json:"lid"`
	Role string `json:"role"`
}

// Group is the answer of POST /groups and GET /groups/{jid}.
type Group struct {
	JID          string   `json:"jid"`
	Subject      string   `json:"subject"`
	Topic        string   `json:"topic"`
	Creator      string   `json:"creator"`
	Announce     bool     `json:"announce"`
	Locked       bool     `json:"locked"`
	Participants []Member `json:"participants"`
}

// GroupPatch is the body of PATCH /groups/{jid}.
type GroupPatch struct {
	By           string  `json:"by"`
	Subject      *string `json:"subject,omitempty"`
	Topic        *string `json:"topic,omitempty"`
	Picture      *string `json:"picture,omitempty"`
	Announce     *bool   `json:"announce,omitempty"`
	Locked       *bool   `json:"locked,omitempty"`
	Approval     *bool   `json:"approval,omitempty"`
	Disappearing *int    `json:"disappearing,omitempty"`
}

// Participants is the body of POST /groups/{jid}/participants.
type Participants struct {
	By           string   `json:"by"`
	Action       string   `json:"action"`
	Participants []string `json:"participants,omitempty"`
}

// NewInvite is the body of POST /groups/{jid}/invites. It lasts for some seconds, which may be negative.
type NewInvite struct {
	By      string `json:"by"`
	Phone   string `json:"phone"`
	Seconds int64  `json:"seconds"`
}

// Invite is its answer, as a GroupInviteMessage needs it.
type Invite struct {
	Code       string `json:"code"`
	Expiration int64  `json:"expiration"`
}

// Fault is the body of POST /faults. Device is digits:number, digits for all companions of a phone, or empty for all.
type Fault struct {
	Kind   string `json:"kind"`
	Device string `json:"device,omitempty"`
	Count  int    `json:"count,omitempty"`
	// ForMS is how long the fault lasts, in milliseconds.
	ForMS int64 `json:"for_ms,omitempty"`
	// DelayMS is how long delay_acks holds each acknowledgement; without it they wait until the fault is over.
	DelayMS int64 `json:"delay_ms,omitempty"`
	Code    int   `json:"code,omitempty"`
}

// Stats is the answer of GET /stats; T is the counters of a device and V a violation.
type Stats[T, V any] struct {
	Devices    map[string]T `json:"devices"`
	Violations []V          `json:"violations"`
}
