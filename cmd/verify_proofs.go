package cmd

import (
	"cmp"
	"context"
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
	"sync"

	"gradseal/internal/walk"
	"gradseal/proof"
	"gradseal/verify"
)

// proofFolder finds proofs by the digest that they are for, whatever their files
// are called: in a folder, or in an archive. It holds where they are, some 150 bytes
// for each, and reads one when it is asked for.
type proofFolder struct {
	proofs []foundProof // by digest, then path
	read   func(foundProof) ([]byte, error)
	closer io.Closer // nil where nothing is open
	reader verify.Reader
}

func (f *proofFolder) close() {
	if f != nil && f.closer != nil {
		f.closer.Close()
	}
}

// take takes in a file, if it is a proof.
func (f *proofFolder) take(p foundProof) {
	if p.digest != (verify.Digest{}) {
		f.proofs = append(f.proofs, p)
	}
}

func (f *proofFolder) sort() {
	slices.SortFunc(f.proofs, func(a, b foundProof) int {
		return cmp.Or(slices.Compare(a.digest[:], b.digest[:]), strings.Compare(a.path, b.path))
	})
}

type foundProof struct {
	digest verify.Digest
	path   string
	stamp  string // before it was read
	entry  int    // in an archive
}

// openProofFolder looks at the beginning of each proof in a folder, with all that
// is below it. What cannot be read there is passed over, but for the folder
// itself.
func (a *app) openProofFolder(ctx context.Context, folder string) (*proofFolder, error) {
	if is, err := isArchive(folder); err != nil || is {
		if err != nil {
			return nil, err
		}
		f, err := a.openProofArchive(ctx, folder)
		if err == nil && len(f.proofs) == 0 {
			a.ui.warn("%s holds no proofs", shown(folder))
		}
		return f, err
	}
	paths, err := listProofs(folder)
	if err != nil {
		return nil, err
	}
	return a.peekProofs(ctx, paths)
}

// peekProofs looks at the beginning of each of the proofs.
func (a *app) peekProofs(ctx context.Context, paths []string) (*proofFolder, error) {
	bar := a.ui.startProgress("Looking through the proofs", int64(len(paths)), false)
	defer bar.finish()
	f := proofFolder{read: func(at foundProof) ([]byte, error) { return readProofFile(at.path) }}
	err := inOrder(ctx, len(paths), func(_ context.Context, i int) (foundProof, error) {
		stamp := stampOf(paths[i])
		digest, _ := peekProof(paths[i])
		return foundProof{digest: digest, path: paths[i], stamp: stamp}, nil
	}, func(_ int, p foundProof) error {
		bar.add(1)
		f.take(p)
		return nil
	})
	f.sort()
	return &f, err
}

// listProofs are the files in a folder that may be proofs by their name.
func listProofs(dir string) ([]string, error) {
	var paths []string
	err := walk.Files(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil && path == filepath.Clean(dir):
			return err
		case err == nil && !walk.Hidden(e) && strings.EqualFold(filepath.Ext(path), ".json"):
			paths = append(paths, path)
		}
		return nil
	})
	return paths, err
}

// strayProofs knows the folders in which proofs lie that belong, by their names, to no
// document there. Each is looked into once, from several goroutines.
type strayProofs struct {
	mu  sync.Mutex
	has map[string]bool
}

// in reports whether there are such proofs in a folder; nil knows of none.
func (s *strayProofs) in(dir string) bool {
	if s == nil {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	has, known := s.has[dir]
	if !known {
		has = hasStrayProof(dir)
		if s.has == nil {
			s.has = make(map[string]bool)
		}
		s.has[dir] = has
	}
	return has
}

// mostLooked is how many files of a folder are looked at for an advice.
const mostLooked = 10_000

// hasStrayProof looks for a proof without its document. What cannot be read has none.
func hasStrayProof(dir string) bool {
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer f.Close()
	entries, _ := f.ReadDir(mostLooked)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		name := e.Name()
		if walk.Hidden(e) || !isProofName(name) {
			return false
		}
		_, err := os.Lstat(filepath.Join(dir, name[:len(name)-len(proof.Suffix)]))
		return errors.Is(err, fs.ErrNotExist)
	})
}

// peekProof reads the digest in the beginning of a proof file.
func peekProof(path string) (digest verify.Digest, ok bool) {
	f, err := openRegular(path)
	if err != nil {
		return digest, false
	}
	defer f.Close()
	var start [proof.PeekSize]byte
	if _, err := io.ReadFull(f, start[:]); err != nil {
		return digest, false
	}
	d, ok := proof.Peek(start[:])
	return verify.Digest(d), ok
}

// of are the proofs for a digest, by their paths.
func (f *proofFolder) of(d verify.Digest) []foundProof {
	from, found := slices.BinarySearchFunc(f.proofs, d, func(p foundProof, d verify.Digest) int { return slices.Compare(p.digest[:], d[:]) })
	if !found {
		return nil
	}
	to := from
	for to < len(f.proofs) && f.proofs[to].digest == d {
		to++
	}
	return f.proofs[from:to]
}

// find reads the proofs for a digest. Files that do not parse belong to no
// document, nor does one that was replaced or removed meanwhile.
func (f *proofFolder) find(d verify.Digest) ([]*verify.Proof, error) {
	var all []*verify.Proof
	for _, at := range f.of(d) {
		data, err := f.read(at)
		if err != nil {
			continue
		}
		p := f.reader.Read(data)
		if is, ok := p.Digest(); ok && is == d {
			all = append(all, &p)
		}
	}
	return all, nil
}

// stamp tells the proofs for a digest from those that are there another time.
// It is empty where there are none, and short however many there are.
func (f *proofFolder) stamp(d verify.Digest) string {
	if f == nil {
		return ""
	}
	found := f.of(d)
	if len(found) == 0 {
		return ""
	}
	h := sha256.New()
	for _, p := range found {
		fmt.Fprintf(h, "%s %s\n", p.stamp, p.path)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// stampOf tells a file from what was there under its name before: by its size,
// and its times of change to the nanosecond. It is empty where there is none.
func stampOf(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %d %d", info.Size(), info.ModTime().UnixNano(), changeTime(info))
}
