package person

import (
	"bytes"
	"context"
	"fmt"
	"image"
	_ "image/png" // the form in which the bot shows codes

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// Scan reads the QR code in an image message as the camera of a phone would: it downloads the picture and decodes it. For an edited
// message it reads the new picture.
func (p *Person) Scan(ctx context.Context, message *event.MessageEventContent) (string, error) {
	if message.NewContent != nil {
		message = message.NewContent
	}
	address, err := id.ParseContentURI(string(message.URL))
	if err != nil {
		return "", fmt.Errorf("scan a QR code: the image's address %q: %w", message.URL, err)
	}
	data, err := p.Client.DownloadBytes(ctx, address)
	if err != nil {
		return "", fmt.Errorf("scan a QR code: %w", err)
	}
	return ReadQR(data)
}

// ReadQR decodes the QR code in a picture.
func ReadQR(data []byte) (string, error) {
	picture, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("scan a QR code: %w", err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		return "", fmt.Errorf("scan a QR code: %w", err)
	}
	hints := map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, hints)
	if err != nil {
		result, err = qrcode.NewQRCodeReader().DecodeWithoutHints(bitmap)
	}
	if err != nil {
		return "", fmt.Errorf("scan a QR code: %w", err)
	}
	return result.GetText(), nil
}
