package media

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// File is a temporary file with a limit. It has what whatsmeow asks of a file, but it is not an *os.File: so that the
// library does not reserve as much disk space as a server claims to send.
type File struct {
	file     *os.File
	named    bool
	limit    int64
	transfer *Transfer
	spare    bool // the transfer can do without it
}

// remove closes the file, which removes it.
func (f *File) remove() {
	_ = f.file.Close()
	if f.named {
		_ = os.Remove(f.file.Name())
	}
}

// within reports an error, and ends the transfer, when a write would go beyond the limit.
func (f *File) within(end int64) error {
	if end <= f.limit+overhead {
		return nil
	}
	f.tooLarge()
	return ErrTooLarge
}

func (f *File) tooLarge() {
	if !f.spare {
		f.transfer.cancel(ErrTooLarge)
	}
}

// Read implements io.Reader.
func (f *File) Read(p []byte) (int, error) {
	f.transfer.moved()
	return f.file.Read(p)
}

// Write implements io.Writer.
func (f *File) Write(p []byte) (int, error) {
	at, err := f.file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if err := f.within(at + int64(len(p))); err != nil {
		return 0, err
	}
	f.transfer.moved()
	return f.file.Write(p)
}

// Seek implements io.Seeker.
func (f *File) Seek(offset int64, whence int) (int64, error) { return f.file.Seek(offset, whence) }

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	f.transfer.moved()
	return f.file.ReadAt(p, off)
}

// WriteAt implements io.WriterAt.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	if err := f.within(off + int64(len(p))); err != nil {
		return 0, err
	}
	f.transfer.moved()
	return f.file.WriteAt(p, off)
}

// Truncate changes the size of the file.
func (f *File) Truncate(size int64) error { return f.file.Truncate(size) }

// Stat describes the file.
func (f *File) Stat() (os.FileInfo, error) { return f.file.Stat() }

// Size is how many bytes the file has.
func (f *File) Size() (int64, error) {
	info, err := f.file.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the size of a temporary file: %w", err)
	}
	return info.Size(), nil
}

// Fill writes all that a reader has into the file, as its only content.
func (f *File) Fill(r io.Reader) error {
	if err := f.clear(); err != nil {
		return err
	}
	// A byte more than allowed is enough to know that there is too much.
	n, err := io.Copy(f, io.LimitReader(r, f.limit+1))
	if err == nil && n > f.limit {
		f.tooLarge()
		err = ErrTooLarge
	}
	if err != nil {
		return f.transfer.Explain(fmt.Errorf("write a temporary file: %w", err))
	}
	return nil
}

// clear empties the file.
func (f *File) clear() error {
	if err := f.file.Truncate(0); err != nil {
		return fmt.Errorf("empty a temporary file: %w", err)
	}
	return f.Rewind()
}

// Expect ends the transfer, before anything is written, if what is about to come has more bytes than are allowed. A size
// below 0 is not known.
func (f *File) Expect(size int64) error {
	if size <= f.limit {
		return nil
	}
	f.tooLarge()
	return fmt.Errorf("%w: %d bytes are announced", ErrTooLarge, size)
}

// Rewind goes to the start of the file.
func (f *File) Rewind() error {
	if _, err := f.file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("rewind a temporary file: %w", err)
	}
	return nil
}

// head returns the first bytes of the file.
func (f *File) head() ([]byte, error) {
	head := make([]byte, headSize)
	n, err := f.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read a temporary file: %w", err)
	}
	return head[:n], nil
}

// section reads the file from its start without moving it.
func (f *File) section() *io.SectionReader {
	return io.NewSectionReader(f, 0, f.limit+overhead)
}
