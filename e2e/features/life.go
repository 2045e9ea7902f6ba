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
	}
}
