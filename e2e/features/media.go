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
			Limits: mediaLimits + " To WhatsApp, PNG, WebP, BMP, TIFF and, with ffmpeg, HEIC and AVIF become JPEG on white; so does what is larger than 16 MiB. SVG is refused with a sentence; what cannot be changed goes as a document, and a notice says so.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/image", "convert.TestGoldenFiles/testdata/media/matrix-image"},
		},
		{
			Kind: "video", Direction: BothWays,
			Matrix: []string{"m.video"}, WhatsApp: []string{"videoMessage"},
			Limits: mediaLimits + " MP4 with H.264 and AAC, and 3GP; with ffmpeg others become that, without it they go as documents, and a notice says so. On Matrix with a picture of it, and with what ffprobe tells where the message does not.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/video"},
		},
		{
			Kind: "GIF", Direction: BothWays,
			Matrix: []string{"m.video", "fi.mau.gif"}, WhatsApp: []string{"videoMessage.gifPlayback"},
			Limits: mediaLimits + " A video that is played like a GIF. With ffmpeg GIF files and PNG files that move become one.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/gif", "convert.TestGoldenFiles/testdata/media/matrix-gif"},
		},
		{
			Kind: "video note", Direction: BothWays,
			Matrix: []string{"m.video", "chat.causeway.video_note"}, WhatsApp: []string{"ptvMessage"},
			Limits: mediaLimits + " To WhatsApp without a caption only, and square: with ffmpeg it is cut to that, without it goes as a video.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "convert.TestGoldenFiles/testdata/media/video-note", "convert.TestGoldenFiles/testdata/media/matrix-video-note"},
		},
	}
}

func sounds() []Row {
	return []Row{
		{
			Kind: "audio", Direction: BothWays,
			Matrix: []string{"m.audio"}, WhatsApp: []string{"audioMessage"},
			Limits: mediaLimits + " To WhatsApp, with a caption as a document. With ffmpeg WAV, FLAC, Vorbis and others become AAC, without it they go as documents.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/audio", "convert.TestGoldenFiles/testdata/media/matrix-audio", "convert.TestGoldenFiles/testdata/media/matrix-audio-caption"},
		},
		{
			Kind: "voice message", Direction: BothWays,
			Matrix: []string{"m.audio", "org.matrix.msc3245.voice", "org.matrix.msc1767.audio"}, WhatsApp: []string{"audioMessage.PTT", "audioMessage.waveform"},
			Limits: mediaLimits + " With length and waveform, which are found out where they are not said (with ffmpeg). With ffmpeg other formats than Ogg/Opus become that, without it they go as audio, and a notice says so.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/voice", "convert.TestGoldenFiles/testdata/media/matrix-voice"},
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
			Limits: "WhatsApp has none on audio, which goes as a document then, and on stickers.",
			Tests:  []string{"e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/document-caption", "convert.TestGoldenFiles/testdata/media/matrix-file-caption"},
		},
		{
			Kind: "sticker", Direction: BothWays,
			Matrix: []string{"m.sticker"}, WhatsApp: []string{"stickerMessage"},
			Limits: mediaLimits + " To WhatsApp as WebP of 512 by 512 pixels, padded with transparency, of up to 100 KiB, or 500 KiB if it moves: that needs ffmpeg, but where it is WebP already. On Matrix with its emojis and its pack.",
			Tests:  []string{"e2e.TestTranscode:filesThatChange", "e2e.TestMedia:filesFromWhatsApp", "e2e.TestMedia:filesFromMatrix", "convert.TestGoldenFiles/testdata/media/sticker", "convert.TestStickerToWhatsApp"},
		},
		{
			Kind: "animated sticker in Lottie's format", Direction: ToMatrix,
			Matrix: []string{"m.sticker", "chat.causeway.lottie"}, WhatsApp: []string{"lottieStickerMessage"},
			Limits: "Shown as the picture that comes with it, and the unpacked animation beside it for clients that draw it; as a file without a picture.",
			Tests:  []string{"e2e.TestTranscode:filesWithMoreToSay", "matrix.TestLottieShowsItsPicture", "convert.TestGoldenFiles/testdata/media/sticker-lottie"},
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
			Tests:  []string{"e2e.TestMedia:filesThatCannotBeHad", "e2e.TestTranscode:filesToRefuse", "matrix.TestNoticeInPlaceOfAFile", "whatsapp.TestFilesThatCannotBeSent"},
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
