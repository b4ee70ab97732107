// Package trust is the trust store: the issuers that a verifier knows and the
// newest status list of each, as files in one directory.
//
// Only a person adds an issuer, after comparing a fingerprint; that question
// is asked by the caller. Everything else follows from signatures: a newer
// issuer file is signed under the one before, a status list under its issuer's
// keys in force now. Nothing is ever replaced by something older.
//
// Writers of one store at the same time must hold a lock of the caller's;
// readers need none.
package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
)

var (
	// ErrUnknownIssuer says that the store has no issuer with that id.
	ErrUnknownIssuer = errors.New("no such issuer in the trust store")
	// ErrOtherIssuer says that the id is taken by an issuer file that the new
	// one does not follow from.
	ErrOtherIssuer = errors.New("another issuer file with this id is trusted here, and this one does not follow from it")
	// ErrNoFile says that the store has no issuer file with that sequence number.
	ErrNoFile = errors.New("no issuer file with this sequence number is here")
	// ErrStatusFork says that the issuer signed two different lists with one
	// sequence number. Both are kept, and no status of that issuer is certain
	// until a later list joins them.
	ErrStatusFork = errors.New("two different status lists with one sequence number")
)

// Store is a trust store in a directory.
type Store struct{ dir string }

// Open returns the store in dir. The directory is made when something is added.
func Open(dir string) *Store { return &Store{dir: dir} }

// Entry is one trusted issuer.
type Entry struct {
	File *issuer.File
	Data []byte // the signed issuer file
}

const (
	issuerSuffix = ".issuer"
	statusSuffix = ".status"
	forkSuffix   = ".status-fork"
)

// fileName turns an issuer id into a file name. The prefix keeps ids like
// ".." and "con" from being names with a meaning, and no id holds "_", so no
// two ids share a name.
func fileName(id string) string {
	return "id_" + strings.ReplaceAll(id, "/", "_")
}

func (s *Store) issuerPath(id string) string {
	return filepath.Join(s.dir, fileName(id)+issuerSuffix)
}

func (s *Store) statusPath(id string, n bitcoin.Network, suffix string) string {
	return filepath.Join(s.dir, fileName(id)+"."+n.String()+suffix)
}

// Issuers returns all trusted issuers, ordered by id.
func (s *Store) Issuers() ([]Entry, error) {
	names, err := os.ReadDir(s.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, name := range names {
		if !strings.HasSuffix(name.Name(), issuerSuffix) || strings.HasPrefix(name.Name(), ".") {
			continue
		}
		e, err := readEntry(filepath.Join(s.dir, name.Name()))
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.File.ID, b.File.ID) })
	return entries, nil
}

func readEntry(path string) (Entry, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Entry{}, err
	}
	f, err := issuer.ParseFile(data)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", path, err)
	}
	if fileName(f.ID)+issuerSuffix != filepath.Base(path) {
		return Entry{}, fmt.Errorf("%s: holds the issuer %s", path, f.ID)
	}
	return Entry{File: f, Data: data}, nil
}

// Issuer returns the issuer with the id, or ErrUnknownIssuer.
func (s *Store) Issuer(id string) (Entry, error) {
	e, err := readEntry(s.issuerPath(id))
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, fmt.Errorf("%s: %w", id, ErrUnknownIssuer)
	}
	return e, err
}

// Change says what Add did.
type Change int

// What Add can do.
const (
	Unchanged Change = iota
	Added
	Updated
)

// Plan says what Add would do with the issuer file, without doing it. It
// fails where the file is older than the trusted one, or another issuer's.
func (s *Store) Plan(data []byte) (Change, error) {
	f, err := issuer.ParseFile(data)
	if err != nil {
		return Unchanged, err
	}
	old, err := s.Issuer(f.ID)
	if errors.Is(err, ErrUnknownIssuer) {
		return Added, nil
	}
	if err != nil {
		return Unchanged, err
	}
	if old.File.Fingerprint() == f.Fingerprint() {
		return Unchanged, nil
	}
	if err := old.File.CheckSuccessor(f, data); err != nil {
		return Unchanged, fmt.Errorf("%s: %w: %w", f.ID, ErrOtherIssuer, err)
	}
	return Updated, nil
}

// Add adds an issuer, or replaces its file by the one that follows it.
func (s *Store) Add(data []byte) (Change, error) {
	change, err := s.Plan(data)
	if err != nil || change == Unchanged {
		return change, err
	}
	f, err := issuer.ParseFile(data)
	if err != nil {
		return Unchanged, err
	}
	if err := atomicfile.MkdirAll(s.dir, 0o755); err != nil {
		return Unchanged, err
	}
	if change == Added { // an interrupted Remove may have left the lists of another
		if err := s.removeLists(f.ID); err != nil {
			return Unchanged, err
		}
		if err := s.removeArchive(f.ID); err != nil {
			return Unchanged, err
		}
	}
	if change == Updated {
		if err := s.archive(f.ID); err != nil {
			return Unchanged, err
		}
	}
	if err := atomicfile.WriteFile(s.issuerPath(f.ID), data, 0o644); err != nil {
		return Unchanged, err
	}
	return change, nil
}

// archive keeps the issuer file that is about to be replaced: a verifier who
// missed it needs it to follow.
func (s *Store) archive(id string) error {
	old, err := s.Issuer(id)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(s.archivePath(id, old.File.Sequence), old.Data, 0o644)
}

func (s *Store) archivePath(id string, sequence uint64) string {
	return fmt.Sprintf("%s.%d", s.issuerPath(id), sequence)
}

// IssuerAt returns the issuer file with the sequence number: the newest, or one
// that was replaced since it was added here. It is ErrNoFile where there is none.
func (s *Store) IssuerAt(id string, sequence uint64) (Entry, error) {
	e, err := s.Issuer(id)
	if err != nil || e.File.Sequence == sequence {
		return e, err
	}
	path := s.archivePath(id, sequence)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Entry{}, fmt.Errorf("%s, %d: %w", id, sequence, ErrNoFile)
	}
	if err != nil {
		return Entry{}, err
	}
	f, err := issuer.ParseFile(data)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", path, err)
	}
	if f.ID != id || f.Sequence != sequence {
		return Entry{}, fmt.Errorf("%s: holds issuer file %d of %s", path, f.Sequence, f.ID)
	}
	return Entry{File: f, Data: data}, nil
}

// Remove forgets the issuer and its status lists.
func (s *Store) Remove(id string) error {
	if _, err := s.Issuer(id); err != nil {
		return err
	}
	// The issuer goes first: a list without its issuer means nothing.
	if err := os.Remove(s.issuerPath(id)); err != nil {
		return err
	}
	if err := s.removeLists(id); err != nil {
		return err
	}
	if err := s.removeArchive(id); err != nil {
		return err
	}
	return atomicfile.SyncDir(s.dir)
}

// removeArchive removes the issuer files that were replaced.
func (s *Store) removeArchive(id string) error {
	names, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		number, ok := strings.CutPrefix(name.Name(), filepath.Base(s.issuerPath(id))+".")
		if _, err := strconv.ParseUint(number, 10, 64); !ok || err != nil {
			continue
		}
		if err := os.Remove(filepath.Join(s.dir, name.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) removeLists(id string) error {
	for _, n := range bitcoin.Networks() {
		for _, suffix := range []string{statusSuffix, forkSuffix} {
			err := os.Remove(s.statusPath(id, n, suffix))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// Status returns the newest status list of the issuer for the network, nil
// where there is none, and whether another with its sequence number was seen.
func (s *Store) Status(id string, n bitcoin.Network) (list *SignedList, forked bool, err error) {
	list, err = s.readList(id, n, statusSuffix)
	if err != nil || list == nil {
		return nil, false, err
	}
	fork, err := s.readList(id, n, forkSuffix)
	if err != nil {
		return nil, false, err
	}
	return list, fork != nil && fork.Sequence == list.Sequence, nil
}

// Fork returns the other list with the sequence number of the newest one, nil where
// there is none.
func (s *Store) Fork(id string, n bitcoin.Network) (*SignedList, error) {
	if _, forked, err := s.Status(id, n); err != nil || !forked {
		return nil, err
	}
	return s.readList(id, n, forkSuffix)
}

func (s *Store) readList(id string, n bitcoin.Network, suffix string) (*SignedList, error) {
	path := s.statusPath(id, n, suffix)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	list, err := parseList(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if list.Issuer != id || list.Network != n {
		return nil, fmt.Errorf("%s: holds a status list of %s for %s", path, list.Issuer, list.Network)
	}
	return &list, nil
}

// ImportStatus takes in a status list, from whomever it came: signature and
// sequence number decide. It reports whether the list is newer than the one
// that was there. A list that is not signed by keys in force now, that has a number
// or a time too high, that is older, or that lacks an entry of the list before is an error and
// changes nothing. A second list with the same number is kept, too, and is
// ErrStatusFork, as every list with that number is from then on.
func (s *Store) ImportStatus(data []byte, now time.Time) (newer bool, err error) {
	return s.importStatus(data, now, signedNow)
}

// ImportEnded is ImportStatus for a list whose keys may have ended since: they were in
// force at the list's own time, or close to the edge of theirs. Whoever has such keys
// can sign any time, so only a person can say that the list is the institution's own.
func (s *Store) ImportEnded(data []byte, now time.Time) (newer bool, err error) {
	return s.importStatus(data, now, signedThen)
}

// signedNow judges the signatures of a list by the keys in force at the time now.
func signedNow(f *issuer.File, list SignedList, now time.Time) error {
	_, err := f.CheckSignatures(list.Note, now)
	return err
}

func signedThen(f *issuer.File, list SignedList, now time.Time) error {
	if list.AsOf.After(now) {
		return signedNow(f, list, now)
	}
	_, err := f.CheckSignatures(list.Note, list.AsOf)
	if errors.Is(err, issuer.ErrKeyTime) {
		return nil
	}
	return err
}

func (s *Store) importStatus(data []byte, now time.Time, signed func(*issuer.File, SignedList, time.Time) error) (newer bool, err error) {
	list, newer, err := s.planStatus(data, now, signed)
	if errors.Is(err, issuer.ErrStatusFork) {
		return false, s.keepFork(list)
	}
	if err != nil || !newer {
		return false, err
	}
	if err := atomicfile.WriteFile(s.statusPath(list.Issuer, list.Network, statusSuffix), data, 0o644); err != nil {
		return false, err
	}
	return true, nil
}

// PlanStatus says what ImportStatus would do with the list, without doing it.
func (s *Store) PlanStatus(data []byte, now time.Time) (newer bool, err error) {
	list, newer, err := s.planStatus(data, now, signedNow)
	if errors.Is(err, issuer.ErrStatusFork) {
		err = forkError(list)
	}
	return newer, err
}

// planStatus is PlanStatus; a fork is issuer.ErrStatusFork only where this list
// makes it one.
func (s *Store) planStatus(data []byte, now time.Time, signed func(*issuer.File, SignedList, time.Time) error) (list SignedList, newer bool, err error) {
	if list, err = parseList(data); err != nil {
		return list, false, err
	}
	e, err := s.Issuer(list.Issuer)
	if err != nil {
		return list, false, err
	}
	if err := signed(e.File, list, now); err != nil {
		return list, false, fmt.Errorf("status list %d of %s: %w", list.Sequence, list.Issuer, err)
	}
	if err := list.CheckClock(now); err != nil {
		return list, false, fmt.Errorf("%s: %w", list.Issuer, err)
	}
	newer, err = s.isNewer(list)
	return list, newer, err
}

// isNewer holds a list against the newest one and, while there is one, its
// fork. A fork that a later list joined needs no look: that list has all its
// entries.
func (s *Store) isNewer(list SignedList) (bool, error) {
	known, forked, err := s.Status(list.Issuer, list.Network)
	switch {
	case err != nil:
		return false, err
	case known == nil:
		return true, nil
	case forked && list.Sequence == known.Sequence:
		return false, forkError(list) // two are kept already
	case known.Note.Text == list.Note.Text:
		return false, nil
	}
	if err := known.CheckSuccessor(list.StatusList); err != nil || !forked {
		return err == nil, err
	}
	fork, err := s.readList(list.Issuer, list.Network, forkSuffix)
	if err != nil {
		return false, err
	}
	err = fork.CheckSuccessor(list.StatusList)
	return err == nil, err
}

func (s *Store) keepFork(list SignedList) error {
	path := s.statusPath(list.Issuer, list.Network, forkSuffix)
	if err := atomicfile.WriteFile(path, list.Data, 0o644); err != nil {
		return err
	}
	return forkError(list)
}

func forkError(list SignedList) error {
	return fmt.Errorf("%s, sequence %d: %w", list.Issuer, list.Sequence, ErrStatusFork)
}

// Pack returns the pack of a trusted issuer, with header segments from
// elsewhere: the store has none.
func (s *Store) Pack(id string, segments [][]byte) (*Pack, error) {
	e, err := s.Issuer(id)
	if err != nil {
		return nil, err
	}
	var lists [][]byte
	for _, n := range bitcoin.Networks() {
		list, forked, err := s.Status(id, n)
		if err != nil {
			return nil, err
		}
		if forked {
			return nil, fmt.Errorf("%s for %s: %w", id, n, ErrStatusFork)
		}
		if list != nil {
			lists = append(lists, list.Data)
		}
	}
	return NewPack(e.Data, lists, segments)
}
