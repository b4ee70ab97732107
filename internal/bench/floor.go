package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// floor returns how long it takes to read and hash the files, with the number
// of threads and the buffers that gradseal has, and nothing else. Nothing that
// reads every byte of the files once can be faster. The names are known
// beforehand: finding them is not part of it.
func floor(ctx context.Context, paths []string) (time.Duration, error) {
	return each(ctx, len(paths), func() func(i int) error {
		buf := make([]byte, 256<<10)
		return func(i int) error { return hashFile(paths[i], buf) }
	})
}

// each calls work for 0 … n-1 on all processors, and returns how long that
// took. worker is called once on each goroutine.
func each(ctx context.Context, n int, worker func() func(i int) error) (time.Duration, error) {
	errs := make([]error, min(runtime.GOMAXPROCS(0), n))
	var next atomic.Int64
	var wg sync.WaitGroup
	start := time.Now()
	for w := range errs {
		wg.Go(func() {
			work := worker()
			for errs[w] == nil {
				i := int(next.Add(1) - 1)
				if i >= n {
					return
				}
				errs[w] = errors.Join(ctx.Err(), work(i))
			}
		})
	}
	wg.Wait()
	return time.Since(start), errors.Join(errs...)
}

func hashFile(path string, buf []byte) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	// Without os.File's WriteTo, CopyBuffer uses the buffer.
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, buf); err != nil {
		return err
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return nil
}

// proofSize is about what a proof has in bytes, in a batch of 100,000.
const proofSize = 2_900

// makeFiles returns how long it takes to make n files of the size of a proof,
// as gradseal makes proofs, in a new folder: under a temporary name that then
// becomes their own, without a sync. It is no part of the floor, and tells how
// much of anchoring is the file system's.
func makeFiles(ctx context.Context, dir string, n int) (time.Duration, error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return 0, err
	}
	data := make([]byte, proofSize)
	return each(ctx, n, func() func(i int) error {
		return func(i int) error { return makeFile(filepath.Join(dir, fmt.Sprintf("%06d.json", i)), data) }
	})
}

func makeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".tmp-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
