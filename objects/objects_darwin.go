package objects

import (
	"context"
	"errors"
	"io"
)

// Folder is what is below a prefix of a bucket. On this system there is none.
type Folder struct{}

var errNotHere = errors.New("object stores cannot be reached from macOS: mount the store, or run this on Linux")

// Open returns an error.
func Open(rawURL, endpoint string) (*Folder, error) { return nil, errNotHere }

// URL is empty.
func (f *Folder) URL() string { return "" }

// List returns an error.
func (f *Folder) List(ctx context.Context, use func(Object) error) error { return errNotHere }

// Read returns an error.
func (f *Folder) Read(ctx context.Context, o Object, use func(r io.Reader, at io.ReaderAt) error) error {
	return errNotHere
}

// ReadSmall returns an error.
func (f *Folder) ReadSmall(ctx context.Context, name string) ([]byte, error) { return nil, errNotHere }

// Write returns an error.
func (f *Folder) Write(ctx context.Context, name string, data []byte) error { return errNotHere }
