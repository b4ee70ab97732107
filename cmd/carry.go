package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/btcsuite/btcd/wire/v2"

	"gradseal/anchor"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// carrier takes signed batches of one network to a block, and their proofs with
// them. Each step is on disk and synced before the next one begins, so that the
// next run goes on where this one was stopped.
type carrier struct {
	*app
	network       bitcoin.Network
	confirmations uint32         // that a block needs before proofs carry it
	batches       []*batch.Batch // all of the home
	release       func()         // lets go of the home's lock

	calendars *calendars          // nil where none may be asked
	submits   bool                // batches are submitted to them
	news      map[string][]string // what calendars said of batches when they were asked last, by batch
	warned    map[string]bool     // what was warned of in this run
	beyond    map[string]uint64   // block of a calendar that the header chain does not reach, by batch
	strangers []string            // calendars that may not be asked
	dead      map[string]bool     // calendars that did not answer, or late, in this round

	backend anchor.Backend // nil where only calendars are used
	node    anchor.Node    // nil for the embedded node, which keeps its headers itself
	way     nodeOptions    // to the node
	synced  bool           // the header chain was brought up to the node's
	money   moneyOptions
	agreed  string         // coins and fee that were shown, and agreed to where it is real money
	rate    anchor.FeeRate // of this run, once the node was asked
	rewrite bool           // proofs that were written are looked at again

	fee     int64    // satoshi, of the transactions made in this run
	proofs  int      // written in this run
	answers []string // to shard files, written in this run

	answerless int // shard files that got none, and should have
}

// carry takes a signed batch as far as it goes now. Where that is not to the
// end there is no error: the batch's state says what it waits for.
func (c *carrier) carry(ctx context.Context, b *batch.Batch) error {
	if c.backend != nil && len(b.Requests) == 0 {
		if err := c.request(ctx, b); err != nil {
			return err
		}
	}
	if c.backend != nil && b.Newest() < 0 && len(b.Found) == 0 && b.Attestation == nil {
		if err := c.signFirst(ctx, b); err != nil {
			return err
		}
	}
	var unstamped error
	if c.submits && (b.Calendars == nil || c.isOverdue(b, time.Now())) {
		unstamped = c.stamp(ctx, b) // what it lacks does not hold up the transaction
	}
	return errors.Join(c.follow(ctx, b), unstamped)
}

// request makes the transaction, after every proof was judged as a stranger
// will judge it, and stores it before anybody signs it.
func (c *carrier) request(ctx context.Context, b *batch.Batch) error {
	if err := c.judge(ctx, b); err != nil {
		return err
	}
	order, err := c.order(ctx, b)
	if err != nil {
		return err
	}
	request, err := c.backend.Fund(ctx, order)
	if err != nil {
		return err
	}
	return save(b, request)
}

// order is what the transaction of a batch is wanted for.
func (c *carrier) order(ctx context.Context, b *batch.Batch) (anchor.Order, error) {
	var root [32]byte // of a batch that is not signed yet
	if b.Statement != nil {
		var err error
		if root, err = b.Root(); err != nil {
			return anchor.Order{}, err
		}
	}
	reserved, err := c.reserved(b)
	if err != nil {
		return anchor.Order{}, err
	}
	inputs, err := c.money.outPoints()
	if err != nil {
		return anchor.Order{}, err
	}
	rate, err := c.feeRate(ctx)
	return anchor.Order{Root: root, Rate: rate, MaxFee: c.money.maxFee, Reserved: reserved, Inputs: inputs}, err
}

func save(b *batch.Batch, request *anchor.Request) error {
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	return b.SaveRequest(data)
}

// requestOf reads a version of the batch's transaction.
func requestOf(b *batch.Batch, index int) (*anchor.Request, error) {
	request, err := anchor.ParseRequest(b.Requests[index])
	if err != nil {
		return nil, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	return request, nil
}

// signFirst has the transaction signed that no version of is. An earlier run may
// have made the request; what this one is told about fee and coins holds.
func (c *carrier) signFirst(ctx context.Context, b *batch.Batch) error {
	request, err := requestOf(b, len(b.Requests)-1)
	if err != nil {
		return err
	}
	if err := c.sameInputs(b, request); err != nil {
		return err
	}
	given, err := c.money.rate()
	if err != nil {
		return err
	}
	if given != 0 && c.node != nil {
		wanted, err := request.WithRate(given, c.money.maxFee)
		if err != nil {
			return err
		}
		index, err := versionOf(b, wanted)
		if err != nil {
			return err
		}
		if index < 0 {
			index = len(b.Requests)
			err = save(b, wanted)
		}
		if err != nil {
			return err
		}
		return c.signVersion(ctx, b, index)
	}
	return c.signVersion(ctx, b, len(b.Requests)-1)
}

// sameInputs fails where coins are named and a stored request spends others.
func (c *carrier) sameInputs(b *batch.Batch, request *anchor.Request) error {
	named, err := c.money.outPoints()
	if err != nil {
		return err
	}
	for _, coin := range request.Coins() {
		if len(named) > 0 && !slices.Contains(named, coin.OutPoint) {
			return hinted(fmt.Errorf("batch %s has a transaction already, which spends %s", b.ID, coin.OutPoint), "leave --input out")
		}
	}
	return nil
}

// signVersion shows what a version costs, asks where it is real money, has it
// signed and stores the transaction before it is sent. With --psbt-out somebody
// else signs, and the version stays open.
func (c *carrier) signVersion(ctx context.Context, b *batch.Batch, index int) error {
	request, err := requestOf(b, index)
	if err != nil {
		return err
	}
	if c.node != nil {
		if err := c.spend(ctx, request); err != nil {
			return err
		}
	}
	if c.money.psbtOut != "" {
		if err := c.lockCoins(ctx, request); err != nil {
			return err
		}
		return c.writePSBT(b.Requests[index])
	}
	raw, err := c.backend.Sign(ctx, request)
	if err != nil {
		return err
	}
	c.fee += request.Fee()
	if err := b.SaveTransaction(index, raw); err != nil {
		return err
	}
	return c.recordSteps(b, false)
}

// reserved are the coins of the transactions of other batches, of those that are
// in a block too: it may leave the chain.
func (c *carrier) reserved(but *batch.Batch) ([]wire.OutPoint, error) {
	var all []wire.OutPoint
	for _, b := range c.batches {
		if b.Network != c.network || b.ID == but.ID {
			continue
		}
		for i := range b.Requests {
			request, err := requestOf(b, i)
			if err != nil {
				return nil, err
			}
			for _, coin := range request.Coins() {
				all = append(all, coin.OutPoint)
			}
		}
	}
	return all, nil
}

// follow looks where the transaction of a batch is, sends it again where it is
// nowhere, and brings the proofs into line: pending until the block is deep
// enough.
func (c *carrier) follow(ctx context.Context, b *batch.Batch) (err error) {
	if err := c.recordSteps(b, true); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.recordSteps(b, false)) }()
	was := b.Attestation
	var lost error
	switch {
	case c.backend != nil && hasTransaction(b):
		lost = c.locate(ctx, b)
	case c.backend == nil && b.Attestation != nil:
		lost = c.dropReplaced(b)
	}
	if was != nil && (b.Attestation == nil || b.Attestation.Header != was.Header) {
		c.ui.warn("batch %s: block %d, %s, has left the chain (a reorganisation): its proofs are pending again until the transaction is deep enough in another block", b.ID, was.Height, was.Header.Hash())
	}
	if lost == nil && b.Attestation != nil {
		lost = c.settle(ctx, b)
	}
	if b.Calendars != nil {
		lost = errors.Join(lost, c.followCalendars(ctx, b))
	}
	if b.State() < batch.Funded || b.IsWritten() && !c.rewrite {
		return lost
	}
	return errors.Join(lost, c.writeProofs(ctx, b))
}

// hasTransaction reports whether there is a transaction to follow.
func hasTransaction(b *batch.Batch) bool { return len(b.Requests)+len(b.Found) > 0 }

// isUnsigned reports whether all versions of a batch's transaction wait for their
// signature, whatever calendars have done meanwhile.
func isUnsigned(b *batch.Batch) bool {
	return len(b.Requests) > 0 && b.Newest() < 0 && len(b.Found) == 0 && b.Attestation == nil
}

// locate finds the block of a batch's transaction. A batch that has one keeps it
// for as long as the header chain does.
func (c *carrier) locate(ctx context.Context, b *batch.Batch) error {
	if b.Attestation != nil {
		holds, err := c.holds(ctx, b.Attestation)
		if holds || err != nil {
			return err
		}
		if err := b.DropAttestation(); err != nil { // whatever is found out next, that is no evidence
			return err
		}
	}
	found, err := c.attest(ctx, b)
	if err == nil && found == nil && b.Newest() >= 0 {
		if err := c.submit(ctx, b); err != nil {
			return err
		}
		found, err = c.attest(ctx, b) // the embedded node puts it into a block at once
	}
	if err != nil || found == nil {
		return err
	}
	return b.SaveAttestation(found)
}

// dropReplaced forgets the block of a batch's transaction where the header chain
// has another one at its height. Where the transaction is now, no node is there to
// say.
func (c *carrier) dropReplaced(b *batch.Batch) error {
	chain, err := c.openHeaders(c.network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer chain.Close()
	if b.Attestation.Height > chain.Height() {
		return nil
	}
	h, err := chain.At(b.Attestation.Height)
	if errors.Is(err, headers.ErrNotHeld) || h == b.Attestation.Header {
		return nil
	}
	if err != nil {
		return err
	}
	return b.DropAttestation()
}

// attest asks for the block of every version of the transaction, whoever signed
// it: whichever is in one is the one that counts.
func (c *carrier) attest(ctx context.Context, b *batch.Batch) (*proof.Bitcoin, error) {
	since := notBelow(b)
	for i := range slices.Backward(b.Requests) {
		request, err := requestOf(b, i)
		if err != nil {
			return nil, err
		}
		if found, err := c.backend.Attest(ctx, request.Unsigned(), since); found != nil || err != nil {
			return found, err
		}
	}
	for _, stripped := range b.Found {
		if found, err := c.backend.Attest(ctx, stripped, since); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// notBelow is a height below which the batch's transaction cannot be: the
// statement was made after a block that was the newest then, and no deeper
// reorganisation is followed.
func notBelow(b *batch.Batch) uint32 {
	s, _, err := issuer.ParseStatement(b.Statement)
	if err != nil || s.After == nil || s.After.Height < headers.MaxReplaced {
		return 0
	}
	return s.After.Height - headers.MaxReplaced
}

// submit sends the newest version of the transaction that the network takes. One
// that others made for the same root, from the same coin, is taken over.
func (c *carrier) submit(ctx context.Context, b *batch.Batch) error {
	var first error
	for _, raw := range slices.Backward(b.Transactions) {
		if raw == nil {
			continue
		}
		err := c.backend.Submit(ctx, raw)
		if err == nil {
			return nil
		}
		if adopted, adoptErr := c.adopt(ctx, b, err); adopted || adoptErr != nil {
			return adoptErr
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		return nil
	}
	first = fmt.Errorf("batch %s: %w", b.ID, first)
	switch {
	case b.IsOpen() && (errors.Is(first, anchor.ErrSpent) || errors.Is(first, anchor.ErrNoCoin)):
		return nil // a version from another coin waits for its signature
	case errors.Is(first, anchor.ErrSpent):
		return hinted(first, "wait whether that transaction gets into a block; if it does, take another coin: gradseal bump --other-coin %s", b.ID)
	case errors.Is(first, anchor.ErrNoCoin):
		return hinted(first, "is it the right node, and has it all blocks? If the coin is gone for good, take another: gradseal bump --other-coin %s", b.ID)
	}
	return first
}

// adopt takes over the transaction that spent a coin of the batch, where it is
// one of the batch's own that was sent elsewhere, or commits to the batch root:
// whoever replaced the batch's own, from a wallet or from another copy of this
// home, has anchored the batch.
func (c *carrier) adopt(ctx context.Context, b *batch.Batch, refused error) (bool, error) {
	if c.node == nil {
		return false, nil
	}
	spent, err := c.spentBy(ctx, b, refused)
	if err != nil || spent == nil {
		return false, err
	}
	for i := range b.Requests {
		request, err := requestOf(b, i)
		if err != nil {
			return false, err
		}
		if request.ID() == spent.By {
			return true, nil
		}
	}
	root, err := b.Root()
	if err != nil {
		return false, err
	}
	stripped, err := c.spender(ctx, spent)
	if errors.Is(err, anchor.ErrUnknownTx) {
		return false, nil
	}
	if err != nil || !anchor.Commits(stripped, root) {
		return false, err
	}
	had := len(b.Found)
	if err := b.SaveFound(stripped); err != nil {
		return false, err
	}
	if len(b.Found) > had {
		c.ui.warn("batch %s: its transaction was replaced, not from this home, by %s, which commits to the same root and counts as well", b.ID, spent.By)
	}
	return true, nil
}

// spentBy finds the transaction for which the node refused one of the batch's.
func (c *carrier) spentBy(ctx context.Context, b *batch.Batch, refused error) (*anchor.SpentError, error) {
	var spent *anchor.SpentError
	if errors.As(refused, &spent) && spent.By != (bitcoin.Hash{}) {
		return spent, nil
	}
	if !errors.Is(refused, anchor.ErrSpent) {
		return nil, nil
	}
	for i := range b.Requests {
		request, err := requestOf(b, i)
		if err != nil {
			return nil, err
		}
		for _, coin := range request.Coins() {
			spent, err := c.node.Spent(ctx, coin.OutPoint, notBelow(b))
			if errors.Is(err, anchor.ErrNoCoin) {
				continue
			}
			if spent != nil || err != nil {
				return spent, err
			}
		}
	}
	return nil, nil
}

// spender is the transaction that spends a coin, without its witness.
func (c *carrier) spender(ctx context.Context, spent *anchor.SpentError) ([]byte, error) {
	if spent.Tx != nil {
		return spent.Tx, nil
	}
	return c.node.Transaction(ctx, spent.By)
}

// holds reports whether the header chain of this home has the block.
func (c *carrier) holds(ctx context.Context, a *proof.Bitcoin) (bool, error) {
	if err := c.syncHeaders(ctx); err != nil {
		return false, err
	}
	chain, err := c.openHeaders(c.network)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer chain.Close()
	if a.Height > chain.Height() {
		return false, nil
	}
	h, err := chain.At(a.Height)
	if errors.Is(err, headers.ErrNotHeld) { // such as a chain that was begun later
		return true, nil
	}
	return h == a.Header, err
}

// settle makes the attestation final where the block is deep enough in the
// header chain, with the headers that follow it where they prove something.
func (c *carrier) settle(ctx context.Context, b *batch.Batch) error {
	if b.IsAttestationFinal() {
		return nil
	}
	if err := c.syncHeaders(ctx); err != nil {
		return err
	}
	chain, err := c.openHeaders(c.network)
	if errors.Is(err, fs.ErrNotExist) && c.backend == nil {
		return nil
	}
	if err != nil {
		return err
	}
	defer chain.Close()
	final := *b.Attestation
	if depth(chain, &final) < c.confirmations {
		return nil
	}
	if final.Successors, err = successors(chain, &final); err != nil {
		return err
	}
	return b.FinalizeAttestation(&final)
}

// depth is the number of confirmations of a block; 0 where the chain does not
// have it.
func depth(chain *headers.Chain, a *proof.Bitcoin) uint32 {
	if a.Height > chain.Height() {
		return 0
	}
	if h, err := chain.At(a.Height); err != nil || h != a.Header {
		return 0
	}
	return chain.Height() - a.Height + 1
}

// successors are the headers above a block that a proof carries: on mainnet,
// where work costs something, as many as it can.
func successors(chain *headers.Chain, a *proof.Bitcoin) ([]bitcoin.Header, error) {
	list := []bitcoin.Header{}
	if chain.Network().IsTest() {
		return list, nil
	}
	for height := a.Height + 1; height <= chain.Height() && len(list) < proof.MaxSuccessors; height++ {
		h, err := chain.At(height)
		if err != nil {
			return nil, err
		}
		list = append(list, h)
	}
	return list, nil
}

// judge verifies every proof of a batch that has no transaction yet. What fails
// here is our bug, and must not reach a block.
func (c *carrier) judge(ctx context.Context, b *batch.Batch) error {
	check, done, err := c.judgeOf(b)
	if err != nil {
		return err
	}
	defer done()
	bar := c.ui.startProgress("Checking proofs", int64(len(b.Documents)), false)
	defer bar.finish()
	return b.EachProof(ctx, func(i int, proofFile []byte) error {
		defer bar.add(1)
		return check(i, proofFile)
	})
}

// judgeOf returns what judges a proof of the batch as a stranger will: document,
// inclusion and issuer, and where the proof carries its attestation, anchor and
// block too. The caller calls done after the last one.
func (c *carrier) judgeOf(b *batch.Batch) (check func(i int, proofFile []byte) error, done func(), err error) {
	f, err := c.ownIssuer(b.Issuer)
	if err != nil {
		return nil, nil, err
	}
	believed, done := verify.Trust{Issuers: []*issuer.File{f}}, func() {}
	chain, err := c.openHeaders(c.network)
	switch {
	case err == nil:
		believed.Chain, done = chain, func() { chain.Close() }
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	v, err := verify.New(believed, verify.Policy{Network: c.network, Confirmations: max(c.confirmations, 1), Now: time.Now()})
	if err != nil {
		done()
		return nil, nil, err
	}
	last := verify.Issuer
	if b.IsFinal() {
		last = verify.Block
	}
	_, note, err := issuer.ParseStatement(b.Statement)
	if err != nil {
		done()
		return nil, nil, err
	}
	times := blockTimes{a: c.app, chains: make(map[bitcoin.Network]*headers.Chain)}
	block := times.of(b)
	times.close()
	ended := !block.IsZero() && isEnded(f, note, block)
	return func(i int, proofFile []byte) error {
		result := v.Verify(verify.Digest(b.Documents[i].Digest), proofFile)
		for _, check := range result.Checks[:last+1] {
			if check.Outcome != verify.OK {
				err := fmt.Errorf("%s: its new proof does not verify and was not written: %s: %s", b.Documents[i].Path, check.Name, check.Detail)
				if ended {
					return hinted(fmt.Errorf("%w (%w)", err, errEnded), "issue it again, by the keys in force now: gradseal anchor --reissue %s", arguments([]string{b.Documents[i].Path}))
				}
				return err
			}
		}
		return nil
	}, done, nil
}

// writeProofs writes the proofs of the batch as they are now, each judged before
// it replaces an older one.
func (c *carrier) writeProofs(ctx context.Context, b *batch.Batch) error {
	if b.IsWritten() && b.IsFinal() {
		return nil
	}
	if b.IsOfShards() {
		if err := c.writeAnswers(ctx, b); err != nil {
			return err
		}
		return b.WriteProofs(ctx, nil, nil)
	}
	check, done, err := c.judgeOf(b)
	if err != nil {
		return err
	}
	defer done()
	bar := c.ui.startProgress("Writing proofs", int64(len(b.Documents)), false)
	defer bar.finish()
	if err := b.WriteProofs(ctx, check, func() { bar.add(1) }); err != nil {
		if b.Archive != "" && b.CheckArchivable(b.All()) != nil {
			return hinted(err, "write them beside the documents: gradseal anchor with the same documents, and without --archive")
		}
		return err
	}
	if len(b.Left) > 0 {
		c.ui.warn("%s of batch %s got no proof now; run the same command with them again for it:%s", count(len(b.Left), "document"), b.ID, grouped(b.Left))
	}
	c.proofs += b.Written
	return nil
}
