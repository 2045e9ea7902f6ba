package features

func kinds() []Row {
	return []Row{
		{
			Kind: "what the bridge cannot show yet", Direction: ToMatrix,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"the kinds under “What is only named”, and kinds that are newer than the bridge"},
			Limits: "A notice names the kind.",
			Tests:  []string{"e2e.TestEdges:noticesOfKinds", "convert.TestUnknownKindIsSaid"},
		},
		{
			Kind: "what the bridge cannot send yet", Direction: ToWhatsApp,
			Matrix: []string{"m.location", "m.poll.start", "org.matrix.msc3381.poll.start", "m.room.encrypted", "m.key.verification.request"}, WhatsApp: []string{"nothing is sent"},
			Limits: "A notice in reply names the kind.",
			Tests:  []string{"e2e.TestEdges:refusals", "portal.TestRefusals", "convert.TestRefusalsAreOfKnownKinds"},
		},
	}
}

// Noticed are the kinds that are only named.
func Noticed() []Apart {
	return []Apart{
		{"contacts", []string{"contactMessage", "contactsArrayMessage"}},
		{"locations", []string{"locationMessage", "liveLocationMessage"}},
		{"votes, and options that are added", []string{"pollUpdateMessage", "pollCreationOptionImageMessage", "pollAddOptionMessage"}},
		{"events", []string{"eventMessage", "encEventResponseMessage", "eventCoverImage", "eventInviteMessage"}},
		{"invitations to groups and channels", []string{"groupInviteMessage", "newsletterAdminInviteMessage", "newsletterFollowerInviteMessageV2"}},
		{"messages of businesses", []string{
			"highlyStructuredMessage", "templateMessage", "templateButtonReplyMessage", "buttonsMessage", "buttonsResponseMessage", "listMessage", "listResponseMessage",
			"interactiveMessage", "interactiveResponseMessage", "productMessage", "orderMessage", "invoiceMessage",
		}},
		{"payments", []string{
			"sendPaymentMessage", "requestPaymentMessage", "declinePaymentRequestMessage", "cancelPaymentRequestMessage", "paymentInviteMessage",
			"paymentReminderMessage", "splitPaymentMessage", "splitPaymentUpdateMessage",
		}},
		{"calls", []string{"call", "callLogMesssage", "bcallMessage", "scheduledCallCreationMessage", "scheduledCallEditMessage"}},
		{"albums and packs of stickers", []string{"albumMessage", "associatedChildMessage", "stickerPackMessage"}},
		{"messages that are pinned or kept", []string{"pinInChatMessage", "keepInChatMessage"}},
		{"reactions and comments of communities", []string{"encReactionMessage", "encCommentMessage", "commentMessage"}},
		{"status updates and answers to them", []string{
			"statusMentionMessage", "groupStatusMentionMessage", "statusAddYours", "groupStatusMessage", "groupStatusMessageV2", "statusNotificationMessage",
			"statusQuestionAnswerMessage", "statusQuotedMessage", "statusStickerInteractionMessage", "statusLinkPreviewMetadata",
		}},
		{"messages of bots", []string{"richResponseMessage", "botTaskMessage", "botForwardedMessage", "botPlatformRegistrationSuccessMessage"}},
		{"the rest", []string{
			"chat", "requestPhoneNumberMessage", "messageHistoryBundle", "messageHistoryNotice", "placeholderMessage", "secretEncryptedMessage",
			"limitSharingMessage", "questionMessage", "questionReplyMessage", "questionResponseMessage", "newsletterAdminProfileMessage",
			"newsletterAdminProfileStatusMessage", "spoilerMessage", "conditionalRevealMessage", "musicMessage",
		}},
		{"a new time for disappearing messages", []string{"protocolMessage/EPHEMERAL_SETTING"}},
	}
}

// NotForPeople is what programs tell each other.
func NotForPeople() []Apart {
	return []Apart{
		{"keys of groups", []string{"senderKeyDistributionMessage", "fastRatchetKeySenderKeyDistributionMessage", "groupRootKeyShare", "rootSecretDistributeMessage"}},
		{"what goes with another message", []string{"messageContextInfo"}},
		{"the synchronisation of one's own devices", []string{
			"stickerSyncRmrMessage", "protocolMessage/HISTORY_SYNC_NOTIFICATION", "protocolMessage/APP_STATE_SYNC_KEY_SHARE", "protocolMessage/APP_STATE_SYNC_KEY_REQUEST",
			"protocolMessage/MSG_FANOUT_BACKFILL_REQUEST", "protocolMessage/INITIAL_SECURITY_NOTIFICATION_SETTING_SYNC",
			"protocolMessage/APP_STATE_FATAL_EXCEPTION_NOTIFICATION", "protocolMessage/PEER_DATA_OPERATION_REQUEST_MESSAGE",
			"protocolMessage/PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE", "protocolMessage/EPHEMERAL_SYNC_RESPONSE",
			"protocolMessage/MEDIA_NOTIFY_MESSAGE", "protocolMessage/LID_MIGRATION_MAPPING_SYNC", "protocolMessage/CHAT_THEME_SETTING",
			"protocolMessage/COEX_STATE_SYNC", "protocolMessage/REMINDER_MESSAGE", "protocolMessage/MESSAGE_UNSCHEDULE",
		}},
		{"what bots and businesses ask of programs", []string{
			"protocolMessage/REQUEST_WELCOME_MESSAGE", "protocolMessage/BOT_FEEDBACK_MESSAGE", "protocolMessage/CLOUD_API_THREAD_CONTROL_NOTIFICATION",
			"protocolMessage/BOT_MEMU_ONBOARDING_MESSAGE", "protocolMessage/STOP_GENERATION_MESSAGE", "protocolMessage/AI_PSI_METADATA",
			"protocolMessage/AI_QUERY_FANOUT", "protocolMessage/AI_MEDIA_COLLECTION_MESSAGE", "protocolMessage/AI_METADATA_OPERATION",
			"protocolMessage/MARK_AS_VERIFIED_ACTION",
		}},
		{"settings of chats and of people in them", []string{
			"protocolMessage/SHARE_PHONE_NUMBER", "protocolMessage/LIMIT_SHARING", "protocolMessage/GROUP_MEMBER_LABEL_CHANGE", "protocolMessage/STATUS_MENTION_MESSAGE",
		}},
	}
}

// UnderWay are the kinds that the bridge shows already, but that no scenario of e2e shows yet. The list is to become empty.
func UnderWay() []Apart {
	return []Apart{
		{"polls", []string{
			"pollCreationMessage", "pollCreationMessageV2", "pollCreationMessageV3", "pollCreationMessageV4", "pollCreationMessageV5", "pollCreationMessageV6",
			"pollResultSnapshotMessage", "pollResultSnapshotMessageV3",
		}},
	}
}
