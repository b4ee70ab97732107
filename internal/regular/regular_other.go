//go:build !unix

package regular

import "os"

// File is a regular file that is open for reading.
type File struct {
	*os.File
	size int64
}

// Open opens a file. An error is a *fs.PathError, or is ErrNotRegular.
func Open(path string) (*File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notRegular(path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	return &File{f, info.Size()}, nil
}

// Size is what the file had in bytes when it was opened.
func (f *File) Size() int64 { return f.size }
