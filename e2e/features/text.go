package features

func text() []Row {
	return []Row{
		{
			Kind: "text", Direction: BothWays,
			Matrix: []string{"m.text"}, WhatsApp: []string{"conversation", "extendedTextMessage.text"},
			Limits: "To WhatsApp up to 65,536 characters; longer ones are refused with a sentence.",
			Tests:  []string{"e2e.TestStory:talkDirectly", "e2e.TestStory:talkInAGroup", "convert.TestGoldenFiles/testdata/text/plain", "convert.TestGoldenFiles/testdata/text/unicode"},
		},
		{
			Kind: "long text", Direction: BothWays,
			Matrix: []string{"m.text"}, WhatsApp: []string{"conversation", "extendedTextMessage.text"},
			Limits: "What is too long for one event becomes several, cut between words.",
			Tests:  []string{"e2e.TestEdges:longTexts", "portal.TestLongMessageIsSeveralEvents", "convert.TestSplit", "portal.TestTooLongForWhatsApp"},
		},
		{
			Kind: "emote", Direction: ToWhatsApp,
			Matrix: []string{"m.emote"}, WhatsApp: []string{"conversation"},
			Limits: "WhatsApp has no such thing: the text is italic.",
			Tests:  []string{"e2e.TestEdges:emotes", "convert.TestGoldenFiles/testdata/text/emote"},
		},
		{
			Kind: "notice", Direction: ToWhatsApp,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"conversation"},
			Limits: "Notices of others than the owner of the account are not sent, and with `bridge.notices` off none.",
			Tests:  []string{"e2e.TestEdges:emotes", "portal.TestNotices", "convert.TestGoldenFiles/testdata/text/notice", "portal.TestNoticesOfOthersAreNotAnswered"},
		},
		{
			Kind: "formatted text and captions", Direction: BothWays,
			Matrix: []string{"formatted_body"}, WhatsApp: []string{"bold, italic, struck, code, quotations, lists"},
			Limits: "Bold, italic, struck and code within a line, as WhatsApp reads them; headings are bold, tables lines, links have their address behind them, " +
				"spoilers say that they are one, and why. Characters that people have typed are never changed.",
			Tests: []string{"e2e.TestText:formats", "convert.TestGoldenFiles/testdata/format/nested", "convert.TestGoldenFiles/testdata/format/html-lists",
				"convert.TestGoldenFiles/testdata/format/html-spoilers", "convert.TestHostileTexts", "convert.TestHostileHTML"},
		},
		{
			Kind: "mentions, in texts, captions and edits", Direction: BothWays,
			Matrix: []string{"m.mentions", "links to users in formatted_body"}, WhatsApp: []string{"extendedTextMessage.contextInfo.mentionedJID", "extendedTextMessage.contextInfo.nonJIDMentions"},
			Limits: "A user of the bridge who is in the chat is mentioned, others by their ghost. In an answer only those in the text are. An event names up to 8 KiB of users, those on Matrix first.",
			Tests: []string{"e2e.TestText:mentionsFromWhatsApp", "e2e.TestText:mentionsFromMatrix", "convert.TestGoldenFiles/testdata/format/mentions", "convert.TestManyMentionsFromWhatsApp",
				"convert.TestManyMentionsFromMatrix", "portal.TestMentionsFromWhatsApp", "portal.TestMentionsFromMatrix", "portal.TestManyStrangersAreMentioned"},
		},
		{
			Kind: "previews of web pages", Direction: BothWays,
			Matrix: []string{"com.beeper.linkpreviews"}, WhatsApp: []string{"extendedTextMessage.matchedText", "extendedTextMessage.title", "extendedTextMessage.JPEGThumbnail"},
			Limits: "The first one, if its address is in the text. With `bridge.url_previews` the homeserver is asked where the client has sent none, for ten seconds at most.",
			Tests: []string{"e2e.TestText:previews", "convert.TestGoldenFiles/testdata/preview/page", "portal.TestPreviewFromWhatsApp", "portal.TestPreviewFromMatrix",
				"matrix.TestPictureOfPreview", "matrix.TestPage", "whatsapp.TestPreviews"},
		},
		{
			Kind: "forwarded", Direction: ToMatrix,
			Matrix: []string{"chat.causeway.forwarded"}, WhatsApp: []string{"extendedTextMessage.contextInfo.forwardingScore", "extendedTextMessage.contextInfo.isForwarded"},
			Limits: "A line before the text says so.",
			Tests:  []string{"e2e.TestText:forwarded", "portal.TestForwarded"},
		},
		{
			Kind: "text of a disappearing chat, or by way of another of one's devices", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"ephemeralMessage", "deviceSentMessage", "groupMentionedMessage", "botInvokeMessage"},
			Limits: "What is in the envelope is shown.",
			Tests:  []string{"e2e.TestEdges:envelopes", "convert.TestGoldenFiles/testdata/text/ephemeral", "convert.TestGoldenFiles/testdata/text/device-sent"},
		},
	}
}
