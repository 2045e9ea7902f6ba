package media

import (
	"io"

	"causeway/vcard"
)

// Cards reads the business cards in the file; none when it has none, or is too big for a few.
func (f *File) Cards() ([]vcard.Card, error) {
	if size, err := f.Size(); err != nil || size > vcard.MaxSize {
		return nil, err
	}
	text, err := io.ReadAll(f.section())
	if err != nil || !vcard.IsCard(string(text)) {
		return nil, err
	}
	return vcard.Read(string(text)), nil
}
