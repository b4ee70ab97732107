package cmd

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"gradseal/approval"
	"gradseal/issuer"
	"gradseal/journal"
)

// oldStatement is how long before now a statement may have been made without a
// word about it.
const oldStatement = 30 * 24 * time.Hour

// asked names what a request would put into force.
func asked(q *approval.Request) string {
	switch q.Kind {
	case approval.Batch:
		return fmt.Sprintf("batch %s, %s", q.Batch, count(q.StatementText().Size, "document"))
	case approval.List:
		return fmt.Sprintf("status list %d of %s for %s", q.StatusList().Sequence, q.Issuer, q.Network)
	}
	return fmt.Sprintf("issuer file %d of %s", q.IssuerFile().Sequence, q.Issuer)
}

// reportWaiting says what other officers are asked.
func (a *app) reportWaiting(q *approval.Request, path string, missing int) error {
	if a.ui.json {
		return a.ui.object(newApprovalJSON(q, stateWaiting, missing, path))
	}
	a.ui.result("%s: waits for %s of other officers", upperFirst(asked(q)), count(missing, "more signature"))
	a.ui.result("  request      %s", shown(path))
	if q.Kind == approval.File {
		a.ui.result("  fingerprint  %s", q.IssuerFile().Fingerprint())
		if q.IssuerFile().Sequence == 1 {
			a.ui.note("Read the fingerprint to the other officers by telephone: their program asks for it.")
		}
	}
	if q.Kind == approval.Batch {
		a.ui.note("Next: send %s, and the documents, to another officer by a way that only the two of you\ncan read: it holds the salts, and whoever has them can test who is in the batch.\nThere: gradseal approve %s FOLDER. What comes back: gradseal approve %s", shown(path), argument(path), q.Name()+approvalSuffix)
	} else {
		if len(q.Withdrawn) > 0 {
			a.ui.note("It names the documents that are withdrawn: send it by a way that only the two of you can read.")
		}
		a.ui.note("Next: send %s to another officer. There: gradseal approve %s\nWhat comes back: gradseal approve %s", shown(path), argument(path), q.Name()+approvalSuffix)
	}
	return nil
}

// changes is what the status list of a request says that the one before does not,
// but for the batch that it is about; nil where there is no list.
func (r *approveRun) changes() *approval.Changes {
	if r.request.Kind == approval.File {
		return nil
	}
	c := approval.Compare(r.request.BaseList(), r.request.StatusList())
	return &c
}

// show says what is to be signed.
func (r *approveRun) show(signers []issuer.Key, changes *approval.Changes) {
	say := r.ui.tell
	q := r.request
	say("To be signed: %s", asked(q))
	switch q.Kind {
	case approval.File:
		r.showFile(say)
	case approval.Batch:
		r.showStatement(say)
		fallthrough
	default:
		r.showList(say, changes)
	}
	r.showSigners(say, signers, changes)
}

// showSigners says who signed so far, and who is said to propose it: that alone is the
// word of the file.
func (r *approveRun) showSigners(say func(string, ...any), signers []issuer.Key, changes *approval.Changes) {
	proposer := "somebody whose key is in no issuer file here"
	for _, f := range []*issuer.File{r.request.IssuerFile(), r.known.File} {
		if f == nil {
			continue
		}
		for _, set := range f.Sets {
			if i := slices.IndexFunc(set.Keys, isKey(r.request.Proposer)); i >= 0 {
				proposer = quoted(set.Keys[i].Holder)
			}
		}
	}
	for _, k := range signers {
		say("  signed by    %s", quoted(k.Holder))
	}
	switch {
	case len(signers) == 0:
		say("  signed by    nobody yet. It says that it comes from %s, and anybody could write that:\n               ask them by telephone before you sign", proposer)
	case r.request.Kind == approval.Batch && len(changes.Withdrawn)+len(changes.WithdrawnBatches)+len(changes.Corrected) > 0:
		say("  proposed by  %s. The statement is signed, and nobody signed yet what is withdrawn:\n               ask them by telephone before you sign", proposer)
	}
}

func (r *approveRun) showStatement(say func(string, ...any)) {
	s := r.request.StatementText()
	say("  issuer       %s (%s)", quoted(r.known.File.Name), s.Issuer)
	say("  network      %s", s.Network)
	say("  title        %s", titleOrNone(s.Title))
	say("  documents    %s, which this machine read: each is in the batch, and nothing else", number(s.Size))
	say("  tree root    %x, as this machine computed it", s.Root)
	say("  issued       %s", s.Issued.Format(time.RFC3339))
	if s.After != nil {
		say("  after block  %d, %s", s.After.Height, s.After.Hash)
		r.checkAfter(s)
	}
	switch now := r.now; {
	case s.Issued.After(now.Add(10 * time.Minute)):
		r.ui.warn("the statement is of %s, and the clock of this machine says %s", s.Issued.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	case s.Issued.Before(now.Add(-oldStatement)):
		r.ui.warn("the statement was made %s ago", age(now.Sub(s.Issued)))
	}
}

// checkAfter compares the block that a statement names with this home's chain, as
// far as that goes.
func (r *approveRun) checkAfter(s *issuer.Statement) {
	chain, err := r.openHeaders(s.Network)
	if errors.Is(err, fs.ErrNotExist) || err != nil {
		return
	}
	defer chain.Close()
	if s.After.Height > chain.Height() {
		return
	}
	if h, err := chain.At(s.After.Height); err == nil && h.Hash() != s.After.Hash {
		r.ui.warn("block %d of this home's header chain of %s is another one, %s", s.After.Height, s.Network, h.Hash())
	}
}

// showList says what the status list changes, one by one.
func (r *approveRun) showList(say func(string, ...any), c *approval.Changes) {
	q := r.request
	l := q.StatusList()
	if q.BaseList() == nil {
		say("  status list  %d, the first that this machine sees", l.Sequence)
	} else {
		say("  status list  %d, after %d of %s", l.Sequence, q.BaseList().Sequence, q.BaseList().AsOf.Format(time.DateOnly))
	}
	if l.Next.IsZero() {
		say("  renewed      never: IT IS THE LAST LIST, and nothing can be issued after it")
	} else {
		say("  renewed      by %s", l.Next.Format(time.DateOnly))
	}
	switch {
	case q.Kind == approval.Batch:
		say("  adds         this batch")
	case len(c.Batches) > 0:
		say("  adds         batch %s, which this home approved, %s", q.Batch, count(q.StatementText().Size, "document"))
	}
	r.showWithdrawn(say, c)
	if q.Kind == approval.List && len(c.Batches)+len(c.Withdrawn)+len(c.WithdrawnBatches)+len(c.Corrected) == 0 {
		say("  changes      nothing but its dates")
	}
}

// showWithdrawn says what a list withdraws: by the documents that came with the
// request, which the list was held against.
func (r *approveRun) showWithdrawn(say func(string, ...any), c *approval.Changes) {
	documents := make(map[[32]byte]*approval.Document)
	for i := range r.request.Withdrawn {
		d := &r.request.Withdrawn[i]
		documents[d.WithdrawalID()] = d
	}
	batches := r.batchNames(c)
	for _, kind := range []struct {
		what string
		list []issuer.Withdrawal
	}{{"withdraws", c.Withdrawn}, {"withdraws", c.WithdrawnBatches}, {"corrects", c.Corrected}} {
		for _, w := range kind.list[:min(len(kind.list), mostLines)] {
			what, more := fmt.Sprintf("a document known by its number alone, %x,", w.ID), ""
			if d := documents[w.ID]; d != nil {
				what, more = quoted(d.Name), fmt.Sprintf("\n               SHA-256 %x", d.Digest)
			} else if name := batches[w.ID]; name != "" {
				what = name
			}
			say("  %-12s %s on %s: %s%s", kind.what, what, w.Date, w.Reason, more)
		}
		if more := len(kind.list) - mostLines; more > 0 {
			say("  and %s more", number(more))
		}
	}
}

// batchNames says which whole batches a list withdraws, by what this home made and
// approved.
func (r *approveRun) batchNames(c *approval.Changes) map[[32]byte]string {
	names := make(map[[32]byte]string)
	for _, w := range slices.Concat(c.WithdrawnBatches, c.Corrected) {
		if _, whole := r.request.StatusList().FindWithdrawnBatch(w.ID); whole {
			names[w.ID] = fmt.Sprintf("the whole batch with the root %x, which this home did not see,", w.ID)
		}
	}
	if len(names) == 0 {
		return names
	}
	for e, err := range r.journal().Records() {
		if err != nil {
			r.ui.warn("the journal of this home cannot be read, so not every batch has its name: %v", err)
			break
		}
		root, err := hex.DecodeString(e.Root)
		if err != nil || len(root) != 32 || names[[32]byte(root)] == "" {
			continue
		}
		switch e.Act {
		case journal.Approve:
			names[[32]byte(root)] = fmt.Sprintf("the whole batch %s, %s, which this home approved on %s,", e.Batch, count(e.Count, "document"), e.Time.Format(time.DateOnly))
		case journal.List:
			names[[32]byte(root)] = fmt.Sprintf("the whole batch %s, which this home listed on %s,", e.Batch, e.Time.Format(time.DateOnly))
		}
	}
	return names
}

// showFile says what an issuer file changes.
func (r *approveRun) showFile(say func(string, ...any)) {
	next := r.request.IssuerFile()
	say("  issuer       %s (%s)", quoted(next.Name), next.ID)
	say("  fingerprint  %s", next.Fingerprint())
	var before []issuer.Key
	first := 0 // of the sets that are shown
	if old := r.known.File; old != nil {
		if old.Name != next.Name {
			say("  name         was %s", quoted(old.Name))
		}
		last := len(old.Sets) - 1
		if was, is := old.Sets[last].Until, next.Sets[last].Until; !was.Equal(is) {
			say("  ends         the key set from %s, at %s", old.Sets[last].From.Format(time.RFC3339), is.Format(time.RFC3339))
		}
		first = min(len(old.Sets), len(next.Sets)-1)
		if before = old.Sets[last].Keys; first == last {
			before = next.Sets[first].Keys
		}
	}
	for _, set := range next.Sets[first:] {
		until := ""
		if !set.Until.IsZero() {
			until = " until " + set.Until.Format(time.RFC3339)
		}
		say("  in force     from %s%s, %d of %d must sign", set.From.Format(time.RFC3339), until, set.Threshold, len(set.Keys))
		for _, k := range set.Keys {
			say("  %-12s %s  %s", inOrOut("key", "new key", has(before, k) || before == nil), k.Public, quoted(k.Holder))
		}
		for _, k := range before {
			if !has(set.Keys, k) {
				say("  %-12s %s  %s", "drops", k.Public, quoted(k.Holder))
			}
		}
		before = set.Keys
	}
}

func has(keys []issuer.Key, key issuer.Key) bool {
	return slices.ContainsFunc(keys, func(k issuer.Key) bool { return k.Public == key.Public })
}

func inOrOut(in, out string, is bool) string {
	if is {
		return in
	}
	return out
}
