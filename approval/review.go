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
	Now  time.Time
}

// CheckList holds the status list of a request against the one that it begins
// from, and both against the newest that is known here: the list that it begins
// from is the newest, or one that follows it and that enough keys signed; nothing
// vanishes; and no batch is added but the one that the request is about. It is
// ErrStale where this machine knows a newer list.
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
		if r.list.AsOf.Before(r.base.AsOf) {
			return fmt.Errorf("invalid request: the status list is of %s, earlier than the one before, of %s", stamp(r.list.AsOf), stamp(r.base.AsOf))
		}
	}
	if r.list.AsOf.After(k.Now.Add(clockSlack)) {
		return fmt.Errorf("the status list is of %s, and the clock of this machine says %s", stamp(r.list.AsOf), stamp(k.Now))
	}
	return r.checkAdded(k)
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
		if err := k.List.CheckSuccessor(r.base); err != nil {
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
		if !slices.Contains(want, root) {
			return fmt.Errorf("invalid request: the status list adds the batch %x, which it is not about", root)
		}
	}
	if len(got) < len(want) {
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
		return nil
	}
	err := k.File.CheckDraft(r.file)
	if errors.Is(err, issuer.ErrFileOlder) {
		return fmt.Errorf("the request %w: issuer file %d, and %d is trusted here", ErrStale, r.file.Sequence, k.File.Sequence)
	}
	return err
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
