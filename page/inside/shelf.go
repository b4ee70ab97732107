package inside

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
	"gradseal/verify"
)

// shelf is the trust store of an open page, in memory. What may replace what is
// for package issuer to say, as in trust.Store.
type shelf struct {
	entries map[string]*entry // by issuer id
}

// entry is an issuer that the page knows.
type entry struct {
	file  *issuer.File
	data  []byte // the signed issuer file
	lists map[bitcoin.Network]*list
}

// list is the newest status list of an issuer for a network.
type list struct {
	trust.SignedList
	// fork is another list with a sequence number that was the newest once. It
	// stays until a later list has the entries of both.
	fork *trust.SignedList
}

// forked reports whether the issuer contradicts itself.
func (l *list) forked() bool { return l.fork != nil && l.fork.Sequence == l.Sequence }

func newShelf() *shelf { return &shelf{entries: make(map[string]*entry)} }

func (s *shelf) sorted() []*entry {
	return slices.SortedFunc(maps.Values(s.entries), func(a, b *entry) int { return cmp.Compare(a.file.ID, b.file.ID) })
}

// place adds an issuer with its lists that were judged before. Their signatures
// are judged again whenever a document is.
func (s *shelf) place(p *trust.Pack) error {
	if s.entries[p.File.ID] != nil {
		return fmt.Errorf("a second pack of %s", p.File.ID)
	}
	e := &entry{file: p.File, data: p.Issuer, lists: make(map[bitcoin.Network]*list)}
	for _, l := range p.Lists {
		e.lists[l.Network] = &list{SignedList: l}
	}
	s.entries[p.File.ID] = e
	return nil
}

// plan says what add would do with an issuer file, without doing it.
func (s *shelf) plan(data []byte) (trust.Change, error) {
	f, err := issuer.ParseFile(data)
	if err != nil {
		return trust.Unchanged, err
	}
	old := s.entries[f.ID]
	switch {
	case old == nil:
		return trust.Added, nil
	case old.file.Fingerprint() == f.Fingerprint():
		return trust.Unchanged, nil
	}
	if err := old.file.CheckSuccessor(f, data); err != nil {
		return trust.Unchanged, fmt.Errorf("%s: %w: %w", f.ID, trust.ErrOtherIssuer, err)
	}
	return trust.Updated, nil
}

// add adds an issuer, or replaces its file by the one that follows it.
func (s *shelf) add(data []byte) (trust.Change, error) {
	change, err := s.plan(data)
	if err != nil || change == trust.Unchanged {
		return change, err
	}
	f, err := issuer.ParseFile(data)
	if err != nil {
		return trust.Unchanged, err
	}
	if change == trust.Added {
		s.entries[f.ID] = &entry{lists: make(map[bitcoin.Network]*list)}
	}
	s.entries[f.ID].file, s.entries[f.ID].data = f, data
	return change, nil
}

// importStatus takes in a status list as trust.Store.ImportStatus does: it
// reports whether the list is newer than the one that was there, and its errors
// are the same. It returns the list wherever it could be read.
func (s *shelf) importStatus(data []byte, now time.Time) (trust.SignedList, bool, error) {
	parsed, note, err := issuer.ParseStatus(data)
	if err != nil {
		return trust.SignedList{}, false, err
	}
	in := trust.SignedList{StatusList: parsed, Note: note, Data: data}
	e := s.entries[in.Issuer]
	if e == nil {
		return in, false, fmt.Errorf("%s: %w", in.Issuer, trust.ErrUnknownIssuer)
	}
	if _, err := e.file.CheckSignatures(in.Note, now); err != nil {
		return in, false, fmt.Errorf("status list %d of %s: %w", in.Sequence, in.Issuer, err)
	}
	if err := in.CheckClock(now); err != nil {
		return in, false, fmt.Errorf("%s: %w", in.Issuer, err)
	}
	newer, err := e.isNewer(in)
	if errors.Is(err, issuer.ErrStatusFork) {
		e.lists[in.Network].fork = &in
		return in, false, forkError(in)
	}
	if err != nil || !newer {
		return in, false, err
	}
	e.lists[in.Network] = &list{SignedList: in}
	return in, true, nil
}

// isNewer holds a list against the newest one and, while there is one, its fork.
func (e *entry) isNewer(in trust.SignedList) (bool, error) {
	known := e.lists[in.Network]
	switch {
	case known == nil:
		return true, nil
	case known.forked() && in.Sequence == known.Sequence:
		return false, forkError(in) // two are kept already
	case known.Note.Text == in.Note.Text:
		return false, nil
	}
	if err := known.CheckSuccessor(in.StatusList); err != nil {
		return false, err
	}
	if known.forked() {
		if err := known.fork.CheckSuccessor(in.StatusList); err != nil {
			return false, err
		}
	}
	return true, nil
}

func forkError(l trust.SignedList) error {
	return fmt.Errorf("%s, sequence %d: %w", l.Issuer, l.Sequence, trust.ErrStatusFork)
}

// trust is what a verifier is to believe: the lists of all networks, because a
// withdrawal counts where the policy asks for another one too.
func (s *shelf) trust() verify.Trust {
	var t verify.Trust
	for _, e := range s.sorted() {
		t.Issuers = append(t.Issuers, e.file)
		for _, n := range bitcoin.Networks() {
			if l := e.lists[n]; l != nil {
				t.Status = append(t.Status, verify.StatusList{StatusList: l.StatusList, Note: l.Note, Forked: l.forked()})
			}
		}
	}
	return t
}
