package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// secretMode lets nobody but the owner read.
const secretMode = 0o600

// newFile is a file to be written.
type newFile struct {
	path string
	text []byte
}

// replaceFiles writes all the files or none: each is written beside its place
// first, then all are moved; where a move goes wrong, those before are undone.
func replaceFiles(files []newFile) (err error) {
	var undo []func() error
	defer func() {
		if err == nil {
			return
		}
		for i := len(undo) - 1; i >= 0; i-- {
			err = errors.Join(err, undo[i]())
		}
	}()
	staged := make([]string, len(files))
	defer func() {
		for _, path := range staged {
			if path != "" {
				_ = os.Remove(path)
			}
		}
	}()
	for i, file := range files {
		if staged[i], err = stage(file); err != nil {
			return err
		}
	}
	var kept []string
	for i, file := range files {
		old, err := setAside(file.path)
		if err != nil {
			return err
		}
		undo = append(undo, func() error { return putBack(old, file.path) })
		if err := os.Rename(staged[i], file.path); err != nil {
			return fmt.Errorf("write %s: %w", file.path, cause(err))
		}
		kept = append(kept, old)
	}
	for _, old := range kept {
		if old != "" {
			_ = os.Remove(old)
		}
	}
	return nil
}

// stage writes a file beside its place and returns where. What it wrote is on
// the disk.
func stage(file newFile) (path string, err error) {
	temporary, err := os.CreateTemp(filepath.Dir(file.path), "."+filepath.Base(file.path)+".new-*")
	if err != nil {
		return "", fmt.Errorf("write %s: %w", file.path, cause(err))
	}
	_, err = temporary.Write(file.text)
	err = errors.Join(err, temporary.Chmod(secretMode), temporary.Sync(), temporary.Close())
	if err != nil {
		_ = os.Remove(temporary.Name())
		return "", fmt.Errorf("write %s: %w", file.path, cause(err))
	}
	return temporary.Name(), nil
}

// setAside moves a file that is in the way and returns where it is now; "" if
// there is none.
func setAside(path string) (string, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("replace %s: %w", path, cause(err))
	}
	if info.IsDir() {
		return "", fmt.Errorf("write %s: it is a directory", path)
	}
	place, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".old-*")
	if err != nil {
		return "", fmt.Errorf("replace %s: %w", path, cause(err))
	}
	_ = place.Close()
	if err := os.Rename(path, place.Name()); err != nil {
		_ = os.Remove(place.Name())
		return "", fmt.Errorf("replace %s: %w", path, cause(err))
	}
	return place.Name(), nil
}

// putBack undoes setAside and the move after it.
func putBack(old, path string) error {
	if old != "" {
		return os.Rename(old, path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// cause leaves out of a file error the path, which may be that of a temporary
// file.
func cause(err error) error {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err
	}
	var linkError *os.LinkError
	if errors.As(err, &linkError) {
		return linkError.Err
	}
	return err
}
