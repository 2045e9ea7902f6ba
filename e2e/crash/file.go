package crash

import (
	"context"
	"crypto/sha256"
	"fmt"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"causeway/simulator"
	"causeway/simulator/homeserver"
)

// fileShare is one in how many things that are said that comes with a small file, as its caption.
const fileShare = 7

// How the files are sent.
const (
	fileName = "line.txt"
	fileMIME = "text/plain"
)

// file is what stands in the line's file.
func (l Line) file() []byte { return []byte("What " + l.Text() + " is about.") }

// markFile is how a caption is shown whose file has that digest. No clause of it can be mistaken for a line without a file.
func markFile(text string, digest []byte) string { return fmt.Sprintf("%s with %x", text, digest) }

// nullFiles are the files on the null homeserver.
type nullFiles struct{ *homeserver.Homeserver }

// Upload implements files.
func (f nullFiles) Upload(_ string, data []byte) (string, error) { return f.PutMedia(data), nil }

// Digest implements files.
func (f nullFiles) Digest(address string) []byte { return digestOf(f.Media(address)) }

// Upload implements files.
func (s *synapse) Upload(user string, data []byte) (address string, err error) {
	err = s.as(user, func(ctx context.Context, client *mautrix.Client) error {
		stored, err := client.UploadBytesWithName(ctx, data, fileMIME, fileName)
		if err == nil {
			address = stored.ContentURI.String()
		}
		return err
	})
	return address, err
}

// Digest implements files.
func (s *synapse) Digest(address string) []byte {
	s.mu.Lock()
	known, user := s.digests[address], s.anyone()
	s.mu.Unlock()
	if known != nil {
		return known
	}
	uri, err := id.ParseContentURI(address)
	if err != nil {
		return []byte{}
	}
	err = s.as(user, func(ctx context.Context, client *mautrix.Client) error {
		data, err := client.DownloadBytes(ctx, uri)
		known = digestOf(data)
		return err
	})
	if err != nil {
		return []byte{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digests[address] = known
	return known
}

// anyone is one of the people. The lock is held.
func (s *synapse) anyone() string {
	for user := range s.clients {
		return user
	}
	return ""
}

func digestOf(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

// onWhatsApp is the line's file as a phone sends it.
func (l Line) onWhatsApp() *simulator.Media {
	return &simulator.Media{Kind: simulator.MediaDocument, MIME: fileMIME, Data: l.file(), FileName: fileName, Caption: l.Text()}
}

// fileContent is the line as clients of Matrix send it with its file (MSC2530).
func (l Line) fileContent(address string) map[string]any {
	return map[string]any{
		"msgtype": "m.file", "body": l.Text(), "filename": fileName, "url": address,
		"info": map[string]any{"mimetype": fileMIME, "size": len(l.file())},
	}
}

// digestIn is the digest of the file in a message on a phone, which has opened it and found it whole; nil when there is none.
func digestIn(m simulator.Message) []byte {
	document := m.Message.GetDocumentMessage()
	if wrapped := m.Message.GetDocumentWithCaptionMessage().GetMessage().GetDocumentMessage(); wrapped != nil {
		document = wrapped
	}
	return document.GetFileSHA256()
}
