package headers

import (
	"errors"
	"io/fs"
	"os"
)

// DamagedError is the error for the files of a chain that hold something else
// than was written there: cut off, changed, or not a header file at all. What
// they say can be had again from any source, once they are out of the way. It
// is not the error for files that cannot be read, nor for those of a newer
// version.
type DamagedError struct {
	Path string // of the chain
	Err  error
}

func (e *DamagedError) Error() string { return e.Err.Error() }

func (e *DamagedError) Unwrap() error { return e.Err }

// Files are the files of the chain that there are: its index, or plain file,
// and the data files.
func (e *DamagedError) Files() []string {
	var all []string
	if _, err := os.Lstat(e.Path); err == nil {
		all = append(all, e.Path)
	}
	names, _, err := dataFiles(e.Path)
	if err != nil {
		return all
	}
	return append(all, names...)
}

// damagedAt says of an error that it is due to what is in the files of the
// chain at path, unless it is the system's or says so already.
func damagedAt(path string, err error) error {
	switch {
	case err == nil, errors.As(err, new(*DamagedError)), errors.As(err, new(*fs.PathError)), errors.Is(err, errFormat):
		return err
	}
	return &DamagedError{path, err}
}
