package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"gradseal/approval"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

// takeAnswer takes what another officer signed into the proposal that is open here.
func (a *app) takeAnswer(ctx context.Context, o approveOptions, path string, answer *approval.Request) error {
	p, err := a.pendingProposal(answer.Issuer, answer.Network)
	if err != nil {
		return err
	}
	if p == nil {
		return a.takenBefore(ctx, o, path, answer)
	}
	if p.Kind == approval.Batch && p.IsIssued(a.fileOf(p), time.Now()) {
		return hinted(fmt.Errorf("%s: %s is signed by enough officers already", path, p.Name()), "%s", a.goOnWith(p))
	}
	if p.Kind == approval.File {
		if err := a.refuseUnfinished(p); err != nil {
			return err
		}
	}
	next, err := p.Take(a.fileOf(p), time.Now(), answer)
	if errors.Is(err, approval.ErrNoSignature) {
		// It may have been taken in before, and the keys of this home not opened.
		if far, standingErr := a.standingOf(p); standingErr != nil || far != unfinished {
			return errors.Join(answerFault(path, err), standingErr)
		}
		return a.finishProposal(ctx, o, p)
	}
	if err != nil {
		return answerFault(path, err)
	}
	p.Request = next
	if err := a.home.proposals().Save(p); err != nil {
		return err
	}
	if p.Kind == approval.Batch {
		return a.tookStatement(p, o.output)
	}
	return a.finishProposal(ctx, o, p)
}

// finishProposal puts an issuer file or a status list into force that enough others
// signed. Where others are still needed it asks them, and returns waitingError.
func (a *app) finishProposal(ctx context.Context, o approveOptions, p *approval.Proposal) error {
	if p.Kind == approval.File {
		if err := a.finishFile(p, o.output); err != nil {
			return err
		}
		return a.fileInForce(ctx, o, p)
	}
	officer, err := a.officer(p.Issuer, o.passphraseFile, time.Now())
	if err != nil {
		return err
	}
	if err := officer.finishList(ctx, p, o.output); err != nil {
		return err
	}
	return officer.listInForce(ctx, p)
}

// fileInForce reports an issuer file that is in force, and does what is left of the
// change of keys.
func (a *app) fileInForce(ctx context.Context, o approveOptions, p *approval.Proposal) error {
	if err := a.reportInForce(p); err != nil {
		return err
	}
	// Only then is there something to publish.
	if err := a.finishKeyChange(ctx, p.IssuerFile(), o.passphraseFile, nil); err != nil {
		return err
	}
	a.ui.note("%s", publishIt)
	return nil
}

// listInForce is fileInForce for a status list.
func (o *officer) listInForce(ctx context.Context, p *approval.Proposal) error {
	if err := o.endKeyChange(ctx); err != nil {
		return err
	}
	return o.reportInForce(p)
}

// takenBefore does what is left after an answer that put its file or its list into
// force before.
func (a *app) takenBefore(ctx context.Context, o approveOptions, path string, answer *approval.Request) error {
	k, err := a.known(answer.Issuer, answer.Network, time.Now())
	if err != nil {
		return err
	}
	p := &approval.Proposal{Request: answer}
	switch {
	case answer.Kind == approval.File && p.IsInForce(k) && k.File.Sequence == answer.IssuerFile().Sequence:
		return a.fileInForce(ctx, o, p)
	case answer.Kind == approval.List && k.List != nil && k.List.Sequence == answer.StatusList().Sequence && p.IsInForce(k):
		officer, err := a.officer(p.Issuer, o.passphraseFile, time.Now())
		if err != nil {
			return err
		}
		return officer.listInForce(ctx, p)
	}
	return hinted(fmt.Errorf("%s: answers %s, which is not open here: it is in force already, or was abandoned", path, answer.Name()), "see what is open: gradseal approve")
}

// standing is how far a proposal has come.
type standing int

const (
	waiting    standing = iota // for signatures of others
	approved                   // the statement of a batch is signed by enough: anchor goes on
	unfinished                 // nothing but this home's signatures is missing
	outdated                   // keys signed it that were in force, and are no more
)

// standingOf says how far a proposal has come.
func (a *app) standingOf(p *approval.Proposal) (standing, error) {
	k, err := a.known(p.Issuer, p.Network, time.Now())
	if err != nil {
		return waiting, err
	}
	if p.Statement != nil {
		switch _, err := p.StatementSigners(k.File, k.Now); {
		case errors.Is(err, issuer.ErrNotInForce):
			return outdated, nil
		case err != nil:
			return waiting, err
		case p.Kind == approval.Batch && p.IsIssued(k.File, k.Now):
			return approved, nil
		}
	}
	missing, err := a.missing(p, k)
	switch {
	case errors.Is(err, issuer.ErrNotInForce):
		return outdated, nil
	case err == nil && missing == 0:
		return unfinished, nil
	}
	return waiting, err
}

// refuseUnfinished keeps an issuer file from being put into force while a batch that
// enough officers signed is not in a status list: the keys that signed it would end.
func (a *app) refuseUnfinished(p *approval.Proposal) error {
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	for _, other := range pending {
		if other.Issuer != p.Issuer || other.Statement == nil || !other.IsIssued(a.fileOf(other), time.Now()) {
			continue
		}
		return hinted(fmt.Errorf("%s: batch %s is signed by enough officers, and the keys that signed it may end: nothing was taken in", p.Name(), other.Batch), "first, %s", a.goOnWith(other))
	}
	return nil
}

// endKeyChange does what is left of a change of the issuer's keys, once no status
// list by the new keys waits any more.
func (o *officer) endKeyChange(ctx context.Context) error {
	begun, err := o.readBegun(o.file.ID)
	if err != nil || begun == nil || begun.Sequence > o.file.Sequence {
		return err
	}
	for _, n := range bitcoin.Networks() {
		if p, err := o.pendingProposal(o.file.ID, n); err != nil || p != nil {
			return err
		}
	}
	return o.finishKeyChange(ctx, o.file, o.passphraseFile, o.open)
}

// fileOf is the issuer file that is trusted here; nil where there is none.
func (a *app) fileOf(p *approval.Proposal) *issuer.File {
	e, err := a.home.trust().Issuer(p.Issuer)
	if err != nil {
		return nil
	}
	return e.File
}

// answerFault says what is wrong with an answer.
func answerFault(path string, err error) error {
	named := fmt.Errorf("%s: %w", path, err)
	switch {
	case errors.Is(err, approval.ErrNoSignature):
		return hinted(named, "a request goes to another officer, on another machine, who signs it there: gradseal approve %s", argument(path))
	case errors.Is(err, approval.ErrOther):
		return hinted(named, "it may be about an earlier proposal, or was edited. See what is open here: gradseal approve")
	}
	return hinted(named, "nothing of it was taken in: ask who sent it to sign again, with a key that is in force")
}

// goOn says how a batch goes on that enough officers signed.
const goOn = "the same command as before, anchor or replace, goes on with it"

// goOnWith is goOn, with the command.
func (a *app) goOnWith(p *approval.Proposal) string {
	b, err := a.findBatch(p.Batch)
	if err != nil {
		return goOn
	}
	if len(b.Withdrawals) > 0 {
		return goOn + ": gradseal replace OLD NEW, for " + argumentsOf(b)
	}
	if len(present(b)) == 0 {
		return "none of its documents is where it was: put one back, and " + goOn
	}
	return goOn + ": " + anchorOf(b) + argumentsOf(b)
}

// finishWith is goOnWith for who did something else meanwhile. The folder of the batch
// may hold other files by now, so a document is named.
func (a *app) finishWith(p *approval.Proposal) string {
	text := a.goOnWith(p)
	b, err := a.findBatch(p.Batch)
	if err != nil || len(b.Withdrawals) > 0 {
		return text
	}
	switch files := present(b); {
	case len(files) == 0:
		return text + ". To have its status list signed without them: gradseal approve"
	case len(b.Documents) > few:
		return text + ". One of its documents is enough: " + anchorOf(b) + arguments(files[:1])
	}
	return text
}

// anchorOf is the command that goes on with a batch, but for its documents.
func anchorOf(b *batch.Batch) string {
	command := "gradseal anchor "
	if b.Network != bitcoin.Regtest {
		command += "--network " + b.Network.String() + " --via … "
	}
	if b.Title != "" {
		command += "--title " + quoted(b.Title) + " "
	}
	return command
}

// few is how many documents of a batch are named one by one.
const few = 3

// argumentsOf are the documents of a batch as arguments, those that are where they
// were, or the folders that they are in where they are more than a few.
func argumentsOf(b *batch.Batch) string {
	if len(b.Documents) > few {
		return arguments(foldersOf(b))
	}
	return arguments(present(b))
}

// present are the documents of a batch that are where they were, by name: the order of
// the tree shows nothing.
func present(b *batch.Batch) []string {
	var files []string
	for _, d := range b.Documents {
		if d.Forgotten {
			continue
		}
		if _, err := os.Lstat(d.Path); err == nil {
			files = append(files, d.Path)
		}
	}
	slices.Sort(files)
	return files
}

// isLost reports whether no document of a proposed batch is where it was.
func (a *app) isLost(p *approval.Proposal) bool {
	b, err := a.findBatch(p.Batch)
	return err == nil && len(present(b)) == 0
}

// tookStatement says what is to be done about a batch whose statement another
// officer signed.
func (a *app) tookStatement(p *approval.Proposal, path string) error {
	f := a.fileOf(p)
	if !p.IsIssued(f, time.Now()) {
		return a.ask(p, path)
	}
	if a.ui.json {
		return a.ui.object(newApprovalJSON(p.Request, stateApproved, 0, ""))
	}
	a.ui.result("Took in %s, %s", asked(p.Request), signedBy(p, f))
	a.ui.note("Next: %s", a.goOnWith(p))
	return nil
}

// signedBy lists who signed the statement of a proposal.
func signedBy(p *approval.Proposal, f *issuer.File) string {
	_, note, err := issuer.ParseStatement(p.Statement)
	if err != nil {
		return "signed"
	}
	keys, err := f.SignedBy(note)
	if err != nil {
		return "signed"
	}
	text := "signed by "
	for i, k := range keys {
		if i > 0 {
			text += " and "
		}
		text += quoted(k.Holder)
	}
	return text
}

func (a *app) reportInForce(p *approval.Proposal) error {
	if a.ui.json {
		return a.ui.object(newApprovalJSON(p.Request, stateInForce, 0, ""))
	}
	a.ui.result("Signed %s, which is in force now", asked(p.Request))
	if p.Kind == approval.File {
		a.ui.result("  fingerprint  %s", p.IssuerFile().Fingerprint())
	}
	switch {
	case p.Statement != nil:
		a.ui.note("Next: %s", a.goOnWith(p))
	case p.Kind == approval.List:
		a.ui.note("%s", publishIt)
	}
	return nil
}

// publishIt says what is to be done about a list or a file that is in force.
const publishIt = "Next: publish it: gradseal issuer pack -o FILE, or gradseal status renew --publish DIR"

// askAgain lists what waits for other officers, and writes the requests again. What
// only this home's signatures are missing of, it finishes.
func (a *app) askAgain(ctx context.Context, o approveOptions) error {
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	if len(pending) == 0 {
		a.ui.note("Nothing waits for other officers here.")
	}
	for _, p := range pending {
		if err := a.askOnce(ctx, o, p); err != nil && !errors.As(err, new(waitingError)) {
			return err
		}
	}
	return nil
}

// askOnce is askAgain for one proposal.
func (a *app) askOnce(ctx context.Context, o approveOptions, p *approval.Proposal) error {
	far, err := a.standingOf(p)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", p.Name(), err)
	case far == approved && a.isLost(p): // and nothing else is signed before its list is in force
		if err := a.saveStatements(); err != nil {
			return err
		}
		o.output = ""
		return a.finishProposal(ctx, o, p)
	case far == approved:
		return a.tookStatement(p, "")
	case far == outdated && p.Statement != nil:
		a.ui.result("%s: signed by keys that ended since", upperFirst(asked(p.Request)))
		a.ui.note("Next: %s", a.againWith(p))
		return nil
	case far == unfinished:
		if p.Kind == approval.File {
			if err := a.refuseUnfinished(p); err != nil {
				return err
			}
		}
		o.output = ""
		return a.finishProposal(ctx, o, p)
	case p.Kind != approval.File:
		officer, err := a.officer(p.Issuer, "", time.Now())
		if err != nil {
			return err
		}
		if p, err = officer.fresh(p); err != nil {
			return err
		}
	}
	return a.ask(p, "")
}

// againWith says what to do about a batch whose statement was signed by keys that
// ended since.
func (a *app) againWith(p *approval.Proposal) string {
	if b, err := a.findBatch(p.Batch); err == nil && b.Statement != nil {
		return fmt.Sprintf("no verifier takes it any more. Drop what waits: gradseal approve --abandon %s; then have the documents issued again: gradseal anchor --reissue %s", p.Name(), argumentsOf(b))
	}
	return "to have it signed by the keys in force now, " + a.goOnWith(p)
}

// runApproveAbandon drops a proposal that was made here. Its number is not used again,
// and none up to sequence.
func (a *app) runApproveAbandon(ctx context.Context, name string, sequence uint64) error {
	// A number of tomorrow would keep every list from being signed until then.
	if err := (&issuer.StatusList{Sequence: sequence}).CheckNumber(time.Now()); err != nil {
		return fmt.Errorf("--sequence: %w", err)
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	for _, p := range pending {
		if p.Name() != name && (p.Batch != name || p.Batch == "") {
			continue
		}
		left := a.leftBehind(p)
		if err := a.abandonProposal(p); err != nil {
			return err
		}
		if sequence > 0 && p.Kind != approval.File {
			if err := a.home.proposals().Reserve(p.Issuer, p.Network, sequence); err != nil {
				return err
			}
		}
		if a.ui.json {
			return a.ui.object(newApprovalJSON(p.Request, stateAbandoned, 0, ""))
		}
		a.ui.result("Dropped %s: %s", asked(p.Request), left)
		return nil
	}
	return hinted(fmt.Errorf("nothing with the name %s waits for other officers here", quoted(name)), "see what does: gradseal approve")
}

// leftBehind says what remains of a proposal that was dropped.
func (a *app) leftBehind(p *approval.Proposal) string {
	switch p.Kind {
	case approval.Batch:
		if far, err := a.standingOf(p); err == nil && far == outdated {
			return fmt.Sprintf("no status list names it, and the keys that signed its statement ended, so no verifier says VALID of it. Number %d is not used again", p.StatusList().Sequence)
		}
		return fmt.Sprintf("no status list names it. The signature of this home under its statement cannot be taken back, and is worth nothing without the others'. Number %d is not used again", p.StatusList().Sequence)
	case approval.List:
		left := fmt.Sprintf("this home's signature is not under it. Number %d is not used again", p.StatusList().Sequence)
		if p.Statement != nil {
			left += fmt.Sprintf(". Batch %s stays as it is signed, and no status list names it: while its keys are in force, %s", p.Batch, goOn)
		}
		return left
	}
	return "the signatures of this home did not leave it, and are gone"
}

// abandonProposal drops a proposal. A batch that enough officers signed is issued, and
// stays; a list that is to name it is not, and others may have lost their keys.
func (a *app) abandonProposal(p *approval.Proposal) error {
	if p.Kind == approval.Batch && p.IsIssued(a.fileOf(p), time.Now()) {
		return hinted(fmt.Errorf("batch %s %w", p.Batch, batch.ErrSigned), "%s", a.goOnWith(p))
	}
	if p.Kind != approval.File {
		if err := a.home.proposals().Reserve(p.Issuer, p.Network, p.StatusList().Sequence); err != nil {
			return err
		}
	}
	e := proposalEntry(p)
	e.Act = journal.Abandon
	if err := a.record(e); err != nil {
		return err
	}
	return a.home.proposals().Remove(p)
}

// abandonProposed drops the proposal of a batch whose plan is to be dropped, and
// says what remains.
func (a *app) abandonProposed(b *batch.Batch) (left string, err error) {
	p, err := a.proposalOf(b)
	if err != nil || p == nil {
		return "nothing of it was issued", err
	}
	left = a.leftBehind(p)
	return left, a.abandonProposal(p)
}

// stateProposed is the state of a batch whose plan is on disk, and whose statement
// waits for other officers.
const stateProposed = "proposed"

// stateOf says how far a batch has come.
func (a *app) stateOf(b *batch.Batch) (string, error) {
	p, err := a.proposalOf(b)
	if err != nil || p == nil || b.Statement != nil {
		return b.State().String(), err
	}
	return stateProposed, nil
}

// nextOf says what comes next for a batch.
func (a *app) nextOf(b *batch.Batch) (string, error) {
	p, err := a.proposalOf(b)
	if e, issuerErr := a.home.trust().Issuer(b.Issuer); issuerErr == nil {
		if dead, deadErr := isDead(e.File, b, time.Now()); deadErr == nil && dead {
			return "Next: nothing. It is signed by keys that ended since, and was sent nowhere. Its documents are issued again with: gradseal anchor --reissue " + argumentsOf(b), nil
		}
	}
	if err == nil && p == nil && b.State() == batch.Planned {
		var newest *trust.SignedList
		newest, _, err = a.home.trust().Status(b.Issuer, b.Network)
		if err == nil && newest != nil && newest.Next.IsZero() {
			return fmt.Sprintf("Next: nothing, for the newest status list of %s for %s is its last. The plan is dropped with: gradseal batches abandon %s", b.Issuer, b.Network, b.ID), nil
		}
	}
	if err != nil || p == nil || b.Statement != nil {
		return nextStep(b), err
	}
	return a.proposedStep(p), nil
}

// proposedStep says what comes next for a batch that was proposed.
func (a *app) proposedStep(p *approval.Proposal) string {
	if p.IsIssued(a.fileOf(p), time.Now()) {
		return "Next: " + goOn
	}
	return fmt.Sprintf("Next: have another officer sign %s (gradseal approve writes it again), then: gradseal approve %s. It is dropped with: gradseal batches abandon %s",
		p.Name()+requestSuffix, p.Name()+approvalSuffix, p.Batch)
}
