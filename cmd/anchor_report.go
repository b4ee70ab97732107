package cmd

import (
	"os"
	"slices"
	"strings"

	"gradseal/batch"
)

// anchorJSON is the result under --json; the last batch, if there are several.
type anchorJSON struct {
	Version   int        `json:"version"`
	Batch     *string    `json:"batch"`
	State     *string    `json:"state"`
	Documents int        `json:"documents"`
	BatchRoot *string    `json:"batch_root"`
	Network   string     `json:"network"`
	TxID      *string    `json:"txid"`
	Block     *blockJSON `json:"block"`
	Proofs    int        `json:"proofs"`
	Fee       int64      `json:"fee"`
	Table     *string    `json:"table"`
	Archive   *string    `json:"archive"`
	// Answers are those to shard files that were written now.
	Answers []string `json:"answers"`
	// Left are documents of the batches that got no proof now.
	Left []refusalJSON `json:"left"`
	// Skipped and Warnings are as in a dry run.
	Skipped  []refusalJSON `json:"skipped"`
	Warnings []refusalJSON `json:"warnings"`
}

func (r *anchorRun) report(plan *batch.Plan, paths []string) error {
	if r.unproven != "" {
		defer r.ui.warn("%s", r.unproven)
	}
	if r.ui.json {
		return r.reportJSON(plan)
	}
	pending := false
	for _, b := range r.anchored {
		at, err := r.anchorOf(b)
		if err != nil {
			return err
		}
		switch documents := count(len(b.Documents), "document"); {
		case !hasTransaction(b) && b.Timestamp == nil:
			r.ui.result("Calendars will anchor %s in %s: they take hours, seldom a day", documents, b.Network)
		case !hasTransaction(b):
			r.ui.result("Anchored %s in %s: %s", documents, b.Network, r.calendarsWhereabouts(b))
		case isUnsigned(b):
			r.ui.result("Signed %s; the transaction waits for its signature", documents)
		case at.block == nil:
			r.ui.result("Sent the transaction for %s to %s", documents, b.Network)
		case b.State() != batch.Complete:
			r.ui.result("The transaction for %s is in block %d of %s, %d of %s", documents, at.block.Height, b.Network, r.confirmationsOf(b), count(r.confirmations, "confirmation"))
		default:
			r.ui.result("Anchored %s in block %d of %s", documents, at.block.Height, b.Network)
		}
		r.ui.result("  batch        %s", b.ID)
		if at.id != "" {
			r.ui.result("  transaction  %s", at.id)
		}
		if b.Calendars != nil {
			r.ui.result("  calendars    %s", r.calendarNames(b))
		}
		if r.node != nil && b.State() != batch.Complete && at.fee != nil {
			r.ui.result("  fee          %s satoshi", number(*at.fee))
		}
		pending = pending || b.State() != batch.Complete
	}
	if plan.Done > 0 {
		r.ui.result("%s had been anchored before", count(plan.Done, "document"))
	}
	if r.proofs > 0 {
		kind := "proof"
		if pending {
			kind = "pending proof"
		}
		r.ui.result("Wrote %s, %s", count(r.proofs, kind), r.where())
	}
	if path := r.tablePath(); path != "" {
		r.ui.result("Wrote the table of documents and proofs, %s", shown(path))
	}
	if n := len(plan.Refusals); n > 0 {
		r.ui.result("%s", r.ui.paint(yellow, "Left out what was refused, "+count(n, "fault")+", listed above: run the same command again when it is mended"))
	}
	switch {
	case r.node != nil && r.proofs == 0:
	case r.isRehearsal():
		r.ui.result("%s", r.ui.paint(yellow, "REHEARSAL – only this machine can check these proofs; do not send them."))
	case r.network.IsTest():
		r.ui.result("%s", r.ui.paint(yellow, "TEST NETWORK – these proofs are for rehearsals: anyone can make blocks of "+r.network.String()+"."))
	}
	if r.psbtOut() {
		r.ui.note("%s", askSigner(r.money.psbtOut, r.network))
	} else if pending {
		if _, err := os.Stat(r.home.headerFile(r.network)); r.submits && r.node == nil && err != nil {
			r.ui.note("The block of a calendar counts once this home has the headers of %s. %s", r.network, r.fetchHeaders())
		}
		r.ui.note("Next: gradseal upgrade --network %s%s, which completes the proofs once the block is deep enough", r.network, r.wayFlags())
	} else if len(paths) > 0 {
		r.ui.note("Next: gradseal verify --network %s %s", r.network, arguments(paths))
	}
	r.reportAnswers()
	r.ui.note("Done. Back up this folder, which holds the keys and the salts: %s", safe(r.home.dir))
	return nil
}

// wayFlags are the flags that name the node, where the configuration does not.
func (r *anchorRun) wayFlags() string {
	n := r.cfg.Node
	flags := r.nodeOptions.flags(nodeOptions{url: n.URL, user: n.User, passwordFile: n.PasswordFile, cookie: n.Cookie, cert: n.Cert, wallet: n.Wallet})
	if r.nodeOptions.via != r.cfg.Anchor.Via {
		flags = " --via " + argument(r.nodeOptions.via) + flags
	}
	if r.submits && !slices.Equal(r.calendarOptions.urls, r.cfg.Calendars.URLs) {
		for _, url := range r.calendarOptions.urls {
			flags += " --calendar " + argument(url)
		}
	}
	return flags
}

// isRehearsal reports whether the chain is that of the embedded node, which nobody
// else has.
func (r *anchorRun) isRehearsal() bool {
	way, _ := r.nodeOptions.way(r.network) // was checked
	return way == viaEmbedded
}

// psbtOut reports whether a transaction was written for a signer elsewhere.
func (r *anchorRun) psbtOut() bool {
	return r.money.psbtOut != "" && slices.ContainsFunc(r.anchored, isUnsigned)
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
	out := anchorJSON{Version: jsonVersion, Documents: plan.Done + len(plan.Rewrite), Network: r.network.String(), Proofs: r.proofs, Fee: r.fee,
		Answers: append([]string{}, r.answers...), Left: []refusalJSON{}, Skipped: newRefusalsJSON(plan.Refusals), Warnings: newRefusalsJSON(plan.Warnings)}
	if path := r.tablePath(); path != "" {
		out.Table = &path
	}
	if path := r.archived(); path != "" {
		out.Archive = &path
	}
	for _, b := range r.anchored {
		out.Documents += len(b.Documents)
		out.Left = append(out.Left, newRefusalsJSON(b.Left)...)
	}
	for _, b := range slices.Concat(plan.Complete, r.anchored) { // the last one stays
		of, err := r.newBatchJSON(b)
		if err != nil {
			return err
		}
		out.Batch, out.State, out.BatchRoot, out.TxID, out.Block = &b.ID, &of.State, of.BatchRoot, of.TxID, of.Block
	}
	return r.ui.object(out)
}
