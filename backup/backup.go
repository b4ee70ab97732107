// Package backup writes a home directory as one encrypted file, and reads it
// again.
//
// The file is an age file under a passphrase (scrypt), and in it a tar stream:
// first a member index.json, which names every other one with its size, its
// SHA-256 and its mode, then those, in the order of the index. Neither is ever
// held in memory. Reading takes what the index says and nothing else: a member
// that is missing, is one too many, is out of order or has other bytes is an
// error, and so is a file that ends early.
//
// The package does not know what a home holds: its caller says which of the
// names at its top are to be kept. It signs nothing and opens no socket.
package backup

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gradseal/internal/secretfile"
	"gradseal/internal/strictjson"
)

const (
	// Format is the format id of an index.
	Format = "gradseal-backup/1"

	// MinPassphrase is the least length of a passphrase in bytes.
	MinPassphrase = secretfile.MinPassphrase

	indexName = "index.json"
	maxIndex  = 64 << 20 // bytes of an index: 340,000 files with the names of a home
	maxFiles  = 1_000_000
	maxName   = 1000    // bytes of a name
	maxSize   = 1 << 40 // bytes of a file
)

// The modes of files. Every directory is for its owner alone.
const (
	private = 0o600
	public  = 0o644
)

// ErrPassphrase says that a passphrase does not open the backup. Damage within
// the first 200 bytes of the file looks the same.
var ErrPassphrase = secretfile.ErrPassphrase

// Index is what a backup says of itself.
type Index struct {
	Format  string `json:"format"`
	Created string `json:"created"` // 2006-01-02T15:04:05Z
	Files   []File `json:"files"`   // strictly ascending by name
}

// File is one file of a backup.
type File struct {
	Name   string `json:"name"` // from the top of the home, with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	Mode   string `json:"mode"` // 0600 or 0644
}

// Bytes is the size of all files together.
func (x *Index) Bytes() (n int64) {
	for _, f := range x.Files {
		n += f.Size
	}
	return n
}

// Time is when the backup was made.
func (x *Index) Time() time.Time {
	t, _ := time.Parse(time.RFC3339, x.Created) // which check has read before
	return t
}

func (x *Index) marshal() ([]byte, error) {
	data, err := strictjson.Marshal(x)
	if err == nil && len(data) > maxIndex {
		err = fmt.Errorf("the index of the backup would have %d bytes, at most %d are read again", len(data), maxIndex)
	}
	return data, err
}

func parseIndex(data []byte) (*Index, error) {
	x := new(Index)
	err := strictjson.Unmarshal(data, x)
	// Asked first: what is new in a newer format is an error to this one.
	var of struct{ Format string }
	if json.Unmarshal(data, &of) == nil && of.Format != Format {
		return nil, fmt.Errorf("unknown backup format %.40q, want %q: it may have been made by a newer gradseal", of.Format, Format)
	}
	if err != nil {
		return nil, fmt.Errorf("malformed index: %w", err)
	}
	if err := x.check(); err != nil {
		return nil, fmt.Errorf("malformed index: %w", err)
	}
	return x, nil
}

// check holds every field against its limits, for writers and readers.
func (x *Index) check() error {
	if t, err := time.Parse(time.RFC3339, x.Created); err != nil || t.UTC().Format(time.RFC3339) != x.Created {
		return fmt.Errorf("created: %.40q is no time", x.Created)
	}
	if x.Files == nil || len(x.Files) > maxFiles {
		return fmt.Errorf("%d files, want a list of at most %d", len(x.Files), maxFiles)
	}
	folded := make(map[string]string, len(x.Files))
	dirs := make(map[string]string)
	for i, f := range x.Files {
		if err := f.check(); err != nil {
			return err
		}
		if i > 0 && x.Files[i-1].Name >= f.Name {
			return fmt.Errorf("%q does not follow %q: names ascend, and each is there once", f.Name, x.Files[i-1].Name)
		}
		// Where upper and lower case are one, one of two such files would be lost.
		lower := strings.ToLower(f.Name)
		if other, ok := folded[lower]; ok {
			return fmt.Errorf("%q and %q are one name on some systems", other, f.Name)
		}
		folded[lower] = f.Name
		for dir, _, more := cutLast(lower); more; dir, _, more = cutLast(dir) {
			dirs[dir] = f.Name
		}
	}
	for _, f := range x.Files {
		if below, ok := dirs[strings.ToLower(f.Name)]; ok {
			return fmt.Errorf("%q is a file, and %q is below it", f.Name, below)
		}
	}
	return nil
}

func cutLast(name string) (dir, base string, more bool) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name, false
	}
	return name[:i], name[i+1:], true
}

func (f *File) check() error {
	if err := checkName(f.Name); err != nil {
		return err
	}
	if f.Size < 0 || f.Size > maxSize {
		return fmt.Errorf("%s: size %d is out of range", f.Name, f.Size)
	}
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != 32 || hex.EncodeToString(sum) != f.SHA256 {
		return fmt.Errorf("%s: malformed SHA-256 %.80q", f.Name, f.SHA256)
	}
	_, err := f.mode()
	return err
}

func (f *File) mode() (fs.FileMode, error) {
	for _, mode := range []fs.FileMode{private, public} {
		if f.Mode == modeText(mode) {
			return mode, nil
		}
	}
	return 0, fmt.Errorf("%s: mode %.10q, want 0600 or 0644", f.Name, f.Mode)
}

func modeText(mode fs.FileMode) string { return fmt.Sprintf("%04o", mode) }

// checkName refuses a name that leads out of the home, or that is another one on
// another system.
func checkName(name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("name of %d bytes, want at most %d", len(name), maxName)
	case !fs.ValidPath(name) || name == "." || !filepath.IsLocal(filepath.FromSlash(name)):
		return fmt.Errorf("name %q leads out of the home, or is no name", name)
	case name == indexName:
		return fmt.Errorf("name %q is that of the index", name)
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
			return fmt.Errorf("name %q is another one on some systems", name)
		}
	}
	if i := strings.IndexFunc(name, func(r rune) bool { return !isNameRune(r) }); i >= 0 {
		return fmt.Errorf("name %q holds a character that not every system takes", name)
	}
	return nil
}

func isNameRune(r rune) bool { return r >= ' ' && r < 0x7f && !strings.ContainsRune(`\:*?"<>|`, r) }

// kept reports whether a name at the top of a home is to be kept.
func kept(top []string, name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return slices.Contains(top, first)
}

// errNotBackup says that a file is something else.
var errNotBackup = errors.New("is not a backup: it does not begin as a file that is encrypted with a passphrase does")
