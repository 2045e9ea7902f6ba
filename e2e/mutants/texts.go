package main

// texts are the guards of formatting.
func texts() []mutant {
	return []mutant{
		{
			name: "takes any number in a text for a mention",
			file: "convert/convert.go",
			old:  "	people = people.mentionedBy(msg)\n", new: "",
			pkg: "./convert", tests: "TestGoldenFiles/format/mention-unlisted",
		},
		{
			name: "writes marks that WhatsApp does not read",
			file: "convert/line.go",
			old:  "		if len(wrong) == 0 {", new: "		if len(wrong) >= 0 {",
			pkg: "./convert", tests: "TestGoldenFiles/format/html-inside-words",
		},
		{
			name: "formats in the middle of words",
			file: "convert/markup.go",
			old:  "(i == 0 || !isWord(before)) && ", new: "(i == 0 || before != 0) && ",
			pkg: "./convert", tests: "TestGoldenFiles/format/inside-words",
		},
		{
			name: "reads HTML of any length",
			file: "convert/text.go",
			old:  "content.Format == event.FormatHTML && len(content.FormattedBody) <= maxHTML", new: "content.Format == event.FormatHTML",
			pkg: "./convert", tests: "TestTooMuchHTMLIsNotRead",
		},
		{
			name: "keeps HTML that an event has no place for",
			file: "convert/format.go",
			old:  "w.special && jsonSize(content.Body)+jsonSize(formatted) <= maxBody", new: "w.special",
			pkg: "./convert", tests: "TestLongFormattedTextsStayPlain",
		},
	}
}

// mentions are the guards of mentions, previews and comments.
func mentions() []mutant {
	return []mutant{
		{
			name: "mentions more people than an event has place for",
			file: "convert/mention.go",
			old:  " || size+len(who.User) > maxMentionSize", new: "",
			pkg: "./convert", tests: "TestManyMentionsFromWhatsApp",
		},
		{
			name: "makes a ghost of everybody whom a stranger names",
			file: "portal/mention.go",
			old:  "known || strangers >= maxStrangers", new: "known",
			pkg: "./portal", tests: "TestManyStrangersAreMentioned",
		},
		{
			name: "mentions whom m.mentions leaves out",
			file: "convert/htmltext.go",
			old:  "(w.named == nil || w.named(user.String()))", new: "true",
			pkg: "./convert", tests: "TestGoldenFiles/format/mentions-only",
		},
		{
			name: "shows the preview of a page that the text does not name",
			file: "convert/preview.go",
			old:  " || !strings.Contains(textOf(msg), address)", new: "",
			pkg: "./convert", tests: "TestGoldenFiles/preview/page-elsewhere",
		},
		{
			name: "asks for the preview again at each try",
			file: "whatsapp/preview.go",
			old:  "	a.Preview, a.File = nil, nil\n	return s.sessions.edge.out.Progress(ctx, e, a)", new: "	return nil",
			pkg: "./whatsapp", tests: "TestPreviewIsWrittenDown",
		},
		{
			name: "uploads the picture of a preview again at each try",
			file: "matrix/preview.go",
			old:  "	a.Preview = nil\n", new: "",
			pkg: "./matrix", tests: "TestPictureOfPreview",
		},
		{
			name: "gives up a comment whose announcement is not shown",
			file: "matrix/relation.go",
			old:  "isAnswer := !typed || isThread", new: "isAnswer := !typed || isThread && typed == false",
			pkg: "./matrix", tests: "TestSendEventAboutAnother",
		},
	}
}
