package whatsapp

import "time"

// Timing says how long the bridge waits for what. Whatever is zero has its default, which suits the real network; tests
// have less time.
type Timing struct {
	// MaxAge is how long a message waits in the outbox before its sender is told that it was not sent. 24 hours.
	MaxAge time.Duration
	// Ack is how long one try of a message waits for WhatsApp's answer. 90 seconds: answers have been seen 80 seconds late.
	Ack time.Duration
	// Hold is how much of that time the other chats of the same login wait too, because whatsmeow sends one message at a
	// time. 1 second.
	Hold time.Duration
	// Ban is how long to leave an account alone that WhatsApp has banned without saying for how long. 6 hours.
	Ban time.Duration
	// Quiet is how long nothing may come over a connection before it is probed, and Probe how long the answer may take.
	// 2 minutes and 20 seconds.
	Quiet, Probe time.Duration
	// Requests are the pauses between the questions to the account's phone for a message that cannot be decrypted, and the
	// last of them the time after which the message is given up. 10 minutes to 2 days, 5 days in all.
	Requests []time.Duration
}

// withDefaults fills in what is zero.
func (t Timing) withDefaults() Timing {
	for field, usual := range map[*time.Duration]time.Duration{
		&t.MaxAge: 24 * time.Hour,
		&t.Ack:    90 * time.Second,
		&t.Hold:   time.Second,
		&t.Ban:    6 * time.Hour,
		&t.Quiet:  2 * time.Minute,
		&t.Probe:  20 * time.Second,
	} {
		if *field <= 0 {
			*field = usual
		}
	}
	if len(t.Requests) == 0 {
		t.Requests = []time.Duration{10 * time.Minute, time.Hour, 4 * time.Hour, 12 * time.Hour, 24 * time.Hour, 36 * time.Hour, 48 * time.Hour}
	}
	return t
}
