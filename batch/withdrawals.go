package batch

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/internal/atomicfile"
	"gradseal/issuer"
)

// withdrawalsTitle begins the file of what a batch withdraws. A line follows for
// each document: its withdrawal id, date and reason, in ascending order.
const withdrawalsTitle = "gradseal batch withdrawals v1\n"

var errWithdrawals = errors.New("malformed withdrawals of a batch")

// List adds a signed batch to a status list, and withdraws what it replaces: as
// the same list does both, nobody sees one without the other.
func (b *Batch) List(l *issuer.StatusList) error {
	root, err := b.Root()
	if err != nil {
		return err
	}
	l.AddBatch(root)
	l.AddAllWithdrawn(b.Withdrawals)
	return nil
}

// IsListed reports whether a status list has all that List adds.
func (b *Batch) IsListed(l *issuer.StatusList) (bool, error) {
	root, err := b.Root()
	if err != nil || !l.HasBatch(root) {
		return false, err
	}
	for _, w := range b.Withdrawals {
		if _, ok := l.FindWithdrawn(w.ID); !ok {
			return false, nil
		}
	}
	return true, nil
}

// Withdraws reports whether the batch withdraws a document, as far as that was not
// forgotten.
func (b *Batch) Withdraws(id [32]byte) bool {
	return slices.ContainsFunc(b.Withdrawals, func(w issuer.Withdrawal) bool { return w.ID == id })
}

// ForgetWithdrawals takes the lines whose withdrawal ids are to be forgotten out of
// what the batch withdraws, and returns how many these were. The file is replaced in one
// step, synced, and removed where nothing stays in it.
//
// A status list must withdraw these documents: from then on the list alone says so.
func (b *Batch) ForgetWithdrawals(forget func(id [32]byte) bool) (int, error) {
	kept := slices.DeleteFunc(slices.Clone(b.Withdrawals), func(w issuer.Withdrawal) bool { return forget(w.ID) })
	n := len(b.Withdrawals) - len(kept)
	if n == 0 {
		return 0, nil
	}
	path := filepath.Join(b.dir, withdrawalsFile)
	var err error
	if len(kept) > 0 {
		err = atomicfile.WriteFile(path, marshalWithdrawals(kept), 0o600)
	} else if err = os.Remove(path); err == nil {
		err = atomicfile.SyncDir(b.dir)
	}
	if err != nil {
		return 0, err
	}
	b.Withdrawals = kept
	return n, nil
}

// sorted returns withdrawals as a batch has them: in the order of their ids.
func sorted(all []issuer.Withdrawal) []issuer.Withdrawal {
	all = slices.Clone(all)
	slices.SortFunc(all, func(a, b issuer.Withdrawal) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return all
}

// sameDecision reports whether two sets of withdrawals are about the same
// documents for the same reasons. The day may differ: a plan is taken up the day
// after, too.
func sameDecision(a, b []issuer.Withdrawal) bool {
	return slices.EqualFunc(sorted(a), sorted(b), func(a, b issuer.Withdrawal) bool { return a.ID == b.ID && a.Reason == b.Reason })
}

func marshalWithdrawals(all []issuer.Withdrawal) []byte {
	out := []byte(withdrawalsTitle)
	for _, w := range all {
		out = fmt.Appendf(out, "%x %s %s\n", w.ID, w.Date, w.Reason)
	}
	return out
}

func parseWithdrawals(data []byte) ([]issuer.Withdrawal, error) {
	lines, ok := strings.CutPrefix(string(data), withdrawalsTitle)
	if !ok {
		return nil, errWithdrawals
	}
	var all []issuer.Withdrawal
	for line := range strings.Lines(lines) {
		w, err := parseWithdrawal(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, fmt.Errorf("%w: line %d: %w", errWithdrawals, len(all)+2, err)
		}
		if n := len(all); n > 0 && bytes.Compare(all[n-1].ID[:], w.ID[:]) >= 0 {
			return nil, fmt.Errorf("%w: line %d is not in ascending order", errWithdrawals, n+2)
		}
		all = append(all, w)
	}
	if len(all) == 0 || !bytes.Equal(marshalWithdrawals(all), data) {
		return nil, fmt.Errorf("%w: not in the one spelling of this format", errWithdrawals)
	}
	return all, nil
}

func parseWithdrawal(line string) (w issuer.Withdrawal, err error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 || len(fields[0]) != hex.EncodedLen(len(w.ID)) {
		return w, errors.New("want id, date and reason")
	}
	if _, err := hex.Decode(w.ID[:], []byte(fields[0])); err != nil {
		return w, err
	}
	w.Date, w.Reason = fields[1], fields[2]
	return w, errors.Join(issuer.ValidDate(w.Date), issuer.ValidReason(w.Reason))
}
