package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"gradseal/internal/regular"
	"gradseal/proof"
)

// hashing returns how long it takes to read and hash the files, with the number
// of threads and the buffers that gradseal has, and nothing else. Nothing that
// reads every byte of the files once can be faster. The names are known
// beforehand: finding them is not part of it.
func hashing(ctx context.Context, paths []string) (time.Duration, error) {
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
	f, err := regular.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	// Without a WriterTo, as os.File is one elsewhere, CopyBuffer uses the buffer.
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, buf); err != nil {
		return err
	}
	var sum [sha256.Size]byte
	h.Sum(sum[:0])
	return nil
}

// hashingWithProofs is hashing, and reads the proof of each file too, which is in
// dir: what no verification can be faster than.
func hashingWithProofs(ctx context.Context, dir string, paths []string) (time.Duration, error) {
	return each(ctx, len(paths), func() func(i int) error {
		buf := make([]byte, 256<<10)
		return func(i int) error {
			if err := hashFile(paths[i], buf); err != nil {
				return err
			}
			f, err := regular.Open(filepath.Join(dir, filepath.Base(paths[i])+proof.Suffix))
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.Read(buf)
			return err
		}
	})
}

// hashingWithArchive is hashing, and reads the archive of proofs, too.
func hashingWithArchive(ctx context.Context, archive string, paths []string) (time.Duration, error) {
	begin := time.Now()
	f, err := os.Open(archive)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return 0, err
	}
	took := time.Since(begin)
	hashed, err := hashing(ctx, paths)
	return took + hashed, err
}

// copyFiles returns how long it takes to copy files into a new folder.
func copyFiles(ctx context.Context, paths []string, dir string) (time.Duration, error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return 0, err
	}
	return each(ctx, len(paths), func() func(i int) error {
		return func(i int) error { return copyFile(paths[i], filepath.Join(dir, filepath.Base(paths[i]))) }
	})
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// proofSize is what a proof has in bytes in a batch of n that was anchored as it is
// here: measured, to a few bytes. Each level of the tree is a hash in hexadecimal.
func proofSize(n int) int { return 1_330 + 76*bits.Len(uint(n-1)) }

// makeFiles returns how long it takes to make n files of the size of a proof in a
// new folder, under their own names and without a sync, while half of each is there
// for whoever looks. No program that writes one file for each document is faster.
func makeFiles(ctx context.Context, dir string, n int) (time.Duration, error) {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return 0, err
	}
	data := make([]byte, proofSize(n))
	return each(ctx, n, func() func(i int) error {
		return func(i int) error { return makeFile(filepath.Join(dir, fmt.Sprintf("%06d.json", i)), data) }
	})
}

// makeOne is makeFiles for one file of the same bytes, and syncs it.
func makeOne(_ context.Context, path string, n int) (time.Duration, error) {
	data := make([]byte, proofSize(n))
	begin := time.Now()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 256<<10)
	for range n {
		if _, err := w.Write(data); err != nil {
			return 0, err
		}
	}
	err = errors.Join(w.Flush(), f.Sync())
	return time.Since(begin), err
}

func makeFile(path string, data []byte) error {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o666)
	if err != nil {
		return &os.PathError{Op: "open", Path: path, Err: err}
	}
	_, err = syscall.Write(fd, data)
	return errors.Join(err, syscall.Close(fd))
}
