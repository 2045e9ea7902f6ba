package media

import (
	"bytes"
	"mime"
	"slices"
	"strings"
)

// headSize is how much of a file is looked at to tell what it is, in bytes.
const headSize = 4096

// Unknown is the MIME type of files of which nothing is known.
const Unknown = "application/octet-stream"

// Opus is the MIME type of WhatsApp's voice messages.
const Opus = "audio/ogg; codecs=opus"

// signature is how a kind of file begins.
type signature struct {
	at     int
	magic  string
	result string
}

func signatures() []signature {
	return []signature{
		{0, "\xff\xd8\xff", "image/jpeg"},
		{0, "\x89PNG\r\n\x1a\n", "image/png"},
		{0, "GIF87a", "image/gif"},
		{0, "GIF89a", "image/gif"},
		{0, "BM", "image/bmp"},
		{0, "II*\x00", "image/tiff"},
		{0, "MM\x00*", "image/tiff"},
		{8, "WEBPVP8", "image/webp"},
		{8, "WAVE", "audio/wav"},
		{8, "AVI ", "video/x-msvideo"},
		{8, "AIFF", "audio/aiff"},
		{8, "AIFC", "audio/aiff"},
		{0, "FLV\x01", "video/x-flv"},
		{0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"},
		{0, "\x00\x00\x01\xba", "video/mpeg"},
		{0, "%PDF-", "application/pdf"},
		{0, "ID3", "audio/mpeg"},
		{0, "fLaC", "audio/flac"},
		{0, "#!AMR", "audio/amr"},
		{0, "OggS", "application/ogg"},
		{0, "\x1aE\xdf\xa3", "video/x-matroska"},
		{0, "PK\x03\x04", "application/zip"},
		{4, "ftyp", "video/mp4"},
		{0, "\xff\xfb", "audio/mpeg"},
		{0, "\xff\xfa", "audio/mpeg"},
		{0, "\xff\xf3", "audio/mpeg"},
		{0, "\xff\xf2", "audio/mpeg"},
		{0, "\xff\xf1", "audio/aac"},
		{0, "\xff\xf9", "audio/aac"},
	}
}

// Sniff says what a file is by its first bytes. What these leave open is decided by the type that its sender declared,
// as far as that can be true.
func Sniff(head []byte, declared string) string {
	declared = plainType(declared)
	for _, s := range signatures() {
		if len(head) >= s.at+len(s.magic) && string(head[s.at:s.at+len(s.magic)]) == s.magic {
			return refine(s.result, head, declared)
		}
	}
	switch isDrawing := isSVG(head); {
	case isDrawing:
		return SVG
	case isPicture(declared), isSound(declared), declared == SVG:
		return Unknown // it would have been recognised
	}
	return declared
}

// SVG is the MIME type of drawings that are programs: WhatsApp does not show them, and the bridge does not run them.
const SVG = "image/svg+xml"

// isSVG reports whether a text begins as such a drawing does.
func isSVG(head []byte) bool {
	const early = 1024
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if bytes.HasPrefix(head, []byte("<svg")) {
		return true
	}
	isXML := bytes.HasPrefix(head, []byte("<?xml")) || bytes.HasPrefix(head, []byte("<!"))
	return isXML && bytes.Contains(head[:min(len(head), early)], []byte("<svg"))
}

// plainType is a MIME type without parameters; Unknown if it is none.
func plainType(declared string) string {
	parsed, _, err := mime.ParseMediaType(declared)
	if err != nil || !strings.Contains(parsed, "/") || len(parsed) > 127 {
		return Unknown
	}
	return parsed
}

func isPicture(mime string) bool {
	return slices.Contains([]string{"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/tiff", "image/heic", "image/avif"}, mime)
}

func isSound(mime string) bool {
	return slices.Contains([]string{"audio/ogg", "video/mp4", "audio/mp4", "video/webm"}, mime)
}

// refine tells apart what begins alike.
func refine(found string, head []byte, declared string) string {
	switch found {
	case "application/ogg":
		switch {
		case bytes.Contains(head, []byte("OpusHead")) && declared != "video/ogg":
			return Opus
		case declared == "video/ogg":
			return declared
		}
		return "audio/ogg"
	case "video/x-matroska":
		kind := "matroska"
		if bytes.Contains(head[:min(len(head), 64)], []byte("webm")) {
			kind = "webm"
		}
		if strings.HasPrefix(declared, "audio/") {
			return map[string]string{"webm": "audio/webm", "matroska": "audio/x-matroska"}[kind]
		}
		return map[string]string{"webm": "video/webm", "matroska": "video/x-matroska"}[kind]
	case "video/mp4":
		return refineMP4(head, declared)
	case "application/zip":
		// Office documents, books and programs are archives too. A picture or a film is not.
		if strings.HasPrefix(declared, "application/") && declared != Unknown {
			return declared
		}
	}
	return found
}

// refineMP4 tells the relatives of MP4 apart by the brand (ISO/IEC 14496-12, "File type box").
func refineMP4(head []byte, declared string) string {
	if len(head) < 12 {
		return Unknown
	}
	switch brand := string(head[8:12]); {
	case brand == "avif", brand == "avis", brand == "mif1" && bytes.Contains(head[:min(len(head), 64)], []byte("avif")):
		return "image/avif"
	case slices.Contains([]string{"heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1"}, brand):
		return "image/heic"
	case brand == "qt  ":
		return "video/quicktime"
	case strings.HasPrefix(brand, "3g"):
		if strings.HasPrefix(declared, "audio/") {
			return "audio/3gpp"
		}
		return "video/3gpp"
	case brand == "M4A ", brand == "M4B ", strings.HasPrefix(declared, "audio/"):
		return "audio/mp4"
	}
	return "video/mp4"
}

// Extension is what the name of a file of some type ends with, with the dot; "" when it is not known.
func Extension(mimeType string) string {
	kind := plainType(mimeType)
	for _, known := range [][2]string{
		{"image/jpeg", ".jpg"}, {"image/png", ".png"}, {"image/gif", ".gif"}, {"image/webp", ".webp"}, {"image/heic", ".heic"},
		{"image/avif", ".avif"}, {"image/bmp", ".bmp"}, {"image/tiff", ".tiff"}, {SVG, ".svg"}, {Lottie, ".json"},
		{"video/x-matroska", ".mkv"}, {"video/x-msvideo", ".avi"}, {"audio/webm", ".webm"},
		{"video/mp4", ".mp4"}, {"video/3gpp", ".3gp"}, {"video/webm", ".webm"}, {"video/quicktime", ".mov"}, {"audio/ogg", ".ogg"},
		{"audio/mpeg", ".mp3"}, {"audio/mp4", ".m4a"}, {"audio/aac", ".aac"}, {"audio/amr", ".amr"}, {"audio/wav", ".wav"},
		{"audio/flac", ".flac"}, {"application/pdf", ".pdf"}, {"text/plain", ".txt"}, {"application/zip", ".zip"},
	} {
		if known[0] == kind {
			return known[1]
		}
	}
	return ""
}
