package approval

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/internal/strictjson"
)

const (
	proposalFormat = "gradseal-proposal/1"
	numbersFormat  = "gradseal-numbers/1"
	openSuffix     = ".open"
	numbersSuffix  = ".numbers"
)

// Proposal is a request of this home, without entries, and what the home keeps to
// itself until the others have signed.
type Proposal struct {
	*Request
	Own []byte // the issuer file with the signatures of this home; nil of other kinds

	// For the journal, once it is in force.
	Act, Reason string
	Count       int
}

type proposalJSON struct {
	Format  string      `json:"format"`
	Act     string      `json:"act"`
	Reason  string      `json:"reason"`
	Count   int         `json:"count"`
	Own     string      `json:"own"`
	Request requestJSON `json:"request"`
}

// Store keeps the open proposals of a home: one at most for each issuer and
// network, and one for the issuer file, for a second status list with one sequence
// number would be a fork. It keeps the numbers that were used up, too. Its writers
// hold a lock of the caller's.
type Store struct{ dir string }

// Open returns the store in dir, which is made when something is kept.
func Open(dir string) *Store { return &Store{dir: dir} }

// path names a file by issuer and network; no network stands for the issuer file.
// The prefix keeps an id from being a name with a meaning, as in a trust store.
func (s *Store) path(id string, n bitcoin.Network, suffix string) string {
	about := "issuer"
	if n != 0 {
		about = n.String()
	}
	return filepath.Join(s.dir, "id_"+Slug(id)+"."+about+suffix)
}

// Proposal returns the proposal that is open, nil where there is none.
func (s *Store) Proposal(id string, n bitcoin.Network) (*Proposal, error) {
	return readProposal(s.path(id, n, openSuffix))
}

// All returns all open proposals, by their file names.
func (s *Store) All() ([]*Proposal, error) {
	names, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []*Proposal
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), openSuffix) || strings.HasPrefix(name.Name(), ".") {
			continue
		}
		p, err := readProposal(filepath.Join(s.dir, name.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

func readProposal(path string) (*Proposal, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var j proposalJSON
	if err := strictjson.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if j.Format != proposalFormat {
		return nil, fmt.Errorf("%s: unknown format %.40q", path, j.Format)
	}
	r, err := j.Request.request()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &Proposal{Request: r, Own: some(j.Own), Act: j.Act, Reason: j.Reason, Count: j.Count}, nil
}

// Save keeps the proposal, synced, in the place of the one that was there.
func (s *Store) Save(p *Proposal) error {
	data, err := strictjson.Marshal(proposalJSON{
		Format: proposalFormat, Act: p.Act, Reason: p.Reason, Count: p.Count, Own: string(p.Own),
		Request: p.WithoutEntries().json(),
	})
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return atomicfile.WriteFile(s.path(p.Issuer, p.Network, openSuffix), data, 0o600)
}

// Remove removes the proposal, synced. That there is none is no error.
func (s *Store) Remove(p *Proposal) error {
	err := os.Remove(s.path(p.Issuer, p.Network, openSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return atomicfile.SyncDir(s.dir)
}

// Numbers are the sequence numbers that a home used up, of the status lists of an
// issuer for a network, or of its issuer files.
type Numbers struct {
	Reserved uint64   // the highest that it proposed and abandoned
	Signed   uint64   // the highest that it signed
	Text     [32]byte // SHA-256 of the text that it signed with that number
}

type numbersJSON struct {
	Format   string `json:"format"`
	Reserved uint64 `json:"reserved"`
	Signed   uint64 `json:"signed"`
	Text     string `json:"text"`
}

// Numbers returns the numbers that were used up.
func (s *Store) Numbers(id string, n bitcoin.Network) (Numbers, error) {
	path := s.path(id, n, numbersSuffix)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Numbers{}, nil
	}
	if err != nil {
		return Numbers{}, err
	}
	var j numbersJSON
	if err := strictjson.Unmarshal(data, &j); err != nil {
		return Numbers{}, fmt.Errorf("%s: %w", path, err)
	}
	text, err := hex.DecodeString(j.Text)
	if j.Format != numbersFormat || err != nil || len(text) != 32 {
		return Numbers{}, fmt.Errorf("%s: is not a file of sequence numbers", path)
	}
	return Numbers{j.Reserved, j.Signed, [32]byte(text)}, nil
}

func (s *Store) saveNumbers(id string, n bitcoin.Network, used Numbers) error {
	data, err := strictjson.Marshal(numbersJSON{numbersFormat, used.Reserved, used.Signed, hex.EncodeToString(used.Text[:])})
	if err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	return atomicfile.WriteFile(s.path(id, n, numbersSuffix), data, 0o600)
}

// Reserve uses up the sequence number of a proposal, synced, before that is removed:
// others may have signed it.
func (s *Store) Reserve(id string, n bitcoin.Network, sequence uint64) error {
	used, err := s.Numbers(id, n)
	if err != nil || sequence <= used.Reserved {
		return err
	}
	used.Reserved = sequence
	return s.saveNumbers(id, n, used)
}

// ErrSignedOther says that this home signed another text with the same number, or
// one with a higher number.
var ErrSignedOther = errors.New("this home signed another one with this sequence number, or a higher one")

// MaySign returns ErrSignedOther where the home must not sign a text with the
// sequence number.
func (s *Store) MaySign(id string, n bitcoin.Network, sequence uint64, text [32]byte) error {
	used, err := s.Numbers(id, n)
	switch {
	case err != nil || sequence > used.Signed, sequence == used.Signed && text == used.Text:
		return err
	}
	return fmt.Errorf("%w: %d, and it signed %d", ErrSignedOther, sequence, used.Signed)
}

// Sign remembers, synced, that the home signs a text with the number, before the
// signature leaves it.
func (s *Store) Sign(id string, n bitcoin.Network, sequence uint64, text [32]byte) error {
	used, err := s.Numbers(id, n)
	if err != nil {
		return err
	}
	used.Signed, used.Text = sequence, text
	return s.saveNumbers(id, n, used)
}

// IsInForce reports whether the proposal needs nothing more, for list and file are
// what is in force now: a crash may have come before it was removed. known is what
// this home trusts.
func (p *Proposal) IsInForce(k Known) bool {
	if p.Kind == File {
		if k.File == nil || k.File.Sequence != p.file.Sequence {
			return k.File != nil && k.File.Sequence > p.file.Sequence
		}
		text, err := k.File.Text()
		return err == nil && text == p.fileNote.Text
	}
	changes := Compare(p.base, p.list)
	if p.statement != nil && !slices.Contains(changes.Batches, p.BatchRoot()) {
		return false // the statement still lacks signatures
	}
	return k.List != nil && k.List.Sequence >= p.list.Sequence && changes.in(k.List)
}
