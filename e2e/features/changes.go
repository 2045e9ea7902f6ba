package features

func changes() []Row {
	return []Row{
		{
			Kind: "reply", Direction: BothWays,
			Matrix: []string{"m.in_reply_to"}, WhatsApp: []string{"extendedTextMessage.contextInfo"},
			Limits: "With the words of the message that is answered. What the bridge does not know is quoted in the text.",
			Tests:  []string{"e2e.TestStory:changeOnWhatsApp", "e2e.TestStory:changeOnMatrix", "e2e.TestText:quotes", "convert.TestReplies", "portal.TestRepliesFromWhatsApp", "portal.TestRepliesFromMatrix"},
		},
		{
			Kind: "edit", Direction: BothWays,
			Matrix: []string{"m.replace", "m.new_content"}, WhatsApp: []string{"editedMessage", "protocolMessage/MESSAGE_EDIT", "secretEncryptedMessage of that kind"},
			Limits: "To WhatsApp within 20 minutes; later a notice says so. What was written on Matrix and is edited on the phone is shown as a reply that begins with “Edited:”.",
			Tests:  []string{"e2e.TestStory:changeOnWhatsApp", "e2e.TestStory:changeOnMatrix", "convert.TestEdits", "portal.TestEditFromWhatsApp", "portal.TestEditFromMatrix", "portal.TestEarlyEditWaits", "e2e.TestLife:sealedEdit"},
		},
		{
			Kind: "reaction", Direction: BothWays,
			Matrix: []string{"m.reaction"}, WhatsApp: []string{"reactionMessage"},
			Limits: "One per person and message, as WhatsApp has it: a new one takes the place of the old. Custom emoji become their name.",
			Tests:  []string{"e2e.TestStory:changeOnWhatsApp", "e2e.TestStory:changeOnMatrix", "e2e.TestStory:changeInTheGroup", "convert.TestReactions", "portal.TestReactionsFromWhatsApp", "portal.TestReactionFromMatrix"},
		},
		{
			Kind: "comment and reaction in a community's announcements", Direction: ToMatrix,
			Matrix: []string{"m.thread", "m.reaction", "m.notice"}, WhatsApp: []string{"encCommentMessage", "commentMessage", "encReactionMessage"},
			Limits: "A comment is in the thread of its announcement. Those on announcements that came before the account was linked cannot be opened: a notice says so.",
			Tests:  []string{"e2e.TestText:comments", "portal.TestCommentsFromWhatsApp", "matrix.TestSendEventAboutAnother"},
		},
		{
			Kind: "thread", Direction: ToWhatsApp,
			Matrix: []string{"m.thread"}, WhatsApp: []string{"extendedTextMessage.contextInfo"},
			Limits: "WhatsApp has none: it is an answer to the message before it, or to the one that the thread began with.",
			Tests:  []string{"e2e.TestText:threads", "portal.TestRepliesFromMatrix"},
		},
		{
			Kind: "removal", Direction: BothWays,
			Matrix: []string{"m.room.redaction"}, WhatsApp: []string{"protocolMessage/REVOKE"},
			Limits: "One's own, and by admins of a group anybody's. To WhatsApp within 60 hours; later a notice says that it was removed on Matrix only.",
			Tests:  []string{"e2e.TestStory:changeOnWhatsApp", "e2e.TestStory:changeOnMatrix", "convert.TestRedactions", "e2e.TestLifeInAGroup:adminRemoves", "portal.TestRedactionByAnAdmin", "portal.TestRedactionFromMatrix"},
		},
	}
}
