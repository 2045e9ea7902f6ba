package main

// life are the guards of what becomes of messages.
func life() []mutant {
	return []mutant{
		{
			name: "forgets what should disappear when it is journaled",
			file: "inbox/life.go",
			old:  "			if err := in.add(ctx, ChatLane(t.Message.Portal), key, KindTimerDue, t); err != nil {\n				return err\n			}\n",
			new:  "			_ = key\n",
			pkg:  "./inbox", tests: "TestDueTimersAreJournaledOnce",
		},
		{
			name: "leaves the edits of what disappears",
			file: "portal/timer.go",
			old:  "if edit.Kind == database.KindEdit && edit.Sender == row.Sender {", new: "if edit.Kind == database.KindReaction {",
			pkg: "./portal", tests: "TestMessageDisappears",
		},
		{
			name: "lets what somebody keeps disappear",
			file: "portal/timer.go",
			old:  "err == nil && row.Kept ||", new: "err == nil && row.Kept && row.Removed ||",
			pkg: "./portal", tests: "TestKeptMessageStays",
		},
		{
			name: "takes out of WhatsApp's pins what a user has not seen yet",
			file: "portal/pin.go",
			old:  "	if !known {\n", new: "	if known || !known {\n",
			pkg: "./portal", tests: "TestPinFromMatrix",
		},
		{
			name: "takes an old pin for a new one",
			file: "portal/pin.go",
			old:  "if known && s.at().Unix() < before.Set.Unix() {", new: "if known && before.Set.IsZero() {",
			pkg: "./portal", tests: "TestPinFromWhatsApp",
		},
	}
}

// kept are the guards of what is shown, and of what stays.
func kept() []mutant {
	return []mutant{
		{
			name: "shows a file that may be seen only once",
			file: "portal/file.go",
			old:  "	if !ok || s.hidden {", new: "	if !ok {",
			pkg: "./portal", tests: "TestViewOnce",
		},
		{
			name: "removes a gallery when one of its files is deleted",
			file: "portal/deleted.go",
			old:  "other.ID != row.ID && other.Kind == database.KindMessage && !other.Removed", new: "other.ID != row.ID && other.Kind == database.KindReaction",
			pkg: "./portal", tests: "TestOneOfAGalleryIsDeleted",
		},
		{
			name: "removes for all what one has deleted for oneself",
			file: "portal/deleted.go",
			old:  "		if other.ID != login.ID {\n			return nil\n		}\n", new: "		_ = other\n",
			pkg: "./portal", tests: "TestDeletedForMe",
		},
		{
			name: "asks the phone for ever for a file that stays lost",
			file: "portal/lostfile.go",
			old:  "p.cfg.Life.AskPhone && lost.Tries < maxFileTries", new: "p.cfg.Life.AskPhone",
			pkg: "./portal", tests: "TestPhoneIsAskedAtOnce",
		},
		{
			name: "tells of a lost file before its notice is settled",
			file: "matrix/bring.go",
			old:  "	if len(a.Lost) == 0 || a.Message == nil {\n		return settle\n	}\n", new: "	if a.Message != nil {\n		return settle\n	}\n",
			pkg: "./matrix", tests: "TestLostFileIsTold",
		},
	}
}
