//go:build !unix

package regular

import (
	"io/fs"
	"os"
	"time"
)

// File is a regular file that is open for reading.
type File struct {
	*os.File
	state State
}

// State tells a file from another one, and from itself after it was written to.
type State struct {
	Size    int64 // bytes
	ModTime time.Time

	info fs.FileInfo
}

func stateOf(info fs.FileInfo) State { return State{info.Size(), info.ModTime(), info} }

// Same reports whether both are of one file that was not written to in between.
func (s State) Same(other State) bool {
	return s.Size == other.Size && s.ModTime.Equal(other.ModTime) && os.SameFile(s.info, other.info)
}

// Stat returns the state of the file at path. Errors are those of Open.
func Stat(path string) (State, error) {
	info, err := os.Stat(path)
	if err != nil {
		return State{}, err
	}
	if !info.Mode().IsRegular() {
		return State{}, notRegular(path)
	}
	return stateOf(info), nil
}

// Open opens a file. An error is a *fs.PathError, or is ErrNotRegular.
func Open(path string) (*File, error) {
	if _, err := Stat(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = notRegular(path)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &File{f, stateOf(info)}, nil
}

// State is that of the file when it was opened.
func (f *File) State() State { return f.state }

// Size is what the file had in bytes when it was opened.
func (f *File) Size() int64 { return f.state.Size }
