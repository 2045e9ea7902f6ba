package whatsapp

// verdict says what follows from an error code with which WhatsApp refuses a message.
type verdict int

const (
	tell  verdict = iota // no repeat will mend it: the sender is told, the lane goes on
	again                // somebody's passing trouble: a few more tries with the same ID, then tell
	wait                 // WhatsApp is away, or wants to be left alone: tries until Timing.MaxAge, then tell
)

// judge is the table of the codes in the "error" attribute of a message's <ack>, with the beginning of the sentence that
// the sender is told. WhatsApp documents none of them. Sources: [iq] whatsmeow request.go and errors.go, the errors of
// queries, which the server's acknowledgements share; [nack] whatsmeow receipt.go, the reasons of WhatsApp Web's own
// negative acknowledgements; [463] WhiskeySockets/Baileys issue 2441; [479] tulir/whatsmeow issue 944 and the stanza
// checks ("smax") of WhatsApp Web; [http] the meaning of the number in HTTP, which all known ones below 440 and from 500
// to 504 share.
func judge(code int) (v verdict, text string) {
	switch code {
	case 401, 403: // [iq] not-authorized, forbidden: as in a group where only admins write
		return tell, "WhatsApp does not let the account write in this chat"
	case 404, 410: // [iq] item-not-found, gone
		return tell, "WhatsApp does not know this chat any more"
	case 408: // [http] request timeout
		return again, "WhatsApp did not take the message in time"
	case 409, 421, 423: // [http] conflict, misdirected, locked: the chat has changed, and is asked for anew
		return again, "WhatsApp did not take the message because the chat has changed. Try again"
	case 413: // [http] too large
		return tell, "WhatsApp did not take the message because it is too large"
	case 419: // [iq] resource-limit
		return tell, "WhatsApp did not take the message because a limit of the account is reached. Try again tomorrow"
	case 429: // [iq] rate-overlimit
		return wait, "WhatsApp did not take the message because the account has sent too many"
	case 463: // [463] the account may not write to people it has not talked with, or their privacy token is missing
		return tell, "WhatsApp does not let the account start new chats at the moment"
	case 475, 479: // [479] the stanza is not as the server wants it
		return tell, "WhatsApp did not accept the form of the message. Send it in another form, and tell the bridge's administrator"
	case 487, 488, 489, 490, 491, 493, 495, 496, 499: // [nack] cannot be parsed, is not known, lacks a secret, was deleted
		return tell, "WhatsApp could not read the message. Send it in another form"
	case 500, 552: // [iq] internal-server-error, [nack] unhandled error, failed database
		return again, "WhatsApp had an error of its own and did not take the message. Try again later"
	case 502, 503, 504: // [iq] service-unavailable, [http] bad gateway, gateway timeout
		return wait, "WhatsApp is out of service and did not take the message. Try again later"
	case 550, 551: // [nack] unsupported revocation by an admin, unsupported kind of group
		return tell, "WhatsApp does not support this in this chat"
	}
	if code >= 500 { // [http] the server's own trouble
		return again, "WhatsApp had an error of its own and did not take the message. Try again later"
	}
	return tell, "WhatsApp did not take the message"
}
