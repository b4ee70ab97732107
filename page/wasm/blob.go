//go:build js

package main

import (
	"errors"
	"fmt"
	"io"
	"syscall/js"

	"gradseal/page/inside"
)

// chunkSize is how many bytes of a Blob are read at once. A browser asks another
// process for each: with 1 MiB 500 MB take a third longer.
const chunkSize = 4 << 20

// blob reads a Blob, of which it holds one chunk.
type blob struct {
	value js.Value
	size  int64
	chunk []byte
	at    int64 // where the chunk begins
}

func fileOf(name string, value js.Value) inside.File {
	b := &blob{value: value, size: int64(value.Get("size").Float())}
	return inside.File{Name: name, SectionReader: io.NewSectionReader(b, 0, b.size)}
}

// ReadAt reads through the chunk, which suits who reads a file from its start to
// its end in small pieces. The browser's own errors are those of a file that was
// moved, changed or locked since it was chosen.
func (b *blob) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	for n < len(p) {
		if off+int64(n) >= b.size {
			return n, io.EOF
		}
		if err := b.load(off + int64(n)); err != nil {
			return n, err
		}
		n += copy(p[n:], b.chunk[off+int64(n)-b.at:])
	}
	return n, nil
}

// load makes the chunk one with the byte at off in it.
func (b *blob) load(off int64) (err error) {
	if off >= b.at && off < b.at+int64(len(b.chunk)) {
		return nil
	}
	defer func() {
		if thrown := recover(); thrown != nil {
			b.chunk = nil
			err = fmt.Errorf("the browser cannot read it: %v", thrown)
		}
	}()
	end := min(off+chunkSize, b.size)
	slice := b.value.Call("slice", float64(off), float64(end))
	buffer := js.Global().Get("FileReaderSync").New().Call("readAsArrayBuffer", slice)
	bytes := js.Global().Get("Uint8Array").New(buffer)
	if got := int64(bytes.Get("byteLength").Float()); got != end-off {
		return fmt.Errorf("%d bytes at byte %d, want %d: was it changed meanwhile?", got, off, end-off)
	}
	if cap(b.chunk) < chunkSize {
		b.chunk = make([]byte, min(chunkSize, b.size))
	}
	b.chunk, b.at = b.chunk[:end-off], off
	js.CopyBytesToGo(b.chunk, bytes)
	return nil
}
