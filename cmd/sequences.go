package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/trust"
)

// sequences is what a home remembers of its issuers' status lists besides the
// trust store: the numbers that must not be used again. Two lists with one number
// make every verifier answer CANNOT TELL.
type sequences struct {
	// seen is the highest number that this home has had.
	seen map[sequenceKey]uint64
	// restored has, for a home from a backup, the number in the backup, 0 where
	// there was none. What was signed after the backup is not known here: until a
	// list of that number or a higher one was imported, nothing is signed.
	restored map[sequenceKey]uint64
	// files has, for a home from a backup, the number of the issuer file in it, by
	// the issuer's id: until that file or a later one was taken in, the keys are not
	// changed. Two issuer files with one number divide verifiers for good.
	files map[string]uint64
}

type sequenceKey struct {
	issuer  string
	network bitcoin.Network
}

const (
	sequencesTitle = "gradseal sequences v1"
	maxSequences   = 1 << 20 // bytes of the file
)

// sequences reads the file. A home without one has had no list.
func (h home) sequences() (*sequences, error) {
	s := &sequences{make(map[sequenceKey]uint64), make(map[sequenceKey]uint64), make(map[string]uint64)}
	data, err := readCapped(h.sequencesFile(), maxSequences)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err == nil {
		err = s.parse(string(data))
	}
	if err != nil {
		return nil, hinted(fmt.Errorf("%s: %w", h.sequencesFile(), err), "take the file from a backup: without it, a number of a status list could be used twice")
	}
	return s, nil
}

func (s *sequences) parse(text string) error {
	lines := strings.Split(text, "\n")
	for _, line := range lines[1:] {
		if line == "" {
			continue // the comparison below knows where an empty line may be
		}
		var what, id, name string
		var number uint64
		if n, err := fmt.Sscanf(line, "%s %s %s %d", &what, &id, &name, &number); err != nil || n != 4 {
			return fmt.Errorf("malformed line %s", quoted(line))
		}
		if what == "restored-file" {
			s.files[id] = number
			continue // the comparison below knows what the name is
		}
		network, err := bitcoin.ParseNetwork(name)
		if err != nil {
			return err
		}
		of := s.seen
		if what == "restored" {
			of = s.restored
		}
		of[sequenceKey{id, network}] = number
	}
	if s.text() != text {
		return errors.New("is not in the one spelling of this format (was it edited?)")
	}
	return nil
}

func (s *sequences) text() string {
	var lines []string
	for what, of := range map[string]map[sequenceKey]uint64{"seen": s.seen, "restored": s.restored} {
		for k, number := range of {
			lines = append(lines, fmt.Sprintf("%s %s %s %d\n", what, k.issuer, k.network, number))
		}
	}
	for id, number := range s.files {
		lines = append(lines, fmt.Sprintf("restored-file %s - %d\n", id, number))
	}
	slices.Sort(lines)
	return sequencesTitle + "\n" + strings.Join(lines, "")
}

// save writes the file, synced. The caller holds the home's lock.
func (s *sequences) save(h home) error {
	if err := atomicfile.MkdirAll(filepath.Dir(h.sequencesFile()), 0o700); err != nil {
		return err
	}
	return atomicfile.WriteFile(h.sequencesFile(), []byte(s.text()), 0o600)
}

// importStatus takes in a status list as the trust store does. Of an issuer of
// this home the number is remembered, and what held back a restored home may be
// done with. The caller holds the home's lock.
func (a *app) importStatus(signed []byte) (newer bool, err error) {
	newer, err = a.home.trust().ImportStatus(signed, time.Now())
	if err != nil && !errors.Is(err, trust.ErrStatusFork) { // of which both lists are kept
		return newer, err
	}
	return newer, errors.Join(err, a.noteImported(signed))
}

func (a *app) noteImported(signed []byte) error {
	list, _, err := issuer.ParseStatus(signed)
	if err != nil {
		return err
	}
	own, err := a.ownIssuers()
	if err != nil || !slices.Contains(own, list.Issuer) {
		return err
	}
	return a.home.noteSequence(list)
}

// noteSequence remembers that a list is in the trust store.
func (h home) noteSequence(list *issuer.StatusList) error {
	s, err := h.sequences()
	if err != nil {
		return err
	}
	k := sequenceKey{list.Issuer, list.Network}
	mark, marked := s.restored[k]
	lifts := marked && list.Sequence >= mark
	if !lifts && s.seen[k] >= list.Sequence {
		return nil
	}
	if lifts {
		delete(s.restored, k)
	}
	s.seen[k] = max(s.seen[k], list.Sequence)
	return s.save(h)
}

// mayList says why this home must not sign a status list of the issuer that
// follows newest, which is nil where there is none.
func (a *app) mayList(id string, n bitcoin.Network, newest *trust.SignedList) error {
	s, err := a.home.sequences()
	if err != nil {
		return err
	}
	k := sequenceKey{id, n}
	var have uint64
	if newest != nil {
		have = newest.Sequence
	}
	const twice = "A number that is used twice makes every verifier answer CANNOT TELL"
	if s.seen[k] > have {
		return hinted(fmt.Errorf("this home has had status list %d of %s for %s, and the newest one here is %s: was an older trust directory put back?", s.seen[k], id, n, numberOrNone(have)),
			"take in the newest list that is published: gradseal status import FILE. %s", twice)
	}
	mark, marked := s.restored[k]
	switch {
	case !marked || a.home.rehearses(n):
		return nil
	case mark == 0:
		return hinted(fmt.Errorf("this home came from a backup without a status list of %s for %s, and one may have been signed since", id, n),
			"take in the newest list that is published: gradseal status import FILE; if there never was one: gradseal status unpublished --network %s. %s", n, twice)
	}
	return hinted(fmt.Errorf("this home came from a backup with status list %d of %s for %s, and later ones may have been signed since", mark, id, n),
		"take in the newest list that is published, even if it is number %d: gradseal status import FILE. %s", mark, twice)
}

// mayChangeKeys says why this home must not sign the next issuer file: it came from a
// backup, and a later file, or a list by the keys that would end, may have been signed
// since. A network without a list in the backup is no reason: a list that was signed
// there since is taken in as one whose keys ended.
func (a *app) mayChangeKeys(id string) error {
	s, err := a.home.sequences()
	if err != nil {
		return err
	}
	if mark, marked := s.files[id]; marked {
		return hinted(fmt.Errorf("this home came from a backup with issuer file %d of %s, and a later one may have been signed since", mark, id),
			"take in the newest pack that is published, even if its issuer file is number %d: gradseal trust add PACK. Two issuer files with one number divide verifiers for good", mark)
	}
	for _, n := range bitcoin.Networks() {
		known, err := a.home.everListed(id, n)
		if err != nil {
			return err
		}
		if !known {
			continue
		}
		newest, _, err := a.home.trust().Status(id, n)
		if err == nil {
			err = a.mayList(id, n, newest)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// everListed reports whether this home has, or ever had, a status list of the issuer for
// the network.
func (h home) everListed(id string, n bitcoin.Network) (bool, error) {
	newest, _, err := h.trust().Status(id, n)
	if err != nil || newest != nil {
		return newest != nil, err
	}
	s, err := h.sequences()
	if err != nil {
		return false, err
	}
	k := sequenceKey{id, n}
	return s.seen[k] > 0 || s.restored[k] > 0, nil
}

// noteFile remembers that a published issuer file was taken in. The caller holds the
// home's lock.
func (h home) noteFile(f *issuer.File) error {
	s, err := h.sequences()
	if err != nil {
		return err
	}
	if mark, marked := s.files[f.ID]; !marked || f.Sequence < mark {
		return nil
	}
	delete(s.files, f.ID)
	return s.save(h)
}

// waitsFor reports whether this home came from a backup and this is a list that lifts
// what holds it back.
func (h home) waitsFor(list *issuer.StatusList) (bool, error) {
	s, err := h.sequences()
	if err != nil {
		return false, err
	}
	mark, marked := s.restored[sequenceKey{list.Issuer, list.Network}]
	return marked && list.Sequence >= mark, nil
}

func numberOrNone(sequence uint64) string {
	if sequence == 0 {
		return "none"
	}
	return fmt.Sprintf("number %d", sequence)
}

// rehearses reports whether the network is the one inside this home: nobody else
// has it, and nothing about it was ever published.
func (h home) rehearses(n bitcoin.Network) bool {
	if n != bitcoin.Regtest {
		return false
	}
	_, err := os.Stat(h.nodeDir())
	return err == nil
}

// markRestored marks a home that came from a backup. Where the file of the backup is
// not in order it stays as it is, and nothing is signed.
func (a *app) markRestored() error {
	s, err := a.home.sequences()
	if err != nil {
		return nil
	}
	own, err := a.ownIssuers()
	if err != nil {
		return err
	}
	for _, id := range own {
		if e, err := a.home.trust().Issuer(id); err == nil { // one that cannot be read cannot be followed either
			s.files[id] = max(s.files[id], e.File.Sequence)
		}
		for _, n := range bitcoin.Networks() {
			k := sequenceKey{id, n}
			newest, _, err := a.home.trust().Status(id, n)
			if err == nil && newest != nil { // a list that cannot be read keeps officers from signing by itself
				s.seen[k] = max(s.seen[k], newest.Sequence)
			}
			mark := max(s.seen[k], s.restored[k])
			if a.home.rehearses(n) || n == bitcoin.Regtest && mark == 0 {
				continue
			}
			s.restored[k] = mark
		}
	}
	return s.save(a.home)
}
