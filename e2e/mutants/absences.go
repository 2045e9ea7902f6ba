package main

// absences are the guards for when WhatsApp, a phone or an account is away.
func absences() []mutant {
	return []mutant{
		{
			name: "lets one chat whose answers are late hold up the others",
			file: "whatsapp/answer.go",
			old:  "	w.start()\n", new: "	w.timer = time.NewTimer(0)\n",
			pkg: "./whatsapp", tests: "TestStuckChatDelaysNoOther",
		},
		{
			name: "gives up when the homeserver still holds a connection to a bridge that was killed",
			file: "matrix/check.go",
			old:  "try < pingTries", new: "try < 1",
			pkg: "./matrix", tests: "TestPingSaysWhatToChange",
		},
		{
			name: "sends a reaction before the message of another login that it is about",
			file: "whatsapp/after.go",
			old:  "		limit = busyLimit", new: "		limit = 0",
			pkg: "./whatsapp", tests: "TestAfterTheMessageOfAnotherLogin",
		},
		{
			name: "lets one login whose answers are late hold up the others",
			file: "outbox/outbox.go",
			old:  "	if !OnWhatsApp(lane) {\n		return lane.Kind()\n	}", new: "	if lane != \"\" {\n		return lane.Kind()\n	}",
			pkg: "./whatsapp", tests: "TestSlowLoginDelaysNoOther",
		},
		{
			name: "sends what is too old",
			file: "whatsapp/sender.go",
			old:  "	case age > limit:", new: "	case age < 0:",
			pkg: "./whatsapp", tests: "TestTooOldIsRefused",
		},
		{
			name: "stays away after a ban",
			file: "whatsapp/session.go",
			old:  "			wait = s.banned(ctx, end)", new: "			_ = s.banned(ctx, end)\n			return",
			pkg: "./whatsapp", tests: "TestBanEnds",
		},
		{
			name: "believes in a connection that brings nothing",
			file: "whatsapp/watchdog.go",
			old:  "if s.quiet() < s.edge.timing.Quiet {", new: "if s.quiet() >= 0 {",
			pkg: "./whatsapp", tests: "TestSilentConnectionIsRenewed",
		},
		{
			name: "asks the phone for a message once only",
			file: "whatsapp/undecryptable.go",
			old:  "	next.Try++\n	return", new: "	next.Try++\n	if next.Try > 0 {\n		return nil, nil\n	}\n	return",
			pkg: "./whatsapp", tests: "TestPhoneIsAskedAcrossRestarts",
		},
		{
			name: "leaves the placeholder of a message that has come",
			file: "portal/message.go",
			old:  "		return p.fill(ctx, said)", new: "		return nil",
			pkg: "./portal", tests: "TestPlaceholderBecomesTheMessage",
		},
	}
}
