// Package crashpoint names the moments at which the crash tests kill the bridge. In an ordinary build nothing of it is left: Pass does
// nothing and is compiled away. With the build tag crashpoints the setting CAUSEWAY_CRASH_AT=name:nth ends the process with SIGKILL
// when it passes the named point for the nth time.
package crashpoint

// Environment is the variable that says where to crash.
const Environment = "CAUSEWAY_CRASH_AT"

// Points of the bridge's code, in the order in which a message passes them.
const (
	// MatrixJournaled: the homeserver's transaction is durable and not acknowledged.
	MatrixJournaled = "matrix-journaled"
	// WhatsAppDecrypted: the Signal ratchet has moved on, durably; the message is not journaled.
	WhatsAppDecrypted = "whatsapp-decrypted"
	// WhatsAppJournaled: the message is durable and not acknowledged.
	WhatsAppJournaled = "whatsapp-journaled"
	// Decided: a decision is durable and nothing of it carried out.
	Decided = "inbox-closed"
	// RoomCreated: the homeserver has made a room that the database does not know of.
	RoomCreated = "room-created"
	// MatrixUploaded: the homeserver has a file of which the action does not know.
	MatrixUploaded = "matrix-uploaded"
	// MatrixSent: the homeserver has an event whose action is not settled.
	MatrixSent = "matrix-sent"
	// WhatsAppUploaded: WhatsApp has a file of which the action does not know.
	WhatsAppUploaded = "whatsapp-uploaded"
	// WhatsAppEncrypted: the Signal ratchet has moved on, durably; the message is not sent.
	WhatsAppEncrypted = "whatsapp-encrypted"
	// WhatsAppSent: WhatsApp has a message whose action is not settled.
	WhatsAppSent = "whatsapp-sent"
	// Settled: an action is settled and its lane goes on.
	Settled = "outbox-closed"
)

// Points lists all of them.
func Points() []string {
	return []string{
		MatrixJournaled, WhatsAppDecrypted, WhatsAppJournaled, Decided, RoomCreated,
		MatrixUploaded, MatrixSent, WhatsAppUploaded, WhatsAppEncrypted, WhatsAppSent, Settled,
	}
}
