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
			Matrix: []string{"m.notice", "m.image", "m.video", "m.audio", "chat.causeway.view_once"}, WhatsApp: []string{"viewOnceMessage", "viewOnceMessageV2", "viewOnceMessageV2Extension", "imageMessage.viewOnce"},
			Limits: "A notice that sends you to your phone. WhatsApp seldom gives such files to linked devices; if it does, `bridge.view_once: media` shows them, with a mark in words and in a field.",
			Tests:  []string{"e2e.TestEdges:viewOnce", "e2e.TestLife:viewOnceFiles", "e2e.TestPolicies:keptFiles", "portal.TestViewOnce", "whatsapp.TestViewOnceIsNamed"},
		},
		{
			Kind: "album", Direction: BothWays,
			Matrix: []string{"com.beeper.gallery", "m.gallery", "dm.filament.gallery", "chat.causeway.album"}, WhatsApp: []string{"albumMessage", "files that name it"},
			Limits: "To Matrix each file is an event of its own, shown as it comes; a field says which belong together. To WhatsApp up to 100 images and videos as one album, other files beside it, and the caption at the first. What is said about an album is shown at its first file.",
			Tests:  []string{"e2e.TestLife:albums", "convert.TestGalleries", "portal.TestAlbumFromWhatsApp", "portal.TestGalleryFromMatrix", "portal.TestOneOfAGalleryIsDeleted"},
		},
		{
			Kind: "the same file in better quality", Direction: ToMatrix,
			Matrix: []string{"m.replace"}, WhatsApp: []string{"associatedChildMessage"},
			Limits: "Takes the place of the first file, whose words stay. The moving seconds of a photo and another coding of a video are left out.",
			Tests:  []string{"e2e.TestLife:albums", "portal.TestBetterQualityReplaces"},
		},
		{
			Kind: "a file that cannot be had", Direction: BothWays,
			Matrix: []string{"m.notice"}, WhatsApp: []string{"a file that WhatsApp does not have any more, is damaged or too large"},
			Limits: "A notice in its place says why and what to do.",
			Tests:  []string{"e2e.TestMedia:filesThatCannotBeHad", "matrix.TestNoticeInPlaceOfAFile", "whatsapp.TestFilesThatCannotBeSent"},
		},
		{
			Kind: "a file that the phone still has", Direction: ToMatrix,
			Matrix: []string{"m.notice", "m.replace", "m.reaction"}, WhatsApp: []string{"a request to the phone and its answer"},
			Limits: "The phone is asked by itself, or by a reaction with ♻ or the command `retry-media` (`media.retry`), for days if it is off. The file takes the place of the notice; a phone that does not have it either is said so.",
			Tests: []string{"e2e.TestLostFiles:fileByItself", "e2e.TestLostFiles:fileNobodyHas", "e2e.TestLostFiles:fileWithTheBridgeKilled", "e2e.TestPolicies:filesOnRequest",
				"portal.TestPhoneIsAskedAtOnce", "portal.TestPhoneIsAskedOnRequest", "matrix.TestLostFileIsTold"},
		},
	}
}
