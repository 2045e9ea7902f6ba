package features

func answers() []Row {
	return []Row{
		{
			Kind: "event", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"eventMessage", "eventInviteMessage", "eventCoverImage"},
			Limits: "A text with times in UTC, for its sender's zone is not in the message, place, link and description. Changes are edits.",
			Tests:  []string{"e2e.TestAnswers:events", "convert.TestGoldenFiles/testdata/event/whole", "convert.TestGoldenFiles/testdata/event/cancelled"},
		},
		{
			Kind: "answer to an event", Direction: BothWays,
			Matrix: []string{"m.reaction", "m.text", "m.notice"}, WhatsApp: []string{"encEventResponseMessage"},
			Limits: "From Matrix by the reaction ✅, ❌ or ❓, or a reply of yes, no or maybe. To Matrix as a notice in reply to the event. Answers to events that the bridge has not seen are not shown.",
			Tests: []string{"e2e.TestAnswers:events", "portal.TestAnswersToEvents", "portal.TestAnswerBeforeItsEvent", "portal.TestAnswerThatCannotBeRead",
				"convert.TestAttendance"},
		},
		{
			Kind: "invitation to a group", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"groupInviteMessage"},
			Limits: "The command `accept` in reply to it joins the group, across restarts. Expired ones say so.",
			Tests: []string{"e2e.TestAnswers:invitations", "command.TestAccept", "portal.TestInvitationSaysHowToJoin", "convert.TestInvitations",
				"convert.TestGoldenFiles/testdata/invite/group"},
		},
		{
			Kind: "messages of businesses: buttons, lists, templates, products", Direction: ToMatrix,
			Matrix:   []string{"m.text", "m.image", "m.video", "m.file"},
			WhatsApp: []string{"buttonsMessage", "listMessage", "templateMessage", "highlyStructuredMessage", "interactiveMessage", "productMessage"},
			Limits:   "All words, links and prices, under the picture of the header; choices have numbers. Of cards one below the other only the first has its picture. Shops and forms are for the phone.",
			Tests: []string{"e2e.TestAnswers:menus", "convert.TestGoldenFiles/testdata/business/buttons", "convert.TestGoldenFiles/testdata/business/list",
				"convert.TestGoldenFiles/testdata/business/template", "convert.TestGoldenFiles/testdata/business/interactive", "convert.TestGoldenFiles/testdata/business/carousel",
				"convert.TestGoldenFiles/testdata/business/product"},
		},
		{
			Kind: "a choice in such a message", Direction: BothWays,
			Matrix: []string{"m.text"}, WhatsApp: []string{"buttonsResponseMessage", "listResponseMessage", "templateButtonReplyMessage", "interactiveResponseMessage"},
			Limits: "From Matrix by a reply with the number or the words of the choice; any other reply is a reply.",
			Tests: []string{"e2e.TestAnswers:menus", "e2e.TestAnswers:choicesOfOthers", "portal.TestChoiceByReply", "convert.TestChoices",
				"convert.TestGoldenFiles/testdata/business/chosen-list"},
		},
	}
}

// forPhones are kinds of which WhatsApp gives linked devices a part, or nothing but that they are there.
func forPhones() []Row {
	return []Row{
		{
			Kind: "answers of Meta's AI", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"richResponseMessage", "botForwardedMessage"},
			Limits: "The texts and code of them; that there is more is said.",
			Tests:  []string{"e2e.TestAnswers:namedKinds", "convert.TestGoldenFiles/testdata/named/rich"},
		},
		{
			Kind: "what is in further envelopes: spoilers, questions", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"spoilerMessage", "questionMessage", "questionReplyMessage", "pollCreationOptionImageMessage"},
			Limits: "What is in the envelope is shown.",
			Tests:  []string{"e2e.TestAnswers:namedKinds", "convert.TestGoldenFiles/testdata/named/spoiler"},
		},
		{
			Kind: "what is to be seen or used on the phone only: orders, payments, calls, packs of stickers, channels, codes", Direction: ToMatrix,
			Matrix: []string{"m.notice", "chat.causeway.message"},
			WhatsApp: []string{
				"orderMessage", "invoiceMessage", "sendPaymentMessage", "requestPaymentMessage", "declinePaymentRequestMessage", "cancelPaymentRequestMessage",
				"paymentInviteMessage", "paymentReminderMessage", "splitPaymentMessage", "splitPaymentUpdateMessage", "callLogMesssage", "scheduledCallCreationMessage",
				"scheduledCallEditMessage", "stickerPackMessage", "newsletterAdminInviteMessage", "newsletterFollowerInviteMessageV2", "placeholderMessage",
				"requestPhoneNumberMessage", "messageHistoryNotice", "messageHistoryBundle", "musicMessage",
			},
			Limits: "A notice says what it is, with the amounts, times and words in it, and what to do. The message itself, up to 16 KiB, is kept in the event for later.",
			Tests: []string{"e2e.TestAnswers:namedKinds", "convert.TestGoldenFiles/testdata/named/payment", "convert.TestGoldenFiles/testdata/business/order",
				"portal.TestUnknownKindIsKept"},
		},
	}
}
