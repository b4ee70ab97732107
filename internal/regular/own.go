package regular

import (
	"errors"
	"io/fs"
	"os"
)

// OpenOwn opens a file for reading and writing that this program keeps for itself
// beside one of somebody's, and makes it where there is none. What is there and is a
// link, also one to a file, or anything else but a file, is ErrNotRegular.
func OpenOwn(path string) (*os.File, error) {
	if err := CheckOwn(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|OwnFlags, 0o600)
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
	return f, nil
}

// CheckOwn refuses what OpenOwn refuses, and opens nothing. What comes into the place
// afterwards is kept from being followed or waited for by OwnFlags.
func CheckOwn(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return notRegular(path)
	}
	return nil
}
