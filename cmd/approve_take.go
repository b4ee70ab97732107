package cmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gradseal/approval"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/journal"
)

// takeAnswer takes what another officer signed into the proposal that is open here.
func (a *app) takeAnswer(ctx context.Context, o approveOptions, path string, answer *approval.Request) error {
	p, err := a.pendingProposal(answer.Issuer, answer.Network)
	if err != nil {
		return err
	}
	if p == nil {
		return hinted(fmt.Errorf("%s: answers %s, which is not open here: it is in force already, or was abandoned", path, answer.Name()), "see what is open: gradseal approve")
	}
	if p.Kind == approval.Batch && p.IsIssued(a.fileOf(p), time.Now()) {
		return hinted(fmt.Errorf("%s: %s is signed by enough officers already", path, p.Name()), goOn)
	}
	next, err := p.Take(a.fileOf(p), time.Now(), answer)
	if err != nil {
		return answerFault(path, err)
	}
	p.Request = next
	if err := a.home.proposals().Save(p); err != nil {
		return err
	}
	switch p.Kind {
	case approval.Batch:
		return a.tookStatement(p, o.output)
	case approval.File:
		if err := a.finishFile(p, o.output); err != nil {
			return err
		}
		if err := a.reportInForce(p); err != nil {
			return err
		}
		// Only then is there something to publish.
		if err := a.finishKeyChange(ctx, p.IssuerFile(), o.passphraseFile, nil); err != nil {
			return err
		}
		a.ui.note("%s", publishIt)
		return nil
	default:
		officer, err := a.officer(p.Issuer, o.passphraseFile, time.Now())
		if err != nil {
			return err
		}
		if err := officer.finishList(ctx, p, o.output); err != nil {
			return err
		}
		if err := officer.endKeyChange(ctx); err != nil {
			return err
		}
	}
	return a.reportInForce(p)
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
	a.ui.note("Next: %s", goOn)
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
		a.ui.note("Next: %s", goOn)
	case p.Kind == approval.List:
		a.ui.note("%s", publishIt)
	}
	return nil
}

// publishIt says what is to be done about a list or a file that is in force.
const publishIt = "Next: publish it: gradseal issuer pack -o FILE, or gradseal status renew --publish DIR"

// askAgain lists what waits for other officers, and writes the requests again.
func (a *app) askAgain() error {
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	if len(pending) == 0 {
		a.ui.note("Nothing waits for other officers here.")
	}
	for _, p := range pending {
		if p.Kind == approval.Batch && p.IsIssued(a.fileOf(p), time.Now()) {
			if err := a.tookStatement(p, ""); err != nil {
				return err
			}
			continue
		}
		if p.Kind != approval.File {
			officer, err := a.officer(p.Issuer, "", time.Now())
			if err != nil {
				return err
			}
			if p, err = officer.fresh(p); err != nil {
				return err
			}
		}
		if err := a.ask(p, ""); !errors.As(err, new(waitingError)) {
			return err
		}
	}
	return nil
}

// runApproveAbandon drops a proposal that was made here.
func (a *app) runApproveAbandon(ctx context.Context, name string) error {
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
		if err := a.abandonProposal(p); err != nil {
			return err
		}
		if a.ui.json {
			return a.ui.object(newApprovalJSON(p.Request, stateAbandoned, 0, ""))
		}
		a.ui.result("Dropped %s: %s", asked(p.Request), leftBehind(p))
		return nil
	}
	return hinted(fmt.Errorf("nothing with the name %s waits for other officers here", quoted(name)), "see what does: gradseal approve")
}

// leftBehind says what remains of a proposal that was dropped.
func leftBehind(p *approval.Proposal) string {
	switch p.Kind {
	case approval.Batch:
		return fmt.Sprintf("no status list names it. The signature of this home under its statement cannot be taken back, and is worth nothing without the others'. Number %d is not used again", p.StatusList().Sequence)
	case approval.List:
		return fmt.Sprintf("this home's signature is not under it. Number %d is not used again", p.StatusList().Sequence)
	}
	return "the signatures of this home did not leave it, and are gone"
}

// abandonProposal drops a proposal. A batch that enough officers signed is issued,
// and stays.
func (a *app) abandonProposal(p *approval.Proposal) error {
	if p.Statement != nil && p.IsIssued(a.fileOf(p), time.Now()) {
		return hinted(fmt.Errorf("batch %s %w", p.Batch, batch.ErrSigned), goOn)
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
	return leftBehind(p), a.abandonProposal(p)
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
