package cmd

import (
	"encoding/hex"
	"slices"
	"strings"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/verify"
)

// anchorJSON is the result under --json; the last batch, if there are several.
type anchorJSON struct {
	Version   int        `json:"version"`
	Batch     *string    `json:"batch"`
	Documents int        `json:"documents"`
	BatchRoot *string    `json:"batch_root"`
	Network   string     `json:"network"`
	TxID      *string    `json:"txid"`
	Block     *blockJSON `json:"block"`
	Proofs    int        `json:"proofs"`
	Fee       int64      `json:"fee"`
}

func (r *anchorRun) report(plan *batch.Plan, paths []string) error {
	if r.ui.json {
		return r.reportJSON(plan)
	}
	for _, b := range r.anchored {
		tx, err := bitcoin.ParseTransaction(b.Attestation.Transaction)
		if err != nil {
			return err
		}
		r.ui.result("Anchored %s in block %d of %s", count(len(b.Documents), "document"), b.Attestation.Height, b.Network)
		r.ui.result("  batch        %s", b.ID)
		r.ui.result("  transaction  %s", tx.ID())
	}
	if plan.Done > 0 {
		r.ui.result("%s had been anchored before", count(plan.Done, "document"))
	}
	if r.proofs > 0 {
		r.ui.result("Wrote %s, NAME.pdf.proof.json beside each NAME.pdf", count(r.proofs, "proof"))
		r.ui.note("Next: gradseal verify --network %s %s", r.network, arguments(paths))
	}
	if r.network == bitcoin.Regtest {
		r.ui.result("%s", r.ui.paint(yellow, "REHEARSAL – only this machine can check these proofs; do not send them."))
	}
	return nil
}

// arguments are paths as one would type them again.
func arguments(paths []string) string {
	const most = 3
	var words []string
	for _, path := range paths[:min(most, len(paths))] {
		word := shown(path)
		if strings.ContainsAny(word, " '()&;$") {
			word = `"` + word + `"`
		}
		words = append(words, word)
	}
	if len(paths) > most {
		words = append(words, "…")
	}
	return strings.Join(words, " ")
}

func (r *anchorRun) reportJSON(plan *batch.Plan) error {
	out := anchorJSON{Version: jsonVersion, Documents: plan.Done + len(plan.Rewrite), Network: r.network.String(), Proofs: r.proofs, Fee: r.fee}
	for _, b := range r.anchored {
		out.Documents += len(b.Documents)
	}
	for _, b := range slices.Concat(plan.Complete, r.anchored) { // the last one stays
		tx, err := bitcoin.ParseTransaction(b.Attestation.Transaction)
		if err != nil {
			return err
		}
		root, err := b.Root()
		if err != nil {
			return err
		}
		out.Batch, out.BatchRoot, out.TxID = &b.ID, ptr(hex.EncodeToString(root[:])), ptr(tx.ID().String())
		out.Block = newBlockJSON(&verify.BlockAt{Height: b.Attestation.Height, Hash: b.Attestation.Header.Hash(), Time: b.Attestation.Header.Time()})
	}
	return r.ui.object(out)
}
