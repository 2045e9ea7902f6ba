package media

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Lottie is the MIME type of animations that are drawn from JSON; WAS that of WhatsApp's archives with one.
const (
	Lottie = "video/lottie+json"
	WAS    = "application/was"
)

const (
	// maxLottie bounds an unpacked animation, in bytes; maxArchive its archive's list of files.
	maxLottie, maxArchive = 4 << 20, 100
	// maxWAS bounds the archive.
	maxWAS = 2 << 20
)

// Unpack writes the animation of a WhatsApp archive into another file. The error is ErrBroken when there is none.
func (f *File) Unpack(into *File) error {
	size, err := f.Size()
	if err != nil {
		return err
	}
	if size > maxWAS {
		return fmt.Errorf("%w: an archive of %d bytes", ErrBroken, size)
	}
	archive, err := zip.NewReader(f, size)
	if err != nil {
		return fmt.Errorf("%w: open an archive: %w", ErrBroken, err)
	}
	for n, entry := range archive.File {
		if n >= maxArchive {
			break
		}
		if strings.HasSuffix(entry.Name, ".json") && !strings.Contains(entry.Name, "metadata") && entry.UncompressedSize64 <= maxLottie {
			return unpackJSON(entry, into)
		}
	}
	return fmt.Errorf("%w: there is no animation in the archive", ErrBroken)
}

func unpackJSON(entry *zip.File, into *File) error {
	packed, err := entry.Open()
	if err != nil {
		return fmt.Errorf("%w: open %q in an archive: %w", ErrBroken, entry.Name, err)
	}
	defer func() { _ = packed.Close() }()
	// The size that the archive names may be wrong.
	raw, err := io.ReadAll(io.LimitReader(packed, maxLottie+1))
	if err != nil {
		return fmt.Errorf("%w: unpack %q: %w", ErrBroken, entry.Name, err)
	} else if len(raw) > maxLottie {
		return fmt.Errorf("%w: %q is larger than its archive says", ErrBroken, entry.Name)
	}
	if !json.Valid(raw) {
		return fmt.Errorf("%w: %q is no JSON", ErrBroken, entry.Name)
	}
	return into.Fill(strings.NewReader(string(raw)))
}
