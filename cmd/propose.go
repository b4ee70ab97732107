package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gradseal/approval"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/journal"
	"gradseal/trust"
)

// proposalsName is the directory of what waits for other officers.
const proposalsName = "proposals"

func (h home) proposals() *approval.Store {
	return approval.Open(filepath.Join(h.dir, proposalsName))
}

// The ends of the names of what officers hand to each other.
const (
	requestSuffix  = ".request"
	approvalSuffix = ".approval"
)

// waitingError ends a command that did what it can, and waits for other officers.
// What they are asked was printed already; the exit code is 0.
type waitingError struct{ name string }

func (e waitingError) Error() string { return e.name + " waits for other officers" }

// known is what this home trusts of an issuer: approval.Known.
func (a *app) known(id string, n bitcoin.Network, now time.Time) (approval.Known, error) {
	k := approval.Known{Now: now}
	e, err := a.home.trust().Issuer(id)
	if errors.Is(err, trust.ErrUnknownIssuer) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	k.File = e.File
	if n == 0 {
		return k, nil
	}
	newest, _, err := a.home.trust().Status(id, n)
	if err != nil || newest == nil {
		return k, err
	}
	k.List = newest.StatusList
	fork, err := a.home.trust().Fork(id, n)
	if fork != nil {
		k.Fork = fork.StatusList
	}
	return k, err
}

// pendingProposal returns what waits for other officers to sign, for an issuer on a
// network, or its issuer file where there is no network; nil where nothing does.
func (a *app) pendingProposal(id string, n bitcoin.Network) (*approval.Proposal, error) {
	p, err := a.home.proposals().Proposal(id, n)
	if err != nil || p == nil {
		return nil, err
	}
	k, err := a.known(id, n, time.Now())
	if err != nil || p.IsInForce(k) { // the process was killed before it could remove it
		return nil, err
	}
	return p, nil
}

// pendingProposals returns all that waits for other officers.
func (a *app) pendingProposals() ([]*approval.Proposal, error) {
	all, err := a.home.proposals().All()
	var pending []*approval.Proposal
	for _, p := range all {
		p, err := a.pendingProposal(p.Issuer, p.Network)
		if err != nil {
			return nil, err
		}
		if p != nil {
			pending = append(pending, p)
		}
	}
	return pending, err
}

// saveStatements puts the statements on disk that enough officers signed: these batches
// are issued, whatever became of their documents since, and go on like those that one
// officer signs. The caller holds the lock.
func (a *app) saveStatements() error {
	pending, err := a.pendingProposals()
	if err != nil {
		return err
	}
	for _, p := range pending {
		if p.Kind != approval.Batch || !p.IsIssued(a.fileOf(p), time.Now()) {
			continue
		}
		b, err := a.findBatch(p.Batch)
		if err != nil {
			return err
		}
		if b.Statement != nil {
			continue
		}
		a.ui.note("Signing batch %s: %s, %s", b.ID, count(len(b.Documents), "document"), signedBy(p, a.fileOf(p)))
		if err := b.SaveStatement(p.Statement); err != nil {
			return err
		}
	}
	return nil
}

// proposalOf returns the proposal of a batch, nil where there is none.
func (a *app) proposalOf(b *batch.Batch) (*approval.Proposal, error) {
	p, err := a.pendingProposal(b.Issuer, b.Network)
	if err != nil || p == nil || p.Batch != b.ID {
		return nil, err
	}
	return p, nil
}

// errPending says that a proposal has to be finished first: two status lists with
// one sequence number would be a fork.
func (a *app) errPending(p *approval.Proposal) error {
	far, err := a.standingOf(p)
	what := asked(p.Request)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", p.Name(), err)
	case far == approved:
		return hinted(fmt.Errorf("%s is signed by enough officers, and not finished: nothing else of %s is signed meanwhile", what, p.Issuer), "%s", a.finishWith(p))
	case far == outdated && p.Statement != nil:
		return hinted(fmt.Errorf("%s waits, and is signed by keys that ended since: nothing else of %s is signed meanwhile", what, p.Issuer), "%s", a.againWith(p))
	case far == unfinished:
		return hinted(fmt.Errorf("%s is signed by enough others, and not by this home: nothing else of %s is signed meanwhile", what, p.Issuer), "sign it: gradseal approve. It is dropped with: gradseal approve --abandon %s", p.Name())
	}
	return hinted(fmt.Errorf("%s waits for other officers: nothing else of %s is signed meanwhile", p.Name(), p.Issuer),
		"take in their answer: gradseal approve %s. What is asked of them is written again by: gradseal approve. It is dropped, and nothing of it comes into force, with: gradseal approve --abandon %s", p.Name()+approvalSuffix, p.Name())
}

// ownPublic returns those of the keys that this home has the secrets of, by what
// it knows without opening them.
func (a *app) ownPublic(id string, among []issuer.Key) ([]issuer.PublicKey, error) {
	own, err := a.keysOf(id)
	var public []issuer.PublicKey
	for _, k := range own {
		if key, ok := k.in(among); ok {
			public = append(public, key.Public)
		}
	}
	return public, err
}

// signers are the officer's open keys.
func (o *officer) signers() []issuer.Signer {
	signers := make([]issuer.Signer, len(o.open))
	for i, k := range o.open {
		signers[i] = k
	}
	return signers
}

// suffices reports whether the signatures of this home's keys alone are enough.
func (o *officer) suffices() bool {
	set := o.file.InForce(o.now)
	return set == nil || len(o.open) >= set.Threshold // where none is in force, the trust store refuses what is signed
}

// proposeBatch keeps a statement that this home signed, and the status list that is
// to name the batch, and asks the other officers. The plan is on disk.
func (r *anchorRun) proposeBatch(b *batch.Batch, statement []byte) error {
	newest, err := r.officer.newest(r.network)
	if err != nil {
		return err
	}
	next, err := r.officer.nextList(newest, r.network)
	if err != nil {
		return err
	}
	next.AddAllWithdrawn(b.Withdrawals)
	request, err := r.officer.listRequest(approval.Batch, newest, next)
	if err != nil {
		return err
	}
	request.Batch, request.Statement = b.ID, statement
	entry := journal.Entry{Act: journal.List}
	r.noteWithdrawn(b, &entry)
	p, err := newProposal(request, entry)
	if err != nil {
		return err
	}
	return r.officer.propose(p, r.requestFile, entry.About...)
}

// proposeList asks other officers to sign a status list. The journal keeps the
// names of the documents that e is about with the proposal, and the proposal has
// none.
func (o *officer) proposeList(newest *trust.SignedList, next *issuer.StatusList, e journal.Entry) error {
	request, err := o.listRequest(approval.List, newest, next)
	if err != nil {
		return err
	}
	if added := approval.Compare(baseOf(newest), next).Batches; e.Act == journal.List && e.Batch != "" && len(added) == 1 {
		b, err := o.findBatch(e.Batch)
		if err != nil {
			return err
		}
		request.Batch, request.Statement = b.ID, b.Statement
	}
	p, err := newProposal(request, e)
	if err != nil {
		return err
	}
	return o.propose(p, o.requestFile, e.About...)
}

// baseOf is the list without its signatures; nil where there is none.
func baseOf(l *trust.SignedList) *issuer.StatusList {
	if l == nil {
		return nil
	}
	return l.StatusList
}

// askIn has the request for other officers written to a file, which holds one: lists
// of several networks are requests of their own.
func (o *officer) askIn(path string, networks int) error {
	if path != "" && networks > 1 {
		return hinted(errors.New("--request names one file, and the lists of several networks are to be signed"), "do one after another, with --network")
	}
	o.requestFile = path
	return nil
}

// listRequest is a request about a status list.
func (o *officer) listRequest(kind approval.Kind, newest *trust.SignedList, next *issuer.StatusList) (approval.Request, error) {
	text, err := next.Text()
	if err != nil {
		return approval.Request{}, err
	}
	e, err := o.home.trust().Issuer(o.file.ID)
	r := approval.Request{Kind: kind, Issuer: o.file.ID, Network: next.Network, Proposer: o.open[0].PublicKey(), List: []byte(text), Trusted: e.Data}
	if newest != nil {
		r.Base = newest.Data
	}
	return r, err
}

// newProposal is a proposal with what the journal says once it is in force.
func newProposal(r approval.Request, e journal.Entry) (*approval.Proposal, error) {
	request, err := approval.New(r)
	if err != nil {
		return nil, err
	}
	return &approval.Proposal{Request: request, Act: string(e.Act), Reason: e.Reason, Count: e.Count}, nil
}

// propose keeps a proposal about a status list, and asks the other officers. A kill
// after the journal's entry leaves one about a proposal that nobody heard of: the
// same command makes it again.
func (o *officer) propose(p *approval.Proposal, path string, about ...journal.Subject) error {
	e := proposalEntry(p)
	e.Act, e.Reason, e.About = journal.Propose, p.Reason, about
	if err := o.record(e); err != nil {
		return err
	}
	if err := o.home.proposals().Save(p); err != nil {
		return err
	}
	return o.ask(p, path)
}

// proposalEntry is what the journal says of a proposal.
func proposalEntry(p *approval.Proposal) journal.Entry {
	e := journal.Entry{Act: journal.Act(p.Act), Issuer: p.Issuer, Batch: p.Batch, Count: p.Count}
	text := sha256.Sum256([]byte(p.Subject()))
	e.Text = hex.EncodeToString(text[:])
	if p.Kind == approval.File {
		e.Sequence = p.IssuerFile().Sequence
		return e
	}
	e.Network, e.Sequence = p.Network.String(), p.StatusList().Sequence
	return e
}

// ask writes the request to a file, again where it was written before, and says
// what to do with it. An empty path is the usual one. It returns waitingError.
func (a *app) ask(p *approval.Proposal, path string) error {
	request := p.Request
	if p.Kind == approval.Batch {
		var err error
		if request, err = a.withEntries(p); err != nil {
			return err
		}
	}
	request, err := a.withWithdrawn(request)
	if err != nil {
		return err
	}
	if path == "" {
		path = p.Name() + requestSuffix
	}
	if err := a.writeRequest(path, request); err != nil {
		return err
	}
	k, err := a.known(p.Issuer, p.Network, time.Now())
	if err != nil {
		return err
	}
	missing, err := a.missing(p, k)
	if err != nil {
		return err
	}
	if err := a.reportWaiting(request, path, missing); err != nil {
		return err
	}
	return waitingError{p.Name()}
}

// missing is how many signatures of others a proposal needs. The statement is
// signed here first, everything else here last.
func (a *app) missing(p *approval.Proposal, k approval.Known) (int, error) {
	own, err := a.ownPublic(p.Issuer, p.MaySign(k.File, k.Now))
	if err != nil {
		return 0, err
	}
	if p.Own != nil {
		n, err := issuer.ParseDraft(p.Own, issuer.MaxFile)
		if err != nil {
			return 0, err
		}
		signed, err := p.IssuerFile().SignedBy(n)
		if err != nil {
			return 0, err
		}
		for _, key := range signed {
			own = append(own, key.Public)
		}
	}
	return p.Missing(k.File, k.Now, own...)
}

// withEntries adds the rows of the batch's plan, from which the others build the
// tree anew.
func (a *app) withEntries(p *approval.Proposal) (*approval.Request, error) {
	b, err := a.findBatch(p.Batch)
	if err != nil {
		return nil, err
	}
	if n := len(b.Documents); n > approval.MaxEntries {
		return nil, fmt.Errorf("batch %s has %s, and others can approve at most %s: make several of it", b.ID, count(n, "document"), number(approval.MaxEntries))
	}
	r := *p.Request
	r.Entries = make([]byte, 0, approval.EntrySize*len(b.Documents))
	for _, d := range b.Documents {
		r.Entries = append(append(r.Entries, d.Salt[:]...), d.Digest[:]...)
	}
	request, err := approval.New(r)
	if err == nil {
		err = request.CheckTree()
	}
	return request, err
}

// withWithdrawn adds the documents that the status list of a request withdraws, as
// far as this home has them: the list itself has only numbers.
func (a *app) withWithdrawn(request *approval.Request) (*approval.Request, error) {
	if request.StatusList() == nil {
		return request, nil
	}
	changes := approval.Compare(request.BaseList(), request.StatusList())
	wanted := make(map[[32]byte]bool)
	for _, w := range slices.Concat(changes.Withdrawn, changes.Corrected) {
		wanted[w.ID] = true
	}
	if len(wanted) == 0 {
		return request, nil
	}
	all, err := a.home.batches().List()
	if err != nil {
		return nil, err
	}
	r := *request
	for _, b := range all {
		for _, d := range b.Documents {
			row := approval.Document{Name: filepath.Base(d.Path), Salt: d.Salt, Digest: d.Digest}
			if d.Forgotten || !wanted[row.WithdrawalID()] {
				continue
			}
			delete(wanted, row.WithdrawalID())
			if row.Name = safe(row.Name); len(row.Name) > approval.MaxName {
				row.Name = strings.ToValidUTF8(row.Name[:approval.MaxName], "")
			}
			r.Withdrawn = append(r.Withdrawn, row)
		}
	}
	return approval.New(r)
}

// writeRequest writes a request or an answer, readable by its owner only. It
// replaces an earlier one of the same issuer, from who proposes this one or from this
// home, and no other file: two officers may work in one folder. An earlier one from a key
// that ended is of no use any more.
func (a *app) writeRequest(path string, r *approval.Request) error {
	old, err := readCapped(path, approval.MaxRequest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		was, err := approval.Parse(old)
		if err != nil || was.Issuer != r.Issuer {
			return fmt.Errorf("%s: exists and is no request of %s: it was not overwritten", path, r.Issuer)
		}
		k, err := a.known(r.Issuer, 0, time.Now())
		if err != nil {
			return err
		}
		own, err := a.ownPublic(r.Issuer, []issuer.Key{{Public: was.Proposer}})
		if err != nil {
			return err
		}
		if was.Proposer != r.Proposer && len(own) == 0 && slices.ContainsFunc(r.MaySign(k.File, k.Now), isKey(was.Proposer)) {
			return hinted(fmt.Errorf("%s: exists, and is about what another officer proposes: it was not overwritten", path),
				"move it away, or run this in another folder, or name another file: --request FILE where you propose, -o FILE where you approve")
		}
	}
	data, err := r.Marshal()
	if err != nil {
		return err
	}
	if bytes.Equal(old, data) {
		return nil
	}
	return atomicfile.WriteFile(path, data, 0o600)
}

// refuseFile refuses to sign anything while an issuer file waits for other officers:
// keys that sign now may end with it.
func (a *app) refuseFile(id string) error {
	p, err := a.pendingProposal(id, 0)
	if err != nil || p == nil {
		return err
	}
	return a.errPending(p)
}

// refuseProposed refuses to issue anything while something else of the issuer waits
// for other officers.
func (r *anchorRun) refuseProposed(plan *batch.Plan) error {
	p, err := r.pendingProposal(r.issuer, r.network)
	if err != nil {
		return err
	}
	// The keys that sign may be about to end. What enough of them signed goes on.
	if p == nil || !slices.ContainsFunc(plan.Resume, func(b *batch.Batch) bool { return b.ID == p.Batch && p.IsIssued(r.fileOf(p), r.now) }) {
		if unsigned(plan) > 0 {
			err = r.refuseFile(r.issuer)
		}
	}
	if err != nil || p == nil {
		return err
	}
	other := func(b *batch.Batch) bool { return b.State() == batch.Planned && b.ID != p.Batch }
	stale := func(b *batch.Batch) bool { return b.ID == p.Batch }
	if plan.Fresh() > 0 || slices.ContainsFunc(plan.Resume, other) || slices.ContainsFunc(plan.Stale, stale) {
		return r.errPending(p)
	}
	return nil
}

// dropOutdated drops the proposal of a batch whose statement was signed by keys that
// ended since, and returns nil for it: the keys in force sign the batch anew. No
// status list names what was signed before, and none will.
func (r *anchorRun) dropOutdated(p *approval.Proposal) (*approval.Proposal, error) {
	far, err := r.standingOf(p)
	if err != nil || far != outdated {
		return p, err
	}
	r.ui.note("Batch %s was signed by keys that ended since: it is signed anew, by those of issuer file %d", p.Batch, r.officer.file.Sequence)
	return nil, r.abandonProposal(p)
}

// proposed asks other officers again about a batch whose statement not enough of them
// signed.
func (r *anchorRun) proposed(p *approval.Proposal) error {
	p, err := r.officer.fresh(p)
	if err != nil {
		return err
	}
	return r.ask(p, r.requestFile)
}

// fresh returns the proposal, made anew where its status list was overtaken: by one
// that was taken in here since, or by another officer's that this home signed.
func (o *officer) fresh(p *approval.Proposal) (*approval.Proposal, error) {
	o.joining = p.Kind == approval.List
	newest, err := o.newest(p.Network)
	if err != nil {
		return nil, err
	}
	k, err := o.known(p.Issuer, p.Network, o.now)
	if err != nil {
		return nil, err
	}
	err = p.CheckList(k)
	if _, signersErr := p.Signers(k.File, k.Now); err == nil && errors.Is(signersErr, issuer.ErrNotInForce) {
		err = fmt.Errorf("%w: the keys that signed it ended", approval.ErrStale)
	}
	used, usedErr := o.home.proposals().Numbers(p.Issuer, p.Network)
	switch {
	case usedErr != nil:
		return nil, usedErr
	case err == nil && used.Signed < p.StatusList().Sequence, err == nil && used.Text == sha256.Sum256(listText(p.Request)):
		return p, nil
	case err != nil && !errors.Is(err, approval.ErrStale):
		return nil, fmt.Errorf("%s: %w", p.Name(), err)
	}
	return o.renewed(p, newest)
}

// listText is the text of a request's status list.
func listText(p *approval.Request) []byte {
	text, err := p.StatusList().Text()
	if err != nil {
		panic("cmd: a status list that was read has no text: " + err.Error())
	}
	return []byte(text)
}

// renewed makes the status list of a proposal anew, with the next number. Its
// statement stays as it is signed.
func (o *officer) renewed(p *approval.Proposal, newest *trust.SignedList) (*approval.Proposal, error) {
	// Others may have signed the list that was overtaken.
	if err := o.home.proposals().Reserve(p.Issuer, p.Network, p.StatusList().Sequence); err != nil {
		return nil, err
	}
	next, err := o.nextList(newest, p.Network)
	if err != nil {
		return nil, err
	}
	approval.Compare(p.BaseList(), p.StatusList()).Apply(next)
	text, err := next.Text()
	if err != nil {
		return nil, err
	}
	o.ui.note("Status list %d was overtaken: list %d takes its place", p.StatusList().Sequence, next.Sequence)
	r := *p.Request
	if p.IsIssued(o.file, o.now) {
		r.Kind = approval.List
	}
	e, err := o.home.trust().Issuer(o.file.ID)
	if err != nil {
		return nil, err
	}
	r.List, r.Base, r.Trusted = []byte(text), nil, e.Data
	if newest != nil {
		r.Base = newest.Data
	}
	again := *p
	if again.Request, err = approval.New(r); err != nil {
		return nil, err
	}
	return &again, o.home.proposals().Save(&again)
}

// listProposed puts the status list of a proposed batch into force, once its
// statement is on disk.
func (r *anchorRun) listProposed(ctx context.Context, b *batch.Batch) error {
	p, err := r.proposalOf(b)
	if err != nil || p == nil {
		return err
	}
	return r.officer.finishList(ctx, p, r.requestFile)
}

// finishList adds the signatures of this home, which come last, to a status list
// that enough others signed, and puts it into force. Where others are still needed
// it asks them, and returns waitingError.
func (o *officer) finishList(ctx context.Context, p *approval.Proposal, path string) error {
	p, err := o.fresh(p)
	if err != nil {
		return err
	}
	missing, err := o.missing(p, approval.Known{File: o.file, Now: o.now})
	if err != nil {
		return err
	}
	if missing > 0 {
		if p, err = o.secondRound(p); err != nil {
			return err
		}
		return o.ask(p, path)
	}
	if err := o.openKeys(ctx, p.Network); err != nil {
		return err
	}
	signed, err := issuer.SignDraft(p.List, issuer.MaxStatus, o.signers()...)
	if err != nil {
		return err
	}
	_, note, err := issuer.ParseStatus(signed)
	if err != nil {
		return err
	}
	if _, err := o.file.CheckSignatures(note, time.Now()); err != nil {
		return fmt.Errorf("%s: %w", p.Name(), err)
	}
	sum := sha256.Sum256([]byte(note.Text))
	if err := o.home.proposals().Sign(p.Issuer, p.Network, p.StatusList().Sequence, sum); err != nil {
		return err
	}
	e := proposalEntry(p)
	e.Text = hex.EncodeToString(sum[:])
	if p.Statement != nil {
		root := p.BatchRoot()
		e.Root = hex.EncodeToString(root[:])
	}
	if err := o.record(e); err != nil {
		return err
	}
	if _, err := o.importStatus(signed); err != nil {
		return err
	}
	return o.home.proposals().Remove(p)
}

// secondRound turns the proposal of a batch whose statement enough officers signed,
// and whose status list not enough of them, into one about the list alone.
func (o *officer) secondRound(p *approval.Proposal) (*approval.Proposal, error) {
	if p.Kind != approval.Batch {
		return p, nil
	}
	r := *p.Request
	r.Kind = approval.List
	request, err := approval.New(r)
	if err != nil {
		return nil, err
	}
	again := *p
	again.Request = request
	return &again, o.home.proposals().Save(&again)
}

// proposeFile keeps an issuer file that other officers have to sign too, with the
// signatures of this home, which do not leave it, and asks them. e is what the
// journal says once it is in force. out is the file to write; empty: the usual
// one. The same file again is no error; the caller holds the lock. It returns
// waitingError.
func (a *app) proposeFile(_ context.Context, next *issuer.File, signed []byte, e journal.Entry, out string) error {
	text, err := next.Text()
	if err != nil {
		return err
	}
	n, err := issuer.ParseDraft(signed, issuer.MaxFile)
	if err != nil {
		return err
	}
	by, err := next.SignedBy(n)
	if err != nil {
		return err
	}
	if len(by) == 0 {
		return fmt.Errorf("issuer file %d of %s: no key of this home signed it", next.Sequence, next.ID)
	}
	open, err := a.pendingProposal(next.ID, 0)
	switch {
	case err != nil:
		return err
	case open != nil && open.Subject() == text:
		return a.ask(open, out)
	case open != nil:
		return a.errPending(open)
	}
	p, err := newProposal(approval.Request{Kind: approval.File, Issuer: next.ID, Proposer: by[0].Public, File: []byte(text)}, e)
	if err != nil {
		return err
	}
	p.Own = signed
	if err := a.home.proposals().Save(p); err != nil {
		return err
	}
	e = proposalEntry(p)
	e.Act = journal.Propose
	if err := a.record(e); err != nil {
		return err
	}
	return a.ask(p, out)
}

// finishFile joins the signatures of an issuer file, and puts it into force where
// they are enough; otherwise it asks further officers, and returns waitingError.
func (a *app) finishFile(p *approval.Proposal, path string) error {
	if err := a.mayChangeKeys(p.Issuer); err != nil { // it was restored since
		return err
	}
	k, err := a.known(p.Issuer, 0, time.Now())
	if err != nil {
		return err
	}
	missing, err := a.missing(p, k)
	if err != nil {
		return err
	}
	if missing > 0 {
		return a.ask(p, path)
	}
	signed, err := p.Join()
	if err != nil {
		return err
	}
	if _, err := a.home.trust().Plan(signed); err != nil {
		return err
	}
	if err := a.record(proposalEntry(p)); err != nil {
		return err
	}
	if _, err := a.home.trust().Add(signed); err != nil {
		return err
	}
	return a.home.proposals().Remove(p)
}
