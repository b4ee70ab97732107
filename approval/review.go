package approval

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gradseal/issuer"
)

// ErrStale says that a request begins from a status list, or an issuer file, that
// is not the newest one any more.
var ErrStale = errors.New("is not the newest any more")

// clockSlack is how far the clocks of two officers may be apart.
const clockSlack = 10 * time.Minute

// Changes is what a status list says that the one before it did not.
type Changes struct {
	Batches          [][32]byte // that the issuer stands behind from now on
	Withdrawn        []issuer.Withdrawal
	WithdrawnBatches []issuer.Withdrawal
	Corrected        []issuer.Withdrawal // documents and batches with another date or reason than before
	Final            bool                // there is to be no further list, and was to be one
}

// Compare returns what next says that base, which may be nil, does not. That base
// says nothing which next does not is for CheckSuccessor to find out.
func Compare(base, next *issuer.StatusList) Changes {
	if base == nil {
		base = new(issuer.StatusList)
		base.Next = time.Unix(0, 0)
	}
	c := Changes{Final: next.Next.IsZero() && !base.Next.IsZero()}
	for _, root := range next.Batches {
		if !base.HasBatch(root) {
			c.Batches = append(c.Batches, root)
		}
	}
	c.Withdrawn = c.compare(next.Withdrawn, base.FindWithdrawn)
	c.WithdrawnBatches = c.compare(next.WithdrawnBatches, base.FindWithdrawnBatch)
	return c
}

func (c *Changes) compare(list []issuer.Withdrawal, find func([32]byte) (issuer.Withdrawal, bool)) (added []issuer.Withdrawal) {
	for _, w := range list {
		switch was, ok := find(w.ID); {
		case !ok:
			added = append(added, w)
		case was != w:
			c.Corrected = append(c.Corrected, w)
		}
	}
	return added
}

// Apply makes the changes in another list: the newest one, where a request was
// overtaken.
func (c Changes) Apply(l *issuer.StatusList) {
	for _, root := range c.Batches {
		l.AddBatch(root)
	}
	l.AddAllWithdrawn(c.Withdrawn)
	for _, w := range c.WithdrawnBatches {
		l.AddWithdrawnBatch(w)
	}
	for _, list := range [][]issuer.Withdrawal{l.Withdrawn, l.WithdrawnBatches} {
		for i := range list {
			if j := slices.IndexFunc(c.Corrected, func(w issuer.Withdrawal) bool { return w.ID == list[i].ID }); j >= 0 {
				list[i] = c.Corrected[j]
			}
		}
	}
	if c.Final {
		l.Next = time.Time{}
	}
}

// in reports whether l says all of it already.
func (c Changes) in(l *issuer.StatusList) bool {
	for _, root := range c.Batches {
		if !l.HasBatch(root) {
			return false
		}
	}
	for _, w := range c.Withdrawn {
		if _, ok := l.FindWithdrawn(w.ID); !ok {
			return false
		}
	}
	for _, w := range c.Corrected {
		if !slices.Contains(l.Withdrawn, w) && !slices.Contains(l.WithdrawnBatches, w) {
			return false
		}
	}
	for _, w := range c.WithdrawnBatches {
		if _, ok := l.FindWithdrawnBatch(w.ID); !ok {
			return false
		}
	}
	return !c.Final || l.Next.IsZero()
}

// Known is what an officer's machine knows of an issuer on its own.
type Known struct {
	File *issuer.File       // trusted; nil before the first, of a request for one
	List *issuer.StatusList // the newest; nil where there is none
	Fork *issuer.StatusList // another with its number; nil where there is none
	Now  time.Time
	// Sequence is the number of a list that the officer named, 0 where none was: it may
	// be far above those before.
	Sequence uint64
}

// CheckList holds the status list of a request against the one that it begins
// from, and both against the newest that is known here: the list that it begins
// from is the newest, or one that follows it and that enough keys signed; nothing
// vanishes; and no batch is added but the one that the request is about. It is
// ErrStale where this machine knows a newer list. Where it knows two with one
// number, the list must join them: follow both, and add what either has.
func (r *Request) CheckList(k Known) error {
	if err := r.checkBase(k); err != nil {
		return err
	}
	if r.base != nil {
		if err := r.base.CheckSuccessor(r.list); err != nil {
			return err
		}
		if r.list.Sequence == r.base.Sequence {
			return fmt.Errorf("invalid request: the status list has the sequence number %d, which is in use", r.list.Sequence)
		}
		if r.list.AsOf.Before(r.base.AsOf) && !r.base.AsOf.After(k.Now.Add(issuer.ClockSlack)) { // else a clock was ahead
			return fmt.Errorf("invalid request: the status list is of %s, earlier than the one before, of %s", stamp(r.list.AsOf), stamp(r.base.AsOf))
		}
	}
	if k.Fork != nil {
		for _, known := range []*issuer.StatusList{k.List, k.Fork} {
			if err := known.CheckSuccessor(r.list); err != nil {
				return fmt.Errorf("two lists with the number %d are known here: %w", known.Sequence, err)
			}
		}
	}
	if r.list.AsOf.After(k.Now.Add(clockSlack)) && (r.base == nil || r.list.AsOf.After(r.base.AsOf)) {
		return fmt.Errorf("the status list is of %s, and the clock of this machine says %s", stamp(r.list.AsOf), stamp(k.Now))
	}
	if err := r.checkNumber(k); err != nil {
		return err
	}
	if err := r.checkWithdrawn(); err != nil {
		return err
	}
	return r.checkAdded(k)
}

// MaxGap is how many numbers a status list may pass over: those of proposals that
// were abandoned. Who signs a number signs none below it ever after, and nothing but
// the request says which it is: one that was edited on its way must not use up all.
const MaxGap = 1000

// ErrFarAhead says that the number of a status list is far above those before.
var ErrFarAhead = errors.New("is far above the one before")

// checkNumber holds the number of the list against those of the lists before, and
// that which the officer names.
func (r *Request) checkNumber(k Known) error {
	var before uint64
	for _, l := range []*issuer.StatusList{r.base, k.List, k.Fork} {
		if l != nil {
			before = max(before, l.Sequence)
		}
	}
	if r.list.Sequence > before && r.list.Sequence-before > MaxGap && r.list.Sequence != k.Sequence {
		return fmt.Errorf("status list %d %w, %d", r.list.Sequence, ErrFarAhead, before)
	}
	return nil
}

// checkWithdrawn wants each of the documents that are named as withdrawn to be so in
// the list, and not in the one before.
func (r *Request) checkWithdrawn() error {
	if len(r.Withdrawn) == 0 {
		return nil
	}
	changed := make(map[[32]byte]bool)
	changes := Compare(r.base, r.list)
	for _, w := range slices.Concat(changes.Withdrawn, changes.Corrected) {
		changed[w.ID] = true
	}
	for i := range r.Withdrawn {
		d := &r.Withdrawn[i]
		id := d.WithdrawalID()
		if !changed[id] {
			return fmt.Errorf("invalid request: it names %.80q with SHA-256 %x as withdrawn, and the status list withdraws something else", d.Name, d.Digest)
		}
		delete(changed, id)
	}
	return nil
}

func (r *Request) checkBase(k Known) error {
	switch {
	case r.base == nil && k.List == nil:
		return nil
	case r.base == nil:
		return fmt.Errorf("the first status list %w: this machine knows list %d, of %s", ErrStale, k.List.Sequence, stamp(k.List.AsOf))
	case k.List != nil && r.base.Sequence < k.List.Sequence:
		return fmt.Errorf("status list %d, from which the request begins, %w: this machine knows list %d, of %s", r.base.Sequence, ErrStale, k.List.Sequence, stamp(k.List.AsOf))
	}
	if k.List != nil {
		err := k.List.CheckSuccessor(r.base)
		if k.Fork != nil && err != nil {
			err = k.Fork.CheckSuccessor(r.base)
		}
		if err != nil {
			return fmt.Errorf("the list to begin from: %w", err)
		}
		if r.base.Sequence == k.List.Sequence {
			return nil
		}
	}
	if _, err := k.File.CheckSignatures(r.baseNote, k.Now); err != nil {
		return fmt.Errorf("the list to begin from, %d: %w", r.base.Sequence, err)
	}
	return nil
}

// checkAdded lets a list name no batch but the one whose statement is in the
// request, once enough keys signed that.
func (r *Request) checkAdded(k Known) error {
	var want [][32]byte
	if r.statement != nil && r.IsIssued(k.File, k.Now) {
		want = [][32]byte{r.BatchRoot()}
	}
	got := Compare(r.base, r.list).Batches
	for _, root := range got {
		joined := k.Fork != nil && (k.Fork.HasBatch(root) || k.List.HasBatch(root))
		if !joined && !slices.Contains(want, root) {
			return fmt.Errorf("invalid request: the status list adds the batch %x, which it is not about", root)
		}
	}
	if len(want) > 0 && !slices.Contains(got, want[0]) {
		return fmt.Errorf("invalid request: the status list does not add the batch %x", want[0])
	}
	return nil
}

// CheckFile holds the issuer file of a request against the one that is trusted
// here.
func (r *Request) CheckFile(k Known) error {
	switch {
	case k.File == nil && r.file.Sequence != 1:
		return fmt.Errorf("issuer file %d of %s, and no earlier one is trusted here: add that first", r.file.Sequence, r.Issuer)
	case k.File == nil:
		// A set before the newest one would sign what nobody was shown.
		if len(r.file.Sets) != 1 || !r.file.Sets[0].Until.IsZero() {
			return fmt.Errorf("the first issuer file of %s has %d key sets, or one that ends: want one, in force until another follows", r.Issuer, len(r.file.Sets))
		}
		return nil
	}
	err := k.File.CheckDraft(r.file)
	if errors.Is(err, issuer.ErrFileOlder) {
		return fmt.Errorf("the request %w: issuer file %d, and %d is trusted here", ErrStale, r.file.Sequence, k.File.Sequence)
	}
	return err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
