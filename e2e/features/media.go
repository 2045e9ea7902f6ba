package features

import "slices"

// mediaLimits hold for all kinds of files.
const mediaLimits = "Up to `media.max_size` and the homeserver's own limit."

func media() []Row { return slices.Concat(pictures(), sounds(), otherFiles()) }

func pictures() []Row {
	return []Row{
		{
			Kind: "image", Direction: BothWays,
			Matrix: []string{"m.image"}, WhatsApp: []string{"imageMessage"},
			Limits: mediaLimits + " To WhatsApp, PNG becomes JPEG, and what WhatsApp does not show as an image goes as a document.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/image", "convert.TestGoldenFiles/testdata/media/matrix-image"},
		},
		{
			Kind: "video", Direction: BothWays,
			Matrix: []string{"m.video"}, WhatsApp: []string{"videoMessage"},
			Limits: mediaLimits + " MP4 and 3GP; others go as documents.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/video"},
		},
		{
			Kind: "GIF", Direction: BothWays,
			Matrix: []string{"m.video", "fi.mau.gif"}, WhatsApp: []string{"videoMessage.gifPlayback"},
			Limits: mediaLimits + " A video that is played like a GIF; GIF files themselves are not turned into one yet.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/gif", "convert.TestGoldenFiles/testdata/media/matrix-gif"},
		},
		{
			Kind: "video note", Direction: ToMatrix,
			Matrix: []string{"m.video"}, WhatsApp: []string{"ptvMessage"},
			Limits: mediaLimits,
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "convert.TestGoldenFiles/testdata/media/video-note"},
		},
	}
}

func sounds() []Row {
	return []Row{
		{
			Kind: "audio", Direction: BothWays,
			Matrix: []string{"m.audio"}, WhatsApp: []string{"audioMessage"},
			Limits: mediaLimits,
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/audio", "convert.TestGoldenFiles/testdata/media/matrix-audio"},
		},
		{
			Kind: "voice message", Direction: BothWays,
			Matrix: []string{"m.audio", "org.matrix.msc3245.voice", "org.matrix.msc1767.audio"}, WhatsApp: []string{"audioMessage.PTT", "audioMessage.waveform"},
			Limits: mediaLimits + " With length and waveform. Other formats than Ogg/Opus go as audio.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/voice", "convert.TestGoldenFiles/testdata/media/matrix-voice"},
		},
	}
}

func otherFiles() []Row {
	return []Row{
		{
			Kind: "document", Direction: BothWays,
			Matrix: []string{"m.file"}, WhatsApp: []string{"documentMessage", "documentWithCaptionMessage"},
			Limits: mediaLimits + " In bounded memory, whatever its size.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "e2e.TestBigFile", "convert.TestGoldenFiles/testdata/media/document", "convert.TestGoldenFiles/testdata/media/matrix-file"},
		},
		{
			Kind: "caption", Direction: BothWays,
			Matrix: []string{"filename"}, WhatsApp: []string{"imageMessage.caption", "videoMessage.caption", "documentMessage.caption"},
			Limits: "WhatsApp has none on audio and stickers.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/document-caption", "convert.TestGoldenFiles/testdata/media/matrix-file-caption"},
		},
		{
			Kind: "sticker", Direction: BothWays,
			Matrix: []string{"m.sticker"}, WhatsApp: []string{"stickerMessage"},
			Limits: mediaLimits + " To WhatsApp, WebP only.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/sticker", "convert.TestStickerToWhatsApp"},
		},
		{
			Kind: "animated sticker in Lottie's format", Direction: ToMatrix,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"lottieStickerMessage"},
			Limits: "No Matrix client draws it: a notice says that it came.",
			Tests:  []string{"e2e.TestEdges:noticesOfKinds", "convert.TestGoldenFiles/testdata/media/sticker-lottie"},
		},
		{
			Kind: "what is to be seen only once", Direction: ToMatrix,
			Matrix: []string{"m.image", "m.video", "m.audio", "m.notice"}, WhatsApp: []string{"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension"},
			Limits: "WhatsApp gives it to phones only, and a notice says so. Where it is given to the bridge it is shown like any other.",
			Tests:  []string{"e2e.TestEdges:viewOnce", "convert.TestGoldenFiles/testdata/media/view-once", "whatsapp.TestViewOnceIsNamed"},
		},
		{
			Kind: "a file that cannot be had", Direction: BothWays,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"a file that WhatsApp does not have any more, is damaged or too large"},
			Limits: "A notice in its place says why and what to do. Asking the phone for it is not there yet.",
			Tests:  []string{"e2e.TestMedia:filesThatCannotBeHad", "matrix.TestNoticeInPlaceOfAFile", "whatsapp.TestFilesThatCannotBeSent"},
		},
	}
}
