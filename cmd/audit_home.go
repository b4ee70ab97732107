package cmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gradseal/audit"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/trust"
	"gradseal/verify"
)

// ownBooks are the places of a registrar's home that say which batches there are.
type ownBooks struct {
	batches  []*batch.Batch
	findings []homeFinding
}

// homeFinding is something that does not agree.
type homeFinding struct {
	homeJSON
	verdict verify.Verdict // that it counts as
}

func (o *ownBooks) found() []homeFinding {
	if o == nil {
		return nil
	}
	return o.findings
}

func (o *ownBooks) add(f homeJSON, counts verify.Verdict) {
	o.findings = append(o.findings, homeFinding{f, counts})
}

// readOwnBooks reads them while nobody else is at work, and compares them. It
// returns nil where this is not the home of a registrar.
func (a *app) readOwnBooks(ctx context.Context) (*ownBooks, error) {
	if _, err := os.Stat(a.home.dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	own, err := a.isRegistrars()
	if err != nil || !own {
		return nil, err
	}
	release, err := a.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	books := new(ownBooks)
	if books.batches, err = a.home.batches().List(); err != nil {
		return nil, hinted(err, "restore it from a backup: gradseal restore")
	}
	journal, err := a.readJournal(books)
	if err != nil {
		return nil, err
	}
	disk := make([]audit.Batch, 0, len(books.batches))
	for _, b := range books.batches {
		disk = append(disk, books.onDisk(b))
	}
	lists, err := a.ownLists(books.batches)
	if err != nil {
		return nil, err
	}
	for _, f := range audit.Compare(journal, disk, lists) {
		books.tell(f)
	}
	return books, nil
}

// isRegistrars reports whether this home has a key, a batch or a journal.
func (a *app) isRegistrars() (bool, error) {
	ids, err := a.ownIssuers()
	if err != nil || len(ids) > 0 {
		return len(ids) > 0, err
	}
	for _, dir := range []string{filepath.Join(a.home.dir, batchesName), a.home.journalDir()} {
		switch names, err := os.ReadDir(dir); {
		case err == nil && len(names) > 0:
			return true, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	return false, nil
}

// readJournal reads the journal, and holds every line against the one before. Where
// one is not as it was written it says so, and returns nil.
func (a *app) readJournal(books *ownBooks) (*audit.Journal, error) {
	survey, err := a.journal().Survey()
	if err != nil {
		books.add(homeJSON{
			Kind:    "journal-changed",
			Finding: "The journal was changed, or damaged, since it was written: " + safe(err.Error()),
			Hint:    "what stands before that line is as it was. Compare with a backup, and find out who changed it: gradseal journal verify",
		}, verify.Invalid)
		return nil, nil
	}
	if survey.Lost() > 0 {
		books.add(homeJSON{
			Kind:    "names-lost",
			Finding: "In the journal, " + lostNames(survey),
			Hint:    "the entries are as they were written. Compare with a backup, and find out who changed the table: gradseal journal verify",
		}, verify.Invalid)
	}
	j := new(audit.Journal)
	for r, err := range a.journal().Records() {
		if err != nil {
			return nil, err
		}
		j.Add(r.Entry)
	}
	return j, nil
}

// onDisk is a batch as it is compared. What of it does not belong together is said.
func (o *ownBooks) onDisk(b *batch.Batch) audit.Batch {
	of := audit.Batch{Register: audit.Register{Issuer: b.Issuer, Network: b.Network.String()}, ID: b.ID, Created: b.Created}
	if b.Statement == nil {
		return of
	}
	if s, _, err := issuer.ParseStatement(b.Statement); err == nil {
		of.Root = proof.BatchRoot(b.Statement, s.Root)
	}
	if _, err := b.Root(); err != nil {
		o.add(homeJSON{
			Kind: "batch-damaged", Issuer: &b.Issuer, Network: orNullNetwork(b.Network), Batch: &b.ID,
			Finding: "What is kept of a batch does not belong together: " + safe(err.Error()),
			Hint:    "no proof of it can be written again. Restore the home from a backup: gradseal restore",
		}, verify.Invalid)
	}
	return of
}

// ownLists are the newest status lists of the issuers whose keys are here, or who
// have batches here.
func (a *app) ownLists(batches []*batch.Batch) (map[audit.Register]*audit.List, error) {
	ids, err := a.ownIssuers()
	if err != nil {
		return nil, err
	}
	for _, b := range batches {
		ids = append(ids, b.Issuer)
	}
	slices.Sort(ids)
	lists := make(map[audit.Register]*audit.List)
	for _, id := range slices.Compact(ids) {
		for _, n := range bitcoin.Networks() {
			l, forked, err := a.home.trust().Status(id, n)
			if err != nil {
				return nil, err
			}
			if l != nil {
				lists[audit.Register{Issuer: id, Network: n.String()}] = newAuditList(l, forked)
			}
		}
	}
	return lists, nil
}

func newAuditList(l *trust.SignedList, forked bool) *audit.List {
	text := sha256.Sum256([]byte(l.Note.Text))
	out := &audit.List{Sequence: l.Sequence, AsOf: l.AsOf, Text: hex.EncodeToString(text[:]), Forked: forked, Batches: l.Batches, Documents: len(l.Withdrawn)}
	for _, w := range l.WithdrawnBatches {
		out.Withdrawn = append(out.Withdrawn, w.ID)
	}
	return out
}

// tell says in words what was found, and what it can mean.
func (o *ownBooks) tell(f audit.Finding) {
	out := homeJSON{Kind: string(f.Kind), Issuer: orNull(f.Issuer), Network: orNull(f.Network), Batch: orNull(f.Batch)}
	if f.Root != [32]byte{} {
		out.Root = ptr(hex.EncodeToString(f.Root[:]))
	}
	counts := verify.CannotTell
	switch f.Kind {
	case audit.StatementOther:
		counts = verify.Invalid
	case audit.PlanLost: // nothing was issued, and it cannot be mended
		counts = verify.Valid
	}
	if f.Batch == "" && f.Root == [32]byte{} {
		out.Finding, out.Hint = listWords(f)
	} else {
		out.Finding, out.Hint = batchWords(f)
	}
	o.add(out, counts)
}

const (
	importNewest = "get the newest list that was published, and take it in before anything is signed: gradseal status import FILE"
	restoreHome  = "restore the home from a backup: gradseal restore"
	// closeStolen ends the set of a stolen key at the theft. One that issuer rotate has
	// ended cannot be dated back any more.
	closeStolen = "ask the other officers whether it is theirs. If it is nobody's, a key is stolen: " +
		"gradseal issuer close-key --since TIME --reason stolen, with --drop KEY where it is another officer's. " +
		"Do not run issuer rotate before: what the thief signed would stay good"
)

func listWords(f audit.Finding) (finding, hint string) {
	which := fmt.Sprintf("the status list of %s for %s", f.Issuer, f.Network)
	switch f.Kind {
	case audit.NoJournal:
		return "There are batches here, and no journal: they were made by a version without one, or it was removed",
			"if there was one, " + restoreHome + ". Else the next anchor or upgrade begins it"
	case audit.ListForked:
		return fmt.Sprintf("Two different lists have the number %d of %s: every document is CANNOT TELL until a later list joins them", f.Listed, which),
			"find out who signed the other: another copy of this home, or whoever stole the key. Nothing more is signed here before: gradseal status show"
	case audit.ListLost:
		noted := "batches here were signed"
		if f.Noted > 0 {
			noted = fmt.Sprintf("the journal knows number %d", f.Noted)
		}
		return fmt.Sprintf("There is no list here that is %s, and %s: it was removed, or a command was stopped just now", which, noted), importNewest
	case audit.ListOlder:
		return fmt.Sprintf("%s has number %d here, and the journal knows number %d: an older copy was put back, or a command was stopped just now", capital(which), f.Listed, f.Noted),
			importNewest + ". If none is newer, run the command again that was stopped"
	case audit.ListNewer:
		noted := "none"
		if f.Noted > 0 {
			noted = fmt.Sprintf("none after number %d", f.Noted)
		}
		return fmt.Sprintf("%s has number %d here, and the journal knows %s: it was signed elsewhere and taken in, or the journal was cut off", capital(which), f.Listed, noted),
			closeStolen
	}
	if f.Kind == audit.ListsUnknown {
		return fmt.Sprintf("The journal knows %s with number %d and with number %d, and nothing between: entries were left out when it was written anew, or the lists were signed elsewhere", which, f.Noted, f.Listed),
			"hold the journal against a head that was noted, gradseal journal verify --head, and against a backup"
	}
	if f.Kind == audit.WithdrawnUnknown {
		return fmt.Sprintf("%s withdraws %s, and the journal knows %s, although every list was signed here: entries were left out when it was written anew", capital(which), entries(f.Listed), number(f.Noted)),
			"hold the journal against a head that was noted, gradseal journal verify --head, and against a backup"
	}
	return fmt.Sprintf("%s has number %d, and is not the one that the journal has under this number: two were signed", capital(which), f.Listed),
		"find out which of them was published: gradseal status show, gradseal journal show"
}

func batchWords(f audit.Finding) (finding, hint string) {
	switch f.Kind {
	case audit.StatementLost:
		return fmt.Sprintf("Batch %s was signed, says the journal, and its statement is not on disk any more", f.Batch),
			restoreHome + ". Do not run anchor before: it would be issued a second time"
	case audit.StatementOther:
		return fmt.Sprintf("Batch %s has the batch root %x on disk, and another one in the journal", f.Batch, f.Root),
			"one of the two was changed: compare with a backup"
	case audit.NotListed:
		return fmt.Sprintf("Batch %s is signed, and the status list does not name it: anchor was stopped before it did, or the list is an older one", f.Batch),
			"the same anchor command again lists it. If this is an old copy of the home, " + importNewest
	case audit.NotInJournal:
		return fmt.Sprintf("Batch %s is on disk, and not in the journal: the journal was cut off, the batch was copied from another home, or anchor was stopped just now", f.Batch),
			"run the same anchor command, or gradseal upgrade, again, which make up for what a stopped one left out. Else compare with a backup"
	case audit.NotOnDisk:
		return fmt.Sprintf("Batch %s is in the journal and in the status list, and not on disk: its directory was lost. Its proofs cannot be written again, nor its documents withdrawn one by one", f.Batch),
			restoreHome
	case audit.OnlyOnDisk:
		return fmt.Sprintf("Batch %s is signed, and neither the journal nor the status list knows it: it was made in another home and copied here, or both are older than it", f.Batch),
			"ask who made it. If it is yours, " + importNewest + ", and run the same anchor command again"
	case audit.OnlyInJournal:
		return fmt.Sprintf("Batch %s was signed, says the journal, and is neither on disk nor in the status list: its directory was lost before it was listed", f.Batch),
			restoreHome + ", and run the same anchor command again"
	case audit.OnlyListed:
		return fmt.Sprintf("The status list of %s for %s names a batch that this home did not make: batch root %x. It was made with the key elsewhere, by another officer, or here after the backup that this home was restored from", f.Issuer, f.Network, f.Root),
			closeStolen + fmt.Sprintf(". Then withdraw the batch: gradseal withdraw --batch ROOT --unknown-batch --reason %s --network %s", issuer.ReasonKeyCompromise, f.Network)
	}
	return fmt.Sprintf("Batch %s was planned, says the journal, and is not on disk, neither signed nor dropped: its directory was removed. Nothing of it was issued", f.Batch),
		"nothing, unless somebody removes files here by hand"
}
