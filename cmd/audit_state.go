package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// auditState is what an audit says of a document.
type auditState string

// The states.
const (
	stateSound       auditState = "sound"
	stateNotUpgraded auditState = "not-upgraded"
	stateReorganised auditState = "reorganised"
	stateWithdrawn   auditState = "withdrawn"
	stateUnreadable  auditState = "unreadable"
	stateMissing     auditState = "missing"
	stateInvalid     auditState = "invalid"
	stateCannotTell  auditState = "cannot-tell"
)

// auditStates are in the order in which they are counted.
var auditStates = []auditState{
	stateSound, stateNotUpgraded, stateReorganised, stateWithdrawn, stateUnreadable, stateMissing, stateInvalid, stateCannotTell,
}

// audited is a document, or a proof that lies alone, with what there is to say.
type audited struct {
	auditItem
	judged
	proof   *proof.Proof // that was judged; nil: none could be
	state   auditState
	finding string // why it is not sound, without a full stop
	// mixedUp says that the document is as it was issued from here, and its proof
	// that of another one.
	mixedUp bool
	// own says that this home's own institution withdrew the document, which it is to.
	own bool
}

// verdict is that of verify's which the state counts as.
func (d *audited) verdict() verify.Verdict {
	switch d.state {
	case stateSound:
		return verify.Valid
	case stateNotUpgraded:
		return verify.Pending
	case stateWithdrawn:
		if d.own {
			return verify.Valid
		}
		return verify.Withdrawn
	case stateInvalid:
		return verify.Invalid
	case stateUnreadable:
		return d.Verdict // of a damaged proof it is another one than of a document
	}
	return verify.CannotTell
}

// classify says of an item that was judged in which state it is.
func (r *auditor) classify(x auditItem, j judged) *audited {
	d := &audited{auditItem: x, judged: j, proof: words.JudgedProof(j.evidence, j.Result)}
	anchored := x.batch != nil // at a place that is known
	if !anchored {
		d.entry = r.entryOf(d)
	}
	d.mixedUp = words.Reason(j.Result) == verify.DigestDiffers && d.batch != nil && d.batch.Documents[d.index].Digest == d.digest
	d.state, d.finding = r.stateOf(d, anchored)
	d.own = d.batch != nil || slices.Contains(r.issuers, d.party().id)
	return d
}

// entryOf returns the row of this home's batches that a document is; the zero
// entry where it is none.
func (r *auditor) entryOf(d *audited) entry {
	if is := r.byDigest[d.digest]; d.proof == nil || d.proof.Digest != d.digest && is.batch != nil {
		return is
	}
	b, index := r.byStatement[string(d.proof.Layers[0].Signed)], d.proof.Layers[0].Index
	if b == nil || index >= uint64(len(b.Documents)) || b.Documents[index].Digest != d.proof.Digest {
		return entry{}
	}
	return entry{b, int(index)}
}

// stateOf is the state, and why it is that. anchored says that the document was
// looked for where it was anchored.
func (r *auditor) stateOf(d *audited, anchored bool) (auditState, string) {
	if d.Problem != nil {
		return r.stateOfProblem(d, anchored)
	}
	if d.mixedUp {
		return stateInvalid, "The document is as it was issued, and the proof is that of another one"
	}
	if anchored && string(d.proof.Layers[0].Signed) != string(d.batch.Statement) {
		return stateMissing, r.otherProof(d)
	}
	switch {
	case d.Verdict == verify.Invalid:
		return stateInvalid, told(d.judged)
	case d.Verdict == verify.Withdrawn:
		return stateWithdrawn, told(d.judged)
	case r.isReplaced(d):
		return stateReorganised, fmt.Sprintf("The header chain has another block at height %d than the one of the proof", heightOf(d.proof))
	case d.batch != nil && d.batch.LacksEvidence(d.proof):
		return stateNotUpgraded, fmt.Sprintf("The proof is from before batch %s had all its evidence", d.batch.ID)
	case d.Verdict == verify.Pending:
		return stateNotUpgraded, told(d.judged)
	case d.Verdict == verify.CannotTell:
		return stateCannotTell, told(d.judged)
	case d.isProof:
		return stateSound, "The document is not here"
	}
	return stateSound, findingCell(d.judged)
}

// stateOfProblem is stateOf where no proof could be judged.
func (r *auditor) stateOfProblem(d *audited, anchored bool) (auditState, string) {
	switch d.Reason {
	case verify.Unreadable:
		if anchored && errors.Is(d.Problem, fs.ErrNotExist) {
			return stateMissing, r.goneText(d)
		}
		return stateUnreadable, told(d.judged)
	case verify.MalformedProof:
		return stateUnreadable, told(d.judged)
	case verify.NoProof:
		if anchored && d.batch.Documents[d.index].Digest != d.digest {
			return stateMissing, "Another document is in its place, without a proof"
		}
		return stateMissing, noProofText(d)
	case verify.BrokenTrailer:
		return stateInvalid, told(d.judged)
	}
	return stateCannotTell, told(d.judged)
}

func (r *auditor) goneText(d *audited) string {
	if _, err := os.Lstat(d.path + proof.Suffix); err == nil {
		return "The document is not where it was; its proof is"
	}
	if z := r.ownZips[d.batch]; z != nil && len(z.of(verify.Digest(d.batch.Documents[d.index].Digest))) > 0 {
		return "The document is not where it was; its proof is in " + shown(d.batch.Archive)
	}
	return "Neither the document nor its proof is where it was"
}

// otherProof says of an anchored document with the proof of another batch that
// its own is not there.
func (r *auditor) otherProof(d *audited) string {
	text := fmt.Sprintf("Its proof of batch %s is missing: ", d.batch.ID)
	if other := r.byStatement[string(d.proof.Layers[0].Signed)]; other != nil {
		return text + fmt.Sprintf("the one there is of batch %s, for %s", other.ID, other.Network)
	}
	return text + "the one there was not made from here"
}

// isReplaced reports whether the header chain has another block in the place of
// the proof's. Where nobody known signed, there is nothing to be said of its block.
func (r *auditor) isReplaced(d *audited) bool {
	issuer, block := d.Checks[verify.Issuer], d.Checks[verify.Block]
	if block.Reason != verify.NotInChain || issuer.Reason == verify.UnknownIssuer || issuer.Reason == verify.UnknownSigner {
		return false
	}
	height := heightOf(d.proof)
	if height > r.chain.Height() {
		return false
	}
	_, err := r.chain.At(height) // an error: the chain does not hold that block
	return err == nil
}

// heightOf is the height of the block that decides about a proof, by the proof's
// word.
func heightOf(p *proof.Proof) uint32 {
	if p.Bitcoin != nil {
		return p.Bitcoin.Height
	}
	return p.OpenTimestamps.Height
}

// adviseAudit says what to do about a document that is not sound.
func (r *auditor) adviseAudit(d *audited) string {
	if d.batch == nil {
		return r.adviseStranger(d)
	}
	again := "gradseal proofs " + d.batch.ID
	switch {
	case d.isArchived():
		again += " --archive " + argument(d.batch.Archive)
	case !d.isAnchored():
		again += " -o FOLDER"
	}
	switch d.state {
	case stateNotUpgraded, stateReorganised:
		if r.hasBetter(d) {
			return "write the proof again, with the evidence that this home has: " + again
		}
		return "complete the proof: " + upgradeCommand(d.batch.Network)
	case stateUnreadable:
		if d.Reason == verify.MalformedProof {
			return "move the damaged proof away, and then write it again: " + again
		}
	case stateMissing:
		switch {
		case d.Reason == verify.Unreadable:
			return "if the documents are kept elsewhere now, name that folder: gradseal audit DIR. Else restore them from a backup. Their proofs do not need them: gradseal proofs " + d.batch.ID + " -o FOLDER"
		case d.Problem == nil:
			return "leave it, where the document was anchored again on purpose; the other proof: gradseal proofs " + d.batch.ID + " -o FOLDER"
		}
		return "write the proof again: " + again
	case stateInvalid:
		switch {
		case d.mixedUp && string(d.proof.Layers[0].Signed) == string(d.batch.Statement):
			return "write the proof of the document again, in the place of the other: " + again
		case d.mixedUp:
			return "move the proof away, and then write that of the document: " + again
		case words.Reason(d.Result) == verify.DigestDiffers:
			return "the document was changed since it was anchored: restore the original from a backup. A corrected one needs a name and a proof of its own"
		}
		return "find out who changed it. The proof as it was: gradseal proofs " + d.batch.ID + " -o FOLDER"
	}
	return r.adviseStranger(d)
}

// isAnchored reports whether the document was looked for where it was anchored.
func (d *audited) isAnchored() bool { return d.path == d.batch.Documents[d.index].Path }

// adviseStranger is adviseAudit for a document that was not issued from here.
func (r *auditor) adviseStranger(d *audited) string {
	switch d.state {
	case stateSound:
		return ""
	case stateReorganised:
		return fmt.Sprintf("bring the header chain up to date: gradseal headers sync --network %s. If it stays so, ask the institution for the proof again", d.Network)
	case stateWithdrawn:
		return "keep it for the record, and do not hand it out: it counts as withdrawn wherever the newest status list is known"
	case stateUnreadable:
		if d.Reason == verify.Unreadable {
			return "make it readable, or restore it from a backup"
		}
	case stateMissing:
		return "put the proof into the archive. " + r.whoHasProof()
	}
	return r.advice(d.judged, nil)
}

// whoHasProof says where the proof of a document can be written that no batch of this
// home has.
func (r *auditor) whoHasProof() string {
	const elsewhere = "gradseal proofs BATCH, in the home that anchored it"
	if r.home == nil {
		return "The institution can write it again: " + elsewhere
	}
	if slices.ContainsFunc(r.home.batches, func(b *batch.Batch) bool { return b.Forgotten() > 0 }) {
		return "This home cannot write it: it never anchored the document, or has forgotten it, and then only who has a copy of the proof still has one"
	}
	return "This home never anchored the document, and cannot write it: " + elsewhere
}

// hasBetter reports whether the batch has evidence that the header chain of today
// confirms, or that the proof lacks.
func (r *auditor) hasBetter(d *audited) bool {
	b, p := d.batch, d.proof
	if d.state == stateNotUpgraded {
		return b.LacksEvidence(p)
	}
	own := b.IsAttestationFinal() && p.Bitcoin != nil && b.Attestation.Header != p.Bitcoin.Header
	others := b.IsTimestampFinal() && p.OpenTimestamps != nil && b.Timestamp.Height != p.OpenTimestamps.Height
	return own || others || b.LacksEvidence(p)
}

func upgradeCommand(n bitcoin.Network) string {
	return "gradseal upgrade --network " + n.String()
}

// issuedIn is the id of the batch that a document is in, or null.
func issuedIn(b *batch.Batch) *string {
	if b == nil {
		return nil
	}
	return &b.ID
}
