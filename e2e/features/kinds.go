package features

func kinds() []Row {
	return []Row{
		{
			Kind: "poll", Direction: BothWays,
			Matrix:   []string{"org.matrix.msc3381.poll.start", "m.poll.start"},
			WhatsApp: []string{"pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV4", "pollCreationMessageV5", "pollCreationMessageV6"},
			Limits:   "To Matrix in the type that clients render today. To WhatsApp with 2 to 12 different options of up to 100 characters, under a question of up to 255; else a notice says why not. That it is a quiz, when it closes and the like stand behind the question. A poll of hidden results is open on WhatsApp, and a notice says so.",
			Tests: []string{"e2e.TestPolls:pollFromWhatsApp", "e2e.TestPolls:pollFromMatrix", "e2e.TestPolls:pollKinds", "e2e.TestPolls:pollRefusals",
				"convert.TestGoldenFiles/testdata/poll/any", "convert.TestPollsThatWhatsAppDoesNotTake", "portal.TestPollFromMatrix", "portal.TestPlaceholderBecomesAPoll"},
		},
		{
			Kind: "vote", Direction: BothWays,
			Matrix: []string{"org.matrix.msc3381.poll.response", "m.poll.response"}, WhatsApp: []string{"pollUpdateMessage"},
			Limits: "Each person has one vote, the last, wherever it was given. Votes that come before their poll are shown with it. Of polls that are older than the bridge a notice says once that there are votes. Options that were added to a poll on WhatsApp are not known.",
			Tests: []string{"e2e.TestPolls:pollFromWhatsApp", "e2e.TestPolls:pollFromMatrix", "portal.TestVotesFromWhatsApp", "portal.TestVoteFromMatrix", "portal.TestVoteBeforeItsPoll",
				"portal.TestVotesInAnUnknownPoll", "portal.TestVotesThatCannotBeRead", "convert.TestVotesAreSealedForThoseWithThePoll", "convert.TestVotesFromMatrix"},
		},
		{
			Kind: "end of a poll", Direction: ToWhatsApp,
			Matrix: []string{"org.matrix.msc3381.poll.end", "m.poll.end"}, WhatsApp: []string{"extendedTextMessage"},
			Limits: "WhatsApp has no such thing: a text in reply to the poll says that it is over, and the result.",
			Tests:  []string{"e2e.TestPolls:pollFromMatrix", "convert.TestPollResult", "portal.TestPollFromMatrix"},
		},
		{
			Kind: "results of a poll that somebody shares", Direction: ToMatrix,
			Matrix: []string{"m.text"}, WhatsApp: []string{"pollResultSnapshotMessage", "pollResultSnapshotMessageV3"},
			Tests: []string{"e2e.TestPolls:pollKinds", "convert.TestGoldenFiles/testdata/poll/snapshot"},
		},
		{
			Kind: "what the bridge cannot show yet", Direction: ToMatrix,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"the kinds under “What is only named”, and kinds that are newer than the bridge"},
			Limits: "A notice names the kind.",
			Tests:  []string{"e2e.TestEdges:noticesOfKinds", "convert.TestUnknownKindIsSaid"},
		},
		{
			Kind: "what the bridge cannot send yet", Direction: ToWhatsApp,
			Matrix: []string{"m.room.encrypted", "m.key.verification.request"}, WhatsApp: []string{"nothing is sent"},
			Limits: "A notice in reply names the kind.",
			Tests:  []string{"e2e.TestEdges:refusals", "portal.TestRefusals", "convert.TestRefusalsAreOfKnownKinds"},
		},
	}
}

// Noticed are the kinds that are only named.
func Noticed() []Apart {
	return []Apart{
		{Why: "options that are added to polls", WhatsApp: []string{"pollAddOptionMessage"}},
		{Why: "other calls", WhatsApp: []string{"call", "bcallMessage"}},
		{Why: "status updates and answers to them", WhatsApp: []string{
			"statusMentionMessage", "groupStatusMentionMessage", "statusAddYours", "groupStatusMessage", "groupStatusMessageV2", "statusNotificationMessage",
			"statusQuestionAnswerMessage", "statusQuotedMessage", "statusStickerInteractionMessage", "statusLinkPreviewMetadata",
		}},
		{Why: "messages of bots", WhatsApp: []string{"botTaskMessage", "botPlatformRegistrationSuccessMessage"}},
		{Why: "the rest", WhatsApp: []string{
			"chat", "secretEncryptedMessage", "limitSharingMessage", "questionResponseMessage", "newsletterAdminProfileMessage",
			"newsletterAdminProfileStatusMessage", "conditionalRevealMessage",
		}},
	}
}

// NotForPeople is what programs tell each other.
func NotForPeople() []Apart {
	return []Apart{
		{Why: "keys of groups", WhatsApp: []string{"senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "groupRootKeyShare", "rootSecretDistributeMessage"}},
		{Why: "what goes with another message", WhatsApp: []string{"messageContextInfo"}},
		{Why: "the synchronisation of one's own devices", WhatsApp: []string{
			"stickerSyncRmrMessage", "protocolMessage/HISTORY_SYNC_NOTIFICATION", "protocolMessage/APP_STATE_SYNC_KEY_SHARE", "protocolMessage/APP_STATE_SYNC_KEY_REQUEST",
			"protocolMessage/MSG_FANOUT_BACKFILL_REQUEST", "protocolMessage/INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC",
			"protocolMessage/APP_STATE_FATAL_EXCEPTION_NOTIFICATION", "protocolMessage/PEER_DATA_OPERATION_REQUEST_MESSAGE",
			"protocolMessage/PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE", "protocolMessage/EPHEMERAL_SYNC_RESPONSE",
			"protocolMessage/MEDIA_NOTIFY_MESSAGE", "protocolMessage/LID_MIGRATION_MAPPING_SYNC", "protocolMessage/CHAT_THEME_SETTING",
			"protocolMessage/COEX_STATE_SYNC", "protocolMessage/REMINDER_MESSAGE", "protocolMessage/MESSAGE_UNSCHEDULE",
		}},
		{Why: "what bots and businesses ask of programs", WhatsApp: []string{
			"protocolMessage/REQUEST_WELCOME_MESSAGE", "protocolMessage/BOT_FEEDBACK_MESSAGE", "protocolMessage/CLOUD_API_THREAD_CONTROL_NOTIFICATION",
			"protocolMessage/BOT_MEMU_ONBOARDING_MESSAGE", "protocolMessage/STOP_GENERATION_MESSAGE", "protocolMessage/AI_PSI_METADATA",
			"protocolMessage/AI_QUERY_FANOUT", "protocolMessage/AI_MEDIA_COLLECTION_MESSAGE", "protocolMessage/AI_METADATA_OPERATION",
			"protocolMessage/MARK_AS_VERIFIED_ACTION",
		}},
		{Why: "settings of chats and of people in them", WhatsApp: []string{
			"protocolMessage/SHARE_PHONE_NUMBER", "protocolMessage/LIMIT_SHARING", "protocolMessage/GROUP_MEMBER_LABEL_CHANGE", "protocolMessage/STATUS_MENTION_MESSAGE",
		}},
	}
}

// UnderWay are the kinds that the bridge shows already, but that no scenario of e2e shows yet. The list is to become empty.
func UnderWay() []Apart {
	return nil
}
