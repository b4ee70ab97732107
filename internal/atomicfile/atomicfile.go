// Package atomicfile replaces whole files so that a reader or a crash sees either
// the old bytes or the new bytes, never a part. Nor does a power cut, but for
// WriteUnsynced and NewUnsynced: what they wrote shortly before may be cut off, empty or gone then.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
)

// WriteFile replaces the file at path by data: it writes a temporary file in
// the same directory, syncs it, renames it over path and syncs the directory.
// When it returns nil the new content survives a power cut. On an error the
// temporary file is removed and the old file untouched; only where the error is
// of the last step, syncing the directory, the new one may be in its place.
func WriteFile(path string, data []byte, perm fs.FileMode) error {
	return write(path, bytesOf(data), perm, Temporary, true, os.Rename)
}

// Temporary is the pattern of the names of temporary files, as os.CreateTemp
// takes it. A process that is killed leaves its temporary file there.
const Temporary = ".tmp-*"

// WriteUnsynced is WriteFile without the two syncs: atomic for every reader
// and for a killed process, but a power cut may lose the new content. It is
// for files that can be written again from state that is synced. The caller
// gives the pattern of the temporary file's name, so that it can find what a
// killed process left in a directory of somebody else's.
func WriteUnsynced(path string, data []byte, perm fs.FileMode, temporary string) error {
	return write(path, bytesOf(data), perm, temporary, false, os.Rename)
}

// NewUnsynced is WriteUnsynced for a file that must not exist yet: where path exists
// it changes nothing and returns an error that is fs.ErrExist. It is the fastest way to
// make many files.
func NewUnsynced(path string, data []byte, perm fs.FileMode, temporary string) error {
	if !noUnnamed.Load() && writeUnnamed(path, data, perm) {
		return nil
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return write(path, bytesOf(data), perm, temporary, false, linkNew)
}

// WriteNew is WriteFile for a file that must not exist yet: where path exists
// it changes nothing and returns an error that is fs.ErrExist.
func WriteNew(path string, data []byte, perm fs.FileMode) error {
	return write(path, bytesOf(data), perm, Temporary, true, linkNew)
}

// CreateNew is WriteNew for content that is too long to be held: fill writes it,
// and its error is returned, with nothing left at path. The pattern is that of
// WriteUnsynced.
func CreateNew(path string, fill func(io.Writer) error, perm fs.FileMode, temporary string) error {
	return write(path, fill, perm, temporary, true, linkNew)
}

// CreateOver is CreateNew, and replaces what is at path.
func CreateOver(path string, fill func(io.Writer) error, perm fs.FileMode, temporary string) error {
	return write(path, fill, perm, temporary, true, os.Rename)
}

// noUnnamed says that writeUnnamed need not be tried again.
var noUnnamed atomic.Bool

func bytesOf(data []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	}
}

func write(path string, fill func(io.Writer) error, perm fs.FileMode, temporary string, sync bool, place func(tmp, path string) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, temporary)
	if err != nil {
		return named(path, err)
	}
	own := true // the error is about the file that is written
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			if own {
				err = named(path, err)
			}
		}
	}()
	if err = fill(f); err != nil {
		var pathErr *fs.PathError
		own = errors.As(err, &pathErr) && pathErr.Path == f.Name()
		return err
	}
	if err = f.Chmod(perm); err != nil {
		return err
	}
	if sync {
		if err = f.Sync(); err != nil {
			return err
		}
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = place(f.Name(), path); err != nil {
		return err
	}
	if sync {
		return SyncDir(dir)
	}
	return nil
}

// named says which file could not be written, not which temporary one.
func named(path string, err error) error {
	var pathErr *fs.PathError
	var linkErr *os.LinkError
	switch {
	case errors.As(err, &pathErr):
		err = pathErr.Err
	case errors.As(err, &linkErr):
		err = linkErr.Err
	default:
		return err
	}
	return &fs.PathError{Op: "write", Path: path, Err: err}
}

// linkNew gives tmp its final name only where that name is free. A hard link
// is the one call that does both in a single step; file systems without hard
// links get an existence check and a rename instead.
func linkNew(tmp, path string) error {
	err := os.Link(tmp, path)
	if err == nil {
		return os.Remove(tmp)
	}
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, statErr := os.Lstat(path); statErr == nil {
		return fmt.Errorf("%s: %w", path, fs.ErrExist)
	}
	return os.Rename(tmp, path)
}

// MkdirAll is os.MkdirAll, and makes the names of the directories that it makes
// durable.
func MkdirAll(path string, perm fs.FileMode) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, perm); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, perm); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := SyncDir(parent); !errors.Is(err, fs.ErrPermission) { // not to be read, so not to be synced
		return err
	}
	return nil
}

// SyncDir makes the names in dir durable. Windows has no such call and needs
// none: a rename there is journalled with the file.
func SyncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
