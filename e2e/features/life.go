package features

func life() []Row {
	return []Row{
		{
			Kind: "what cannot be decrypted", Direction: ToMatrix,
			Matrix: []string{"m.notice", "m.replace"}, WhatsApp: []string{"a message whose keys the bridge does not have"},
			Limits: "A notice in its place becomes the message once it comes again. Its sender and the phone are asked for it over five days.",
			Tests:  []string{"e2e.TestEdges:undecryptable", "portal.TestPlaceholderBecomesTheMessage", "whatsapp.TestPhoneIsAskedAcrossRestarts"},
		},
		{
			Kind: "what one sends from the phone itself", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"what one's phone sends to its companions"},
			Limits: "By one's own WhatsApp ghost; double puppeting is not there yet.",
			Tests:  []string{"e2e.TestStory:talkFromThePhone", "portal.TestOwnMessages"},
		},
		{
			Kind: "sent, delivered", Direction: ToMatrix,
			Matrix: []string{"com.beeper.message_send_status", "m.read"}, WhatsApp: []string{"acknowledgements and receipts"},
			Limits: "With `bridge.message_status_events` and `bridge.delivery_receipts`. The delivery in direct chats only.",
			Tests:  []string{"e2e.TestFeedback:delivered", "portal.TestDelivered", "portal.TestAcceptedIsToldAsWanted"},
		},
		{
			Kind: "late, refused, given up", Direction: ToMatrix,
			Matrix: []string{"m.notice", "com.beeper.message_send_status"}, WhatsApp: []string{"what WhatsApp does not take"},
			Limits: "The notice in reply says why and what to do. What was given up is a dead letter that can be tried again.",
			Tests:  []string{"e2e.TestFeedback:refused", "e2e.TestFeedback:delayed", "e2e.TestFeedback:givenUp", "portal.TestFailureSaysWhy"},
		},
		{
			Kind: "disappearing messages", Direction: BothWays,
			Matrix:   []string{"com.beeper.disappearing_timer", "m.room.redaction", "m.notice"},
			WhatsApp: []string{"protocolMessage/EPHEMERAL_SETTING", "extendedTextMessage.contextInfo.expiration", "ephemeralMessage", "the setting of a group"},
			Limits:   "The chat's timer is a state of the room and a notice. A message goes when its time is over, counted from when it was sent, with its edits and within seconds; files stay on the homeserver. With `bridge.disappearing: keep` it stays. An event may have a timer of its own; that of the chat is changed on WhatsApp only.",
			Tests:    []string{"e2e.TestLife:disappear", "e2e.TestLifeInAGroup:timerOfTheGroup", "e2e.TestPolicies:deletedIsMarked", "convert.TestTimers", "portal.TestTimerOfAChat", "portal.TestMessageDisappears", "portal.TestTimerOfAGroup", "portal.TestTimerOfAnEvent", "portal.TestKeepWhatVanishes"},
		},
		{
			Kind: "a disappearing message that is kept", Direction: ToMatrix,
			Matrix: []string{"m.room.redaction"}, WhatsApp: []string{"keepInChatMessage"},
			Limits: "It stays until it is not kept any more. Nothing says so in the room.",
			Tests:  []string{"e2e.TestLife:disappear", "portal.TestKeptMessageStays"},
		},
		{
			Kind: "pin", Direction: BothWays,
			Matrix: []string{"m.room.pinned_events"}, WhatsApp: []string{"pinInChatMessage"},
			Limits: "Ends in the room when it does on WhatsApp. From Matrix it lasts for 30 days, WhatsApp's longest time. WhatsApp's programs show three.",
			Tests:  []string{"e2e.TestLife:pins", "convert.TestPins", "portal.TestPinFromWhatsApp", "portal.TestPinFromMatrix"},
		},
		{
			Kind: "what one deletes for oneself", Direction: ToMatrix,
			Matrix: []string{"m.room.redaction"}, WhatsApp: []string{"what the phone tells its companions by app state"},
			Limits: "Removed where nobody else has the chat in the same room, and only with `bridge.keep_deleted: redact`.",
			Tests:  []string{"e2e.TestLife:deletedForMe", "portal.TestDeletedForMe"},
		},
		{
			Kind: "deleted, but kept here", Direction: ToMatrix,
			Matrix: []string{"m.notice", "m.in_reply_to"}, WhatsApp: []string{"protocolMessage/REVOKE"},
			Limits: "With `bridge.keep_deleted: mark` a notice in reply says that it was deleted, with `keep` nothing does.",
			Tests:  []string{"e2e.TestPolicies:deletedIsMarked", "portal.TestDeletedIsMarked", "portal.TestDeletedIsKept"},
		},
	}
}
