package convert

import (
	"cmp"

	"go.mau.fi/whatsmeow/proto/waE2E"
	"go.mau.fi/whatsmeow/types"
	"google.golang.org/protobuf/proto"
	"maunium.net/go/mautrix/event"
)

// Album says that several files belong together. They come as messages of their own.
type Album struct {
	Images, Videos int // as many as are to come
}

// AlbumFromWhatsApp reads the beginning of an album; it reports false for anything else.
func AlbumFromWhatsApp(msg *waE2E.Message) (Album, bool) {
	album := unwrap(msg).GetAlbumMessage()
	return Album{Images: int(min(album.GetExpectedImageCount(), maxGallery)), Videos: int(min(album.GetExpectedVideoCount(), maxGallery))}, album != nil
}

// AlbumToWhatsApp makes the beginning of an album.
func AlbumToWhatsApp(a Album) *waE2E.Message {
	return &waE2E.Message{AlbumMessage: &waE2E.AlbumMessage{
		ExpectedImageCount: proto.Uint32(uint32(a.Images)), ExpectedVideoCount: proto.Uint32(uint32(a.Videos)),
	}}
}

// Bond is how a message belongs to another.
type Bond string

// The bonds that matter to what is shown.
const (
	BondAlbum  Bond = "album"  // a file of an album
	BondBetter Bond = "better" // the same file in a better quality
	BondSpare  Bond = "spare"  // what adds nothing where the other is shown: the moving seconds of a photo, another coding of a video
)

// Child says to which message another belongs, and how.
type Child struct {
	Bond   Bond
	Parent Target
}

// ChildFromWhatsApp reads to which message another belongs; it reports false when it stands for itself.
func ChildFromWhatsApp(msg *waE2E.Message) (Child, bool) {
	said := messageContext(msg).GetMessageAssociation()
	parent, ok := targetOf(said.GetParentMessageKey())
	child := Child{Parent: parent}
	switch said.GetAssociationType() {
	case waE2E.MessageAssociation_MEDIA_ALBUM:
		child.Bond = BondAlbum
	case waE2E.MessageAssociation_HD_IMAGE_DUAL_UPLOAD, waE2E.MessageAssociation_HD_VIDEO_DUAL_UPLOAD:
		child.Bond = BondBetter
	case waE2E.MessageAssociation_MOTION_PHOTO, waE2E.MessageAssociation_HEVC_VIDEO_DUAL_UPLOAD:
		child.Bond = BondSpare
	default:
		return Child{}, false
	}
	return child, ok
}

// InAlbum makes a message one of an album of the same sender.
func InAlbum(msg *waE2E.Message, chat types.JID, album types.MessageID) *waE2E.Message {
	msg.MessageContextInfo = &waE2E.MessageContextInfo{MessageAssociation: &waE2E.MessageAssociation{
		AssociationType: waE2E.MessageAssociation_MEDIA_ALBUM.Enum(), ParentMessageKey: keyTo(chat, Target{ID: album, FromMe: true}),
	}}
	return msg
}

// maxGallery is how many files an album may have. WhatsApp's own programs let people choose 100.
const maxGallery = 100

// msgGallery is the type of a gallery in MSC4274, once stable; clients of today write com.beeper.gallery.
const (
	msgGallery      event.MessageType = "m.gallery"
	msgGalleryDraft event.MessageType = "dm.filament.gallery"
)

// GalleryFromMatrix reads the files of a gallery (MSC4274, com.beeper.gallery), each as a message of its own; nil when an
// event is none. Its caption is that of the first. The error is an Unsupported.
func GalleryFromMatrix(content *event.MessageEventContent, raw map[string]any) ([]*event.MessageEventContent, error) {
	var items []*event.MessageEventContent
	switch content.MsgType {
	case event.MsgBeeperGallery:
		items = content.BeeperGalleryImages
	case msgGallery, msgGalleryDraft:
		items = itemsOf(raw)
	default:
		return nil, nil
	}
	var files []*event.MessageEventContent
	for _, item := range items {
		if item == nil {
			continue
		}
		switch file := *item; file.MsgType {
		case event.MsgImage, event.MsgVideo, event.MsgAudio, event.MsgFile:
			files = append(files, &file)
		}
	}
	switch {
	case len(files) == 0:
		return nil, Unsupported{"a gallery without files"}
	case len(files) > maxGallery:
		return nil, Unsupported{"more than 100 files at once"}
	}
	caption := cmp.Or(content.BeeperGalleryCaption, galleryBody(content))
	if first := files[0]; caption != "" && (first.FileName == "" || first.FileName == first.Body) {
		first.FileName, first.Body, first.Format, first.FormattedBody = nameFromMatrix(first), caption, "", content.BeeperGalleryCaptionHTML
		if first.FormattedBody != "" {
			first.Format = event.FormatHTML
		}
	}
	return files, nil
}

// galleryBody is the caption of an MSC4274 gallery; the body of the other kind is only for clients that know no galleries.
func galleryBody(content *event.MessageEventContent) string {
	if content.MsgType == event.MsgBeeperGallery {
		return ""
	}
	return content.Body
}

// itemsOf reads the items of an MSC4274 gallery.
func itemsOf(raw map[string]any) []*event.MessageEventContent {
	list, _ := raw["itemtypes"].([]any)
	var items []*event.MessageEventContent
	for _, entry := range list[:min(len(list), maxGallery+1)] {
		fields, ok := entry.(map[string]any)
		if !ok {
			continue
		}
		item, ok := readContent(fields)
		if !ok {
			continue
		}
		if kind, ok := fields["itemtype"].(string); ok {
			item.MsgType = event.MessageType(kind)
		}
		items = append(items, item)
	}
	return items
}
