package verify

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	"gradseal/bitcoin"
	"gradseal/proof"
)

// Yardstick is the block of mainnet by which carried work is measured: the
// newest one that the caller has built in. Its work and its time are taken for
// granted.
type Yardstick struct {
	Bits uint32
	Time time.Time
}

// The rules of carried work (docs/format.md, section 16.5). They let a forger
// pay for seven blocks at a quarter of the difficulty of the yardstick.
const (
	minCarried     = 6                        // successors of the header
	maxTargetRatio = 4                        // of a target to that of the yardstick
	carriedSpan    = 2 * 365 * 24 * time.Hour // from the yardstick to the header
)

// check refuses a yardstick that measures nothing. nil is none.
func (y *Yardstick) check() error {
	if y == nil {
		return nil
	}
	if y.Time.IsZero() {
		return errors.New("carried work needs the time of the newest block that is built in")
	}
	if _, err := bitcoin.Target(y.Bits); err != nil {
		return fmt.Errorf("carried work: the newest block that is built in: %w", err)
	}
	return nil
}

// isBeyondChain reports whether the chain says nothing about the proof's
// height: there is none, or it ends below.
func (v *Verifier) isBeyondChain(b *proof.Bitcoin) bool {
	return v.chain == nil || b.Height > v.chain.Height()
}

// checkBeyond answers for a block that is beyond the chain, as d says: unknown,
// unless the policy takes the work in the proof for it.
func (v *Verifier) checkBeyond(r *Result, b *proof.Bitcoin, d *doubt) {
	if v.policy.UnsafeCarriedWork == nil || r.Network != bitcoin.Mainnet {
		r.doubt(Block, d)
		return
	}
	if err := v.checkCarriedWork(b); err != nil {
		r.unknown(Block, d.why, "%s, and the work in the proof does not do: %v", d.detail, err)
		return
	}
	r.WorkOnly = true
	r.ok(Block, "%s; %d headers in the proof carry work like that of mainnet, which proves cost and no date", d.detail, 1+len(b.Successors))
}

// checkCarriedWork holds the proof's headers, which checkHeaders has found to
// be linked and to have the work for their own targets, to the yardstick. The
// height in the proof is its own word, so a chain is also asked for its time: a
// header that is not later than the tip belongs into the chain.
func (v *Verifier) checkCarriedWork(b *proof.Bitcoin) error {
	// The header itself is the first confirmation.
	want := max(minCarried, int64(v.policy.Confirmations)-1)
	if n := int64(len(b.Successors)); n < want {
		return fmt.Errorf("%d successors, want at least %d", n, want)
	}
	y := v.policy.UnsafeCarriedWork
	from, until := y.Time, y.Time.Add(carriedSpan)
	if t := b.Header.Time(); t.Before(from) || t.After(until) {
		return fmt.Errorf("the header is of %s, want %s to %s", t.Format(time.RFC3339), from.UTC().Format(time.RFC3339), until.UTC().Format(time.RFC3339))
	}
	if err := y.checkTargets(append([]bitcoin.Header{b.Header}, b.Successors...)); err != nil {
		return err
	}
	if v.chain == nil {
		return nil
	}
	tip := v.tip
	if !b.Header.Time().After(tip.Time()) {
		return fmt.Errorf("the header is of %s, not later than the tip of the header chain", b.Header.Time().Format(time.RFC3339))
	}
	if b.Height-1 == v.chain.Height() && b.Header.Previous() != tip.Hash() {
		return fmt.Errorf("the header follows block %s, not the tip of the header chain, %s", b.Header.Previous(), tip.Hash())
	}
	return nil
}

// checkTargets checks that no target is easier than the yardstick allows.
func (y *Yardstick) checkTargets(hs []bitcoin.Header) error {
	most, err := bitcoin.Target(y.Bits)
	if err != nil {
		return err
	}
	most.Mul(most, big.NewInt(maxTargetRatio))
	for i, h := range hs {
		target, err := bitcoin.Target(h.Bits())
		if err != nil {
			return err
		}
		if target.Cmp(most) > 0 {
			return fmt.Errorf("header %d of %d has a target of %064x, want at most %064x", i+1, len(hs), target, most)
		}
	}
	return nil
}
