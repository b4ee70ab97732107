package verify

import (
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/merkle"
	"gradseal/proof"
)

// checkDocument: these bytes have the digest in the proof.
func checkDocument(r *Result, digest *Digest, p *proof.Proof) {
	switch {
	case digest == nil:
		r.unknown(Document, NoDocument, "the document is not here; it must have SHA-256 %x", p.Digest)
	case *digest != p.Digest:
		r.failed(Document, DigestDiffers, "the file has SHA-256 %x, the proof is for %x", *digest, p.Digest)
	default:
		r.ok(Document, "SHA-256 %s", hex.EncodeToString(digest[:]))
	}
}

// checkInclusion: the entry is in the tree of each layer's statement. Size and
// root are read from the statements. It returns the last layer's batch root.
func checkInclusion(r *Result, p *proof.Proof) [32]byte {
	entry := p.Entry()
	for i, l := range p.Layers {
		s := l.Statement
		err := merkle.VerifyInclusion(merkle.LeafHash(entry), l.Index, s.Size, l.Path, s.Root)
		if err != nil {
			r.failed(Inclusion, NotInTree, "layer %d: %v", i+1, err)
			return [32]byte{}
		}
		root := proof.BatchRoot(l.Signed, s.Root)
		entry = root[:]
	}
	first := p.Layers[0]
	r.ok(Inclusion, "entry %d of %d in the issuer's statement", first.Index+1, first.Statement.Size)
	return [32]byte(entry)
}

// checkIssuer: enough distinct keys of the trusted issuer signed the first
// layer's statement, and were in force at t. Who signed outer layers never
// counts: those only carry the batch root to a transaction.
//
// dated says that t is the proven time of the proof's block. Otherwise it is
// now, and keys that are not in force now may have been when the document was
// anchored: unknown, or a verifier with few headers, or with a copy of the proof
// from before it was completed, would call an old document false.
func (v *Verifier) checkIssuer(r *Result, l proof.Layer, t time.Time, dated bool) {
	if r.Issuer == nil {
		r.unknown(Issuer, UnknownIssuer, "no issuer with the id %s is in the trust store", r.ClaimedIssuer)
		return
	}
	signers, err := v.signers.of(r.Issuer, l, t)
	switch {
	case errors.Is(err, issuer.ErrKeyTime):
		r.unknown(Issuer, KeyTimeUnclear, "%v", err)
	case errors.Is(err, issuer.ErrUnknownSigner):
		r.unknown(Issuer, UnknownSigner, "%v", err)
	case errors.Is(err, issuer.ErrNotInForce) && !dated:
		r.unknown(Issuer, KeyTimeUnclear, "%v, and when the document was anchored is not known here", err)
	case errors.Is(err, issuer.ErrNotInForce):
		r.failed(Issuer, KeysNotInForce, "%v", err)
	case err != nil:
		r.failed(Issuer, BadSignature, "%v", err)
	default:
		r.ok(Issuer, "%s, signed by %s", r.Issuer.Name, holders(signers))
	}
}

func holders(keys []issuer.Key) string {
	text := ""
	for i, k := range keys {
		if i > 0 {
			text += " and "
		}
		text += k.Holder
	}
	return text
}

// checkBitcoin is checkAnchor and checkBlock.
func (v *Verifier) checkBitcoin(r *Result, b *proof.Bitcoin, batchRoot [32]byte) {
	q := blockQuestion{b, batchRoot, r.Network}
	asked := b != nil && r.isOK(Inclusion)
	if asked && v.blocks.recall(r, q) {
		return
	}
	checkAnchor(r, b, batchRoot)
	v.checkBlock(r, b)
	if asked {
		v.blocks.note(r, q)
	}
}

// checkAnchor: the transaction commits to the batch root and is in the block
// that the header is of.
func checkAnchor(r *Result, b *proof.Bitcoin, batchRoot [32]byte) {
	if b == nil {
		r.unknown(Anchor, NoAttestation, "the proof has no Bitcoin attestation yet")
		return
	}
	if !r.isOK(Inclusion) {
		r.unknown(Anchor, NotChecked, "not checked: without inclusion there is no batch root to look for")
		return
	}
	tx, err := bitcoin.ParseTransaction(b.Transaction)
	if err != nil {
		r.failed(Anchor, BadAnchor, "%v", err)
		return
	}
	root, err := proof.ParseCommitment(tx)
	if err != nil {
		r.failed(Anchor, BadAnchor, "%v", err)
		return
	}
	if root != batchRoot {
		r.failed(Anchor, BadAnchor, "the transaction commits to %x, the batch root is %x", root, batchRoot)
		return
	}
	if err := bitcoin.VerifyInclusion(tx.ID(), b.Position, b.Path, b.Header.MerkleRoot()); err != nil {
		r.failed(Anchor, BadAnchor, "transaction %s is not in the block: %v", tx.ID(), err)
		return
	}
	r.ok(Anchor, "transaction %s", tx.ID())
}

// checkBlock: the header is in the verifier's header chain, deep enough. A
// header that the chain does not have is unknown: the chain may be short.
func (v *Verifier) checkBlock(r *Result, b *proof.Bitcoin) {
	if b != nil {
		if err := checkHeaders(b); err != nil {
			r.failed(Block, BadHeader, "%v", err)
			return
		}
	}
	if d := v.otherNetwork(r); d != nil {
		r.doubt(Block, d)
		return
	}
	if b == nil {
		r.unknown(Block, NoAttestation, "the proof has no Bitcoin attestation yet")
		return
	}
	h, d := v.headerAt(b.Height)
	switch {
	case d != nil && v.isBeyondChain(b):
		v.checkBeyond(r, b, d)
		return
	case d == nil && h != b.Header:
		d = doubtf(NotInChain, "block %s is not at height %d of the header chain", b.Header.Hash(), b.Height)
	}
	if d != nil {
		r.doubt(Block, d)
		return
	}
	v.checkDepth(r, v.blockAt(b.Height, h))
}

// otherNetwork is there where the statement is for a network that the policy
// does not accept, and whose header chain the verifier does not have.
func (v *Verifier) otherNetwork(r *Result) *doubt {
	if r.Network == v.policy.Network {
		return nil
	}
	return doubtf(OtherNetwork, "the proof is for %s, this verification accepts %s", r.Network, v.policy.Network)
}

// isDeep reports whether a block has the confirmations that are required.
func (v *Verifier) isDeep(at *BlockAt) bool { return at.Confirmations >= v.policy.Confirmations }

// checkDepth: the block, which the chain has, is as deep as is required.
func (v *Verifier) checkDepth(r *Result, at *BlockAt) {
	if !v.isDeep(at) {
		r.unknown(Block, TooFewConfirmations, "block %d has %d of %d confirmations", at.Height, at.Confirmations, v.policy.Confirmations)
		return
	}
	r.Header = at
	r.ok(Block, "block %d of %s, %s", at.Height, r.Network, at.Time.Format(time.RFC3339))
}

// checkHeaders holds the proof's headers to what can be seen from them alone:
// the work for their own targets, and that each successor follows the header
// before it.
func checkHeaders(b *proof.Bitcoin) error {
	if err := b.Header.CheckWork(); err != nil {
		return err
	}
	last := b.Header
	for i, h := range b.Successors {
		if h.Previous() != last.Hash() {
			return fmt.Errorf("invalid successor %d: it follows block %s, want %s", i+1, h.Previous(), last.Hash())
		}
		if err := h.CheckWork(); err != nil {
			return fmt.Errorf("successor %d: %w", i+1, err)
		}
		last = h
	}
	return nil
}

// headerAt looks up a height in the header chain. That it is not there never
// makes anything false: the chain may be short.
func (v *Verifier) headerAt(height uint32) (bitcoin.Header, *doubt) {
	if v.chain == nil {
		return bitcoin.Header{}, doubtf(NoHeaderChain, "there is no header chain of %s here", v.policy.Network)
	}
	if tip := v.chain.Height(); height > tip {
		return bitcoin.Header{}, doubtf(NotInChain, "block %d is above the tip of the header chain, %d", height, tip)
	}
	h, err := v.chain.At(height)
	if err != nil {
		return bitcoin.Header{}, doubtf(NotInChain, "block %d cannot be looked up in the header chain: %v", height, err)
	}
	return h, nil
}

// blockAt is the block of a header that headerAt returned.
func (v *Verifier) blockAt(height uint32, h bitcoin.Header) *BlockAt {
	return &BlockAt{Height: height, Hash: h.Hash(), Time: h.Time(), Confirmations: v.chain.Height() - height + 1}
}

// noteEarliest records the block that the statement says it was made after,
// where the chain has it below the anchor's block.
func (v *Verifier) noteEarliest(r *Result, after *issuer.After) {
	if after == nil || after.Height >= r.Header.Height {
		return
	}
	h, err := v.chain.At(after.Height)
	if err != nil || h.Hash() != after.Hash {
		return
	}
	r.NoEarlier = &BlockAt{Height: after.Height, Hash: after.Hash, Time: h.Time()}
}

// statusEntry is a status list whose signatures are checked when it is first
// needed.
type statusEntry struct {
	list  StatusList
	once  sync.Once
	cause error
}

func (e *statusEntry) check(f *issuer.File, now time.Time) error {
	e.once.Do(func() { _, e.cause = f.CheckSignatures(e.list.Note, now) })
	return e.cause
}

// checkStatus: the issuer's newest status list names the batch and withdraws
// neither the document nor the batch. A withdrawal counts however old the list
// is, and although the keys that signed it are no longer in force; everything
// else that is not certain is unknown, never ok.
func (v *Verifier) checkStatus(r *Result, p *proof.Proof) {
	e := v.status[statusKey{r.ClaimedIssuer, r.Network}]
	if r.Issuer == nil || e == nil {
		r.unknown(Status, NoStatusList, "there is no status list of %s for %s here", r.ClaimedIssuer, r.Network)
		return
	}
	l, first := e.list, p.Layers[0]
	batch := proof.BatchRoot(first.Signed, first.Statement.Root)
	err := e.check(r.Issuer, v.present)
	once := errors.Is(err, issuer.ErrNotInForce) || errors.Is(err, issuer.ErrKeyTime)
	if (err == nil || once) && withdrawn(r, l.StatusList, p, batch) {
		r.StatusAsOf = l.AsOf
		return
	}
	switch {
	case l.Forked:
		r.unknown(Status, StatusForked, "two different status lists with the sequence number %d were seen: ask the issuer", l.Sequence)
	case err != nil:
		r.unknown(Status, StatusUnsigned, "status list %d: %v", l.Sequence, err)
	default:
		r.StatusAsOf = l.AsOf
		v.checkListed(r, l.StatusList, batch)
	}
}

// withdrawn looks for the document and its batch among the withdrawals.
func withdrawn(r *Result, l *issuer.StatusList, p *proof.Proof, batch [32]byte) bool {
	if w, ok := l.FindWithdrawn(issuer.WithdrawalID(p.Salt, p.Digest)); ok {
		r.Withdrawal = &w
		r.failed(Status, DocumentWithdrawn, "withdrawn on %s: %s", w.Date, w.Reason)
		return true
	}
	if w, ok := l.FindWithdrawnBatch(batch); ok {
		r.Withdrawal = &w
		r.failed(Status, BatchWithdrawn, "the whole batch was withdrawn on %s: %s", w.Date, w.Reason)
		return true
	}
	return false
}

// checkListed: the list is not past, and names the batch.
func (v *Verifier) checkListed(r *Result, l *issuer.StatusList, batch [32]byte) {
	asOf := l.AsOf.Format(time.DateOnly)
	switch {
	case !l.Next.IsZero() && v.present.After(l.Next):
		r.unknown(Status, StatusPast, "the status list of %s was to be renewed by %s", asOf, l.Next.Format(time.DateOnly))
	case l.HasBatch(batch):
		r.ok(Status, "not withdrawn as of %s (status list %d)", asOf, l.Sequence)
	case r.Header != nil && l.AsOf.Before(r.Header.Time):
		r.unknown(Status, StatusOlder, "your status list, of %s, is older than this batch", asOf)
	default:
		r.unknown(Status, NotInStatusList, "the status list of %s does not name this batch", asOf)
	}
}
