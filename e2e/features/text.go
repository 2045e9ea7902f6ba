package features

func text() []Row {
	return []Row{
		{
			Kind: "text", Direction: BothWays,
			Matrix: []string{"m.text"}, WhatsApp: []string{"conversation", "extendedTextMessage.text"},
			Limits: "The plain text is taken over; HTML and WhatsApp's markup are not turned into one another yet.",
			Tests:  []string{"e2e.TestStory:talkDirectly", "e2e.TestStory:talkInAGroup", "convert.TestGoldenFiles/testdata/text/plain", "convert.TestGoldenFiles/testdata/text/unicode"},
		},
		{
			Kind: "long text", Direction: BothWays,
			Matrix: []string{"m.text"}, WhatsApp: []string{"conversation", "extendedTextMessage.text"},
			Limits: "What is too long for one event becomes several, cut between words.",
			Tests:  []string{"e2e.TestEdges:longTexts", "portal.TestLongMessageIsSeveralEvents", "convert.TestSplit"},
		},
		{
			Kind: "emote", Direction: ToWhatsApp,
			Matrix: []string{"m.emote"}, WhatsApp: []string{"conversation"},
			Limits: "WhatsApp has no such thing: `* ` stands before the text, as people write it themselves.",
			Tests:  []string{"e2e.TestEdges:emotes", "convert.TestGoldenFiles/testdata/text/emote"},
		},
		{
			Kind: "notice", Direction: ToWhatsApp,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"conversation"},
			Limits: "Notices of others than the owner of the account are not sent.",
			Tests:  []string{"e2e.TestEdges:emotes", "convert.TestGoldenFiles/testdata/text/notice", "portal.TestNoticesOfOthersAreNotAnswered"},
		},
		{
			Kind: "text of a disappearing chat, or by way of another of one's devices", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"ephemeralMessage", "deviceSentMessage", "groupMentionedMessage", "botInvokeMessage"},
			Limits: "What is in the envelope is shown.",
			Tests:  []string{"e2e.TestEdges:envelopes", "convert.TestGoldenFiles/testdata/text/ephemeral", "convert.TestGoldenFiles/testdata/text/device-sent"},
		},
	}
}
