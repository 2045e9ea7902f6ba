// Package config reads, checks and documents the configuration of the bridge.
//
// A setting is one field of [Config]. Its explanation is the field's doc tag and
// its default is in [Default]; the reader, the environment overrides and
// example-config.yaml are all derived from these, so a new setting is one line
// here and, where not every value is good, one check in check.go.
//
// Tags: yaml is the key; doc is the explanation; example is what
// example-config.yaml shows where there is no default; hidden keeps a setting
// out of example-config.yaml.
package config

import "time"

// Config is everything an administrator can set. It is a value: [Load] makes
// it, nothing changes it afterwards.
type Config struct {
	Homeserver Homeserver `yaml:"homeserver" doc:"The Matrix homeserver that this bridge belongs to."`
	Appservice Appservice `yaml:"appservice" doc:"How the homeserver and the bridge know and reach each other. What is set here also stands in registration.yaml: after a change run 'causeway registration -o registration.yaml', give the homeserver the new file and restart it."`
	Database   Database   `yaml:"database" doc:"Where the bridge keeps its state."`
	WhatsApp   WhatsApp   `yaml:"whatsapp" doc:"The WhatsApp side."`
	Outbox     Outbox     `yaml:"outbox" doc:"What waits to be sent."`
	Bridge     Bridge     `yaml:"bridge" doc:"Who may do what, and how the bot is addressed."`
	Media      Media      `yaml:"media" doc:"Images, voice messages, documents and other files."`
	Logging    Logging    `yaml:"logging" doc:"Log lines go to standard error."`
}

// Homeserver is the Matrix homeserver, as the bridge calls it.
type Homeserver struct {
	Address string `yaml:"address" example:"http://localhost:8008" doc:"URL at which the bridge reaches the homeserver's client API. A local address is best; it need not be the public one."`
	Domain  string `yaml:"domain" example:"example.com" doc:"The server name: the part of a user ID after the colon, as in @you:example.com. Often not the host name in the address above. It cannot be changed later."`
}

// Appservice is the bridge as the homeserver sees it (Matrix application
// service API, section "Registration").
type Appservice struct {
	ID          string `yaml:"id" doc:"Name of this bridge in the homeserver's list of application services. Two bridges on one homeserver need two names."`
	Address     string `yaml:"address" doc:"URL at which the homeserver reaches the bridge. If they run on different machines or in different containers, name the bridge's here. Dendrite also takes unix:///path/to/socket."`
	Listen      string `yaml:"listen" doc:"Where the bridge listens for the homeserver: host:port, or unix:/path/to/socket. Use 0.0.0.0:29318 in a container."`
	ASToken     Secret `yaml:"as_token" example:"PLACEHOLDER-as-token-made-by-causeway-init" doc:"Secret by which the homeserver knows the bridge. 'causeway init' makes a random one; the bridge does not start with this placeholder."`
	HSToken     Secret `yaml:"hs_token" example:"PLACEHOLDER-hs-token-made-by-causeway-init" doc:"Secret by which the bridge knows the homeserver. It must differ from as_token."`
	Bot         Bot    `yaml:"bot" doc:"The bot that people talk to."`
	GhostPrefix string `yaml:"ghost_prefix" doc:"User names of WhatsApp contacts start with this, as in @whatsapp_15550100:example.com. It cannot be changed later."`
}

// Bot is the bridge's own Matrix user.
type Bot struct {
	Username    string `yaml:"username" doc:"User name of the bot, without @ and domain. It must not start with ghost_prefix."`
	Displayname string `yaml:"displayname" doc:"Name that people see."`
}

// Database says where the state is.
type Database struct {
	URI DatabaseURI `yaml:"uri" doc:"sqlite:causeway.db is a file beside this configuration and needs nothing else; an absolute path works too (sqlite:/var/lib/causeway/causeway.db). For PostgreSQL, which several replicas can share, write postgres://user:password@host/database?sslmode=disable (or sslmode=verify-full)."`
}

// WhatsApp is about the connections to WhatsApp.
type WhatsApp struct {
	OSName              string        `yaml:"os_name" doc:"Name of the bridge in the list of linked devices on the phone. It takes effect when a device is linked."`
	ReconnectMaxBackoff time.Duration `yaml:"reconnect_max_backoff" doc:"A lost connection is tried again at once, then at growing intervals, at most this long. Between 1s and 1h."`
	Displayname         string        `yaml:"displayname" doc:"Name of a WhatsApp contact in Matrix, as a Go template. Fields: .PushName (the name people gave themselves, may be empty) and .Phone (like +15550100, may be empty)."`
	TestNetwork         TestNetwork   `yaml:"test_network" hidden:"true" doc:"A simulated WhatsApp to connect to in place of the real one. Only for tests."`
}

// TestNetwork replaces the WhatsApp network by a simulator. All fields are set
// or none.
type TestNetwork struct {
	Address string `yaml:"address" doc:"host:port of the simulator."`
	RootKey string `yaml:"root_key" doc:"Root public key of the simulator's Noise certificates: 64 hexadecimal digits."`
	CAFile  string `yaml:"ca_file" doc:"PEM file with the TLS certificate authority of the simulator."`
}

// Enabled tells whether the bridge is to connect to a simulator.
func (t TestNetwork) Enabled() bool { return t != TestNetwork{} }

// Outbox is about what waits to be sent.
type Outbox struct {
	MaxAge time.Duration `yaml:"max_age" doc:"A message that could not be sent to WhatsApp for this long, because the account was not connected or WhatsApp did not answer, is given up: its sender is told which one it was, and what was written after it goes on. Between 1m and 720h."`
}

// Bridge is about people.
type Bridge struct {
	CommandPrefix       string      `yaml:"command_prefix" doc:"What a command to the bot starts with, in rooms that are not the bot's own."`
	MessageStatusEvents bool        `yaml:"message_status_events" doc:"Post an event (com.beeper.message_send_status) for each message that is sent, delayed, not sent or, in direct chats, delivered. Clients that know it show it as a mark beside the message; others show nothing. It costs one or two events for each message."`
	MessageErrorNotices bool        `yaml:"message_error_notices" doc:"Answer a message that was not sent to WhatsApp, or much later than it was written, with a notice that says why. With this and message_status_events off, nobody is told."`
	DeliveryReceipts    bool        `yaml:"delivery_receipts" doc:"Show a message as read by the bot once WhatsApp has taken it."`
	ReadReceipts        bool        `yaml:"read_receipts" doc:"Tell WhatsApp what users have read on Matrix, and show on Matrix what was read on WhatsApp. A private read receipt clears the unread mark on the user's own phone and tells nobody else; so does any, if read receipts are off in WhatsApp's privacy settings."`
	Notices             bool        `yaml:"notices" doc:"Send notices (m.notice) to WhatsApp too, which is how bots and other programs speak. Off, they stay on Matrix. Those of somebody who has not linked an account are never sent."`
	URLPreviews         bool        `yaml:"url_previews" doc:"Ask the homeserver for a preview of the first link in a message to WhatsApp, if the client that wrote it sent none. The homeserver then fetches the page (url_preview_enabled of Synapse must be on). Previews that clients send, and those from WhatsApp, are shown in any case."`
	Typing              bool        `yaml:"typing" doc:"Show each side who is typing on the other."`
	ViewOnce            string      `yaml:"view_once" doc:"What becomes of a file that its sender lets you see only once: placeholder or media.\n  placeholder: a notice that names it and sends you to your phone. The homeserver would keep the file, which its sender did not want\n  media: the file like any other, with a mark\nWhatsApp itself seldom gives such files to linked devices; then it is a notice in any case."`
	Disappearing        string      `yaml:"disappearing" doc:"Whether messages disappear from the room when they do on WhatsApp: follow or keep."`
	KeepDeleted         string      `yaml:"keep_deleted" doc:"What becomes of a message that was deleted on WhatsApp: redact, mark or keep.\n  redact: it is removed here too\n  mark: it stays, and a notice answers it that says who deleted it\n  keep: it stays as it is"`
	Permissions         Permissions `yaml:"permissions" doc:"Who may use the bridge: blocked, relay, user or admin for a user ID, a server name or \"*\" (everyone). The most specific one counts; who matches none is blocked.\n  blocked: no access; what the user writes in bridged rooms stays on Matrix\n  relay: may write through the account of somebody who set up relaying in that room\n  user: may also link WhatsApp accounts\n  admin: may also look after the bridge"`
}

// Values of settings that name a policy.
const (
	Placeholder = "placeholder" // view_once
	ShowMedia   = "media"
	Follow      = "follow" // disappearing
	Keep        = "keep"   // disappearing, keep_deleted
	Redact      = "redact" // keep_deleted
	Mark        = "mark"
	Automatic   = "automatic" // retry
	OnRequest   = "on_request"
	Never       = "never"
)

// Media is about files.
type Media struct {
	MaxSize       int           `yaml:"max_size" doc:"How large a file may be that the bridge moves, in MiB, up to 2048. The homeserver's own limit counts too (max_upload_size of Synapse). Files take disk space while they are on their way, not memory."`
	Retry         string        `yaml:"retry" doc:"Whether your phone is asked for a file that WhatsApp has no more or that is damaged: automatic, on_request (when somebody reacts with \u267b to the notice in its place, or answers it with the command retry-media), or never."`
	Directory     string        `yaml:"directory" doc:"Directory for files on their way. Empty is the system's directory for temporary files; name another if that one is in memory. A few files of max_size must fit."`
	FFmpeg        string        `yaml:"ffmpeg" doc:"Path of the program ffmpeg; ffprobe must be beside it. Empty is the one in PATH, if there is one, and off is none. With it GIFs, films, voice messages, pictures and stickers that WhatsApp would not show are turned into what it shows; without it they go as documents, and their sender is told."`
	TranscodeTime time.Duration `yaml:"transcode_time" doc:"How long ffmpeg may work on one file. What takes longer goes as a document. Between 1s and 1h."`
}

// Limit is MaxSize in bytes.
func (m Media) Limit() int64 { return int64(m.MaxSize) << 20 }

// Logging is about log lines.
type Logging struct {
	Level  string `yaml:"level" doc:"Least important lines to show: trace, debug, info, warn or error."`
	Format string `yaml:"format" doc:"pretty for people, json for machines."`
}

// Default returns the settings that a configuration file need not name.
// Addresses, domain, tokens and permissions have no default.
func Default() Config {
	return Config{
		Appservice: Appservice{
			ID:          "whatsapp",
			Address:     "http://localhost:29318",
			Listen:      "127.0.0.1:29318",
			Bot:         Bot{Username: "whatsappbot", Displayname: "WhatsApp bridge"},
			GhostPrefix: "whatsapp_",
		},
		Database: Database{URI: "sqlite:causeway.db"},
		WhatsApp: WhatsApp{
			OSName:              "Causeway",
			ReconnectMaxBackoff: 5 * time.Minute,
			Displayname:         "{{or .PushName .Phone}} (WA)",
		},
		Outbox: Outbox{MaxAge: 24 * time.Hour},
		Bridge: Bridge{
			CommandPrefix: "!wa", MessageErrorNotices: true, ReadReceipts: true, Typing: true, Notices: true, ViewOnce: Placeholder, Disappearing: Follow, KeepDeleted: Redact,
		},
		Media:   Media{MaxSize: 500, Retry: Automatic, TranscodeTime: 5 * time.Minute},
		Logging: Logging{Level: "info", Format: "pretty"},
	}
}
