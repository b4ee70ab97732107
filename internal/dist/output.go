package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// sumsName lists all other files of the output, as sha256sum -c reads it.
const sumsName = "SHA256SUMS"

// mayReplace refuses a directory that was not written here: one with anything
// in it that its SHA256SUMS does not name. A signature beside the sums is such
// a thing too.
func mayReplace(dir string) error {
	info, err := os.Lstat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: is not a directory: it was not replaced", dir)
	}
	known, err := readSums(filepath.Join(dir, sumsName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: has no %s, so it was not made here: it was not replaced", dir, sumsName)
	}
	if err != nil {
		return err
	}
	names, err := listFiles(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if _, ok := known[name]; !ok && name != sumsName {
			return fmt.Errorf("%s: %s is not in %s: it was not replaced", dir, name, sumsName)
		}
	}
	return nil
}

// replace has fill write a new directory, and puts it in the place of the old
// one, if that may be replaced. The new one grows beside it, under a name that
// the go command skips, and is removed where fill fails.
func replace(dir string, fill func(dir string) error) error {
	if err := mayReplace(dir); err != nil {
		return err
	}
	work, err := os.MkdirTemp(filepath.Dir(dir), "."+filepath.Base(dir)+"-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	// Or the build would find the tree changed by its own output.
	if err := os.WriteFile(filepath.Join(work, ".gitignore"), []byte("*\n"), 0o666); err != nil {
		return err
	}
	fresh, old := filepath.Join(work, "new"), filepath.Join(work, "old")
	if err := os.Mkdir(fresh, 0o777); err != nil {
		return err
	}
	if err := fill(fresh); err != nil {
		return err
	}
	if err := mayReplace(dir); err != nil { // filling takes minutes
		return err
	}
	err = os.Rename(dir, old)
	if errors.Is(err, fs.ErrNotExist) {
		return os.Rename(fresh, dir)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(fresh, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return nil
}

// listFiles returns what is in dir and below, directories excepted, sorted, with
// slashes.
func listFiles(dir string) ([]string, error) {
	var names []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	slices.Sort(names)
	return names, err
}

// writeSums writes SHA256SUMS.
func writeSums(dir string) error {
	names, err := listFiles(dir)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	for _, name := range names {
		sum, err := sumFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sum, name)
	}
	return os.WriteFile(filepath.Join(dir, sumsName), b.Bytes(), 0o666)
}

func sumFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return nil, err
	}
	return h.Sum(nil), nil
}

// readSums returns the digest in hex of each name in the file.
func readSums(file string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sums := make(map[string]string)
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if raw, err := hex.DecodeString(sum); !ok || err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("%s: malformed line %q", file, lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}
