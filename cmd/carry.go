package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
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

	backend anchor.Backend
	node    anchor.Node // nil for the embedded node, which keeps its headers itself
	synced  bool        // the header chain was brought up to the node's
	money   moneyOptions

	fee    int64 // satoshi, of the transactions made in this run
	proofs int   // written in this run
}

// carry takes a signed batch as far as it goes now. Where that is not to the
// end there is no error: the batch's state says what it waits for.
func (c *carrier) carry(ctx context.Context, b *batch.Batch) error {
	if len(b.Transactions) == 0 && b.OpenRequest() == nil {
		if err := c.request(ctx, b); err != nil {
			return err
		}
	}
	if b.OpenRequest() != nil {
		if err := c.signRequest(ctx, b); err != nil || b.OpenRequest() != nil {
			return err
		}
	}
	return c.follow(ctx, b)
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
	return c.save(ctx, b, request)
}

// order is what the transaction of a batch is wanted for.
func (c *carrier) order(ctx context.Context, b *batch.Batch) (anchor.Order, error) {
	var root [32]byte // of a dry run's batch, which is not there yet
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

// save shows what is to be paid, asks where it is real money, and stores the
// request.
func (c *carrier) save(ctx context.Context, b *batch.Batch, request *anchor.Request) error {
	if c.node != nil {
		c.showCost(request)
	}
	if err := c.confirmSpending(ctx); err != nil {
		return err
	}
	data, err := request.Marshal()
	if err != nil {
		return err
	}
	if err := b.DropRequest(); err != nil {
		return err
	}
	return b.SaveRequest(data)
}

// signRequest has the open request signed and stores the transaction before it
// is sent. With --psbt-out somebody else signs, and the request stays open.
func (c *carrier) signRequest(ctx context.Context, b *batch.Batch) error {
	request, err := anchor.ParseRequest(b.OpenRequest())
	if err != nil {
		return fmt.Errorf("batch %s: %w", b.ID, err)
	}
	if c.money.psbtOut != "" {
		if err := c.lockCoins(ctx, request); err != nil {
			return err
		}
		return c.writePSBT(b)
	}
	raw, err := c.backend.Sign(ctx, request)
	if err != nil {
		return err
	}
	c.fee += request.Fee()
	return b.SaveTransaction(raw)
}

// reserved are the coins of transactions of other batches that are stored but
// not in a block.
func (c *carrier) reserved(but *batch.Batch) ([]wire.OutPoint, error) {
	var all []wire.OutPoint
	for _, b := range c.batches {
		if b.Network != c.network || b.ID == but.ID || b.Attestation != nil {
			continue
		}
		for _, data := range b.Requests {
			request, err := anchor.ParseRequest(data)
			if err != nil {
				return nil, fmt.Errorf("batch %s: %w", b.ID, err)
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
func (c *carrier) follow(ctx context.Context, b *batch.Batch) error {
	was := b.Attestation
	if err := c.locate(ctx, b); err != nil {
		return err
	}
	if was != nil && (b.Attestation == nil || b.Attestation.Header != was.Header) {
		c.ui.warn("batch %s: block %d, %s, has left the chain (a reorganisation): its proofs are pending again until the transaction is deep enough in another block", b.ID, was.Height, was.Header.Hash())
	}
	if b.Attestation != nil {
		if err := c.settle(ctx, b); err != nil {
			return err
		}
	}
	return c.writeProofs(ctx, b)
}

// locate finds the block of a batch's transaction. A batch that has one keeps it
// for as long as the header chain does.
func (c *carrier) locate(ctx context.Context, b *batch.Batch) error {
	if b.Attestation != nil {
		holds, err := c.holds(ctx, b.Attestation)
		if holds || err != nil {
			return err
		}
	}
	found, err := c.attest(ctx, b)
	if err == nil && found == nil {
		if err := c.submit(ctx, b); err != nil {
			return err
		}
		found, err = c.attest(ctx, b) // the embedded node puts it into a block at once
	}
	switch {
	case err != nil:
		return err
	case found != nil:
		return b.SaveAttestation(found)
	case b.Attestation != nil:
		return b.DropAttestation()
	}
	return nil
}

// attest asks for the block of every version of the transaction: whichever is in
// one is the one that counts.
func (c *carrier) attest(ctx context.Context, b *batch.Batch) (*proof.Bitcoin, error) {
	for i := len(b.Transactions) - 1; i >= 0; i-- {
		found, err := c.backend.Attest(ctx, b.Transactions[i], notBelow(b))
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// deepest is a depth of reorganisation that no network has seen but by a flaw.
const deepest = 200

// notBelow is a height below which the batch's transaction cannot be: the
// statement was made after a block that was the newest then.
func notBelow(b *batch.Batch) uint32 {
	s, _, err := issuer.ParseStatement(b.Statement)
	if err != nil || s.After == nil || s.After.Height < deepest {
		return 0
	}
	return s.After.Height - deepest
}

// submit sends the newest version of the transaction that the network takes. One
// that was replaced by an earlier one that is in no block yet is no error: that
// one is on its way.
func (c *carrier) submit(ctx context.Context, b *batch.Batch) error {
	var first error
	for i := len(b.Transactions) - 1; i >= 0; i-- {
		err := c.backend.Submit(ctx, b.Transactions[i])
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	first = fmt.Errorf("batch %s: %w", b.ID, first)
	switch {
	case errors.Is(first, anchor.ErrSpent):
		return hinted(first, "if that transaction is none of yours, or is in a block, take another coin: gradseal bump --other-coin %s", b.ID)
	case errors.Is(first, anchor.ErrNoCoin):
		return hinted(first, "is it the right node, and has it all blocks? If the coin is gone for good, take another: gradseal bump --other-coin %s", b.ID)
	}
	return first
}

// holds reports whether the header chain of this home has the block.
func (c *carrier) holds(ctx context.Context, a *proof.Bitcoin) (bool, error) {
	if err := c.syncHeaders(ctx); err != nil {
		return false, err
	}
	chain, err := headers.Open(c.home.headerFile(c.network), c.network)
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
	if b.State() == batch.Complete {
		return nil
	}
	if err := c.syncHeaders(ctx); err != nil {
		return err
	}
	chain, err := headers.Open(c.home.headerFile(c.network), c.network)
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
	return b.Finalize(&final)
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
	chain, err := headers.Open(c.home.headerFile(c.network), c.network)
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
	return func(i int, proofFile []byte) error {
		result := v.Verify(verify.Digest(b.Documents[i].Digest), proofFile)
		for _, check := range result.Checks[:last+1] {
			if check.Outcome != verify.OK {
				return fmt.Errorf("%s: its new proof does not verify and was not written: %s: %s", b.Documents[i].Path, check.Name, check.Detail)
			}
		}
		return nil
	}, done, nil
}

// writeProofs writes the proofs of the batch as they are now, each judged before
// it replaces an older one.
func (c *carrier) writeProofs(ctx context.Context, b *batch.Batch) error {
	if b.State() == batch.Complete {
		return nil
	}
	check, done, err := c.judgeOf(b)
	if err != nil {
		return err
	}
	defer done()
	bar := c.ui.startProgress("Writing proofs", int64(len(b.Documents)), false)
	defer bar.finish()
	if err := b.WriteProofs(ctx, check, func() { bar.add(1) }); err != nil {
		return err
	}
	if len(b.Left) > 0 {
		c.ui.warn("%s of batch %s got no proof now; run the same command with them again for it:%s", count(len(b.Left), "document"), b.ID, grouped(b.Left))
	}
	c.proofs += b.Written
	return nil
}
