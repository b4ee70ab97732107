package cmd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"

	"gradseal/anchor"
	"gradseal/anchor/embedded"
	"gradseal/batch"
)

// smallGroup is the number of documents below which a public title can tell
// who is in the batch.
const smallGroup = 10

// review says everything that there is to say about the files, before anything
// is signed.
func (r *anchorRun) review(plan *batch.Plan) error {
	if len(plan.Warnings) > 0 {
		r.ui.warn("%s to look at before they are issued (--strict refuses them):%s", count(len(plan.Warnings), "thing"), grouped(plan.Warnings))
	}
	if plan.Void > 0 {
		r.ui.note("Passed over %s, withdrawn or signed by keys that were closed since. The same bytes are issued again with --reissue", count(plan.Void, "document"))
	}
	if n := unsigned(plan); n > 0 && n < smallGroup {
		r.ui.note("gradseal: warning: this batch has only %s, and every proof shows its size and its title to whoever holds one: a title must not tell who is in it", count(n, "document"))
	}
	if !r.skipRefused {
		return r.refuse(plan.Refusals)
	}
	if len(plan.Refusals) == 0 {
		return nil
	}
	if plan.Fresh()+len(plan.Resume)+len(plan.Rewrite)+plan.Done == 0 {
		return hinted(refusedError(plan.Refusals), "no file is left to go on with")
	}
	r.ui.warn("going on without what is refused, %s:%s", count(len(plan.Refusals), "fault"), lines(plan.Refusals))
	return nil
}

// unsigned is the number of documents of the batch that is to be signed.
func unsigned(plan *batch.Plan) int {
	n := plan.Fresh()
	for _, b := range plan.Resume {
		if b.State() == batch.Planned {
			n += len(b.Documents)
		}
	}
	return n
}

// refuse lists the files for which nothing was signed.
func (r *anchorRun) refuse(refusals []batch.Finding) error {
	if len(refusals) == 0 {
		return nil
	}
	if r.replacing != nil {
		return hinted(refusedError(refusals), "mend it, or move what is in the way to another place, and run the same command again")
	}
	return hinted(refusedError(refusals), "mend or move them away and run the same command again, or go on without them: --skip-refused")
}

// refusedError lists the files for which nothing was signed.
type refusedError []batch.Finding

func (e refusedError) Error() string {
	return fmt.Sprintf("%s found, and nothing was signed:%s", count(len(e), "fault"), lines(e))
}

// mostLines is how many findings are listed for people; --json lists all.
const mostLines = 1000

// lines has a line for each finding.
func lines(findings []batch.Finding) string {
	var out strings.Builder
	for _, f := range findings[:min(mostLines, len(findings))] {
		fmt.Fprintf(&out, "\n  %s: %s", shown(f.Path), safe(f.Text))
	}
	if more := len(findings) - mostLines; more > 0 {
		fmt.Fprintf(&out, "\n  and %s more, which --json lists", number(more))
	}
	return out.String()
}

// How many findings of one kind are listed by name, and how many kinds.
const (
	alike     = 20
	mostKinds = 50
)

// figures are what texts of one kind differ in, such as places in a file.
var figures = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile("[0-9]+")
})

// grouped is lines, with the like together and the many counted.
func grouped(findings []batch.Finding) string {
	var kinds []string
	byKind := make(map[string][]batch.Finding)
	for _, f := range findings {
		kind := figures().ReplaceAllString(f.Text, "#")
		if byKind[kind] == nil {
			kinds = append(kinds, kind)
		}
		byKind[kind] = append(byKind[kind], f)
	}
	var out strings.Builder
	rest := len(findings)
	for _, kind := range kinds[:min(mostKinds, len(kinds))] {
		of := byKind[kind]
		rest -= len(of)
		out.WriteString(lines(of[:min(alike, len(of))]))
		if more := len(of) - alike; more > 0 {
			if !slices.ContainsFunc(of, func(f batch.Finding) bool { return f.Text != of[0].Text }) {
				kind = of[0].Text
			}
			fmt.Fprintf(&out, "\n  and %s more, which --json lists: %s", number(more), safe(kind))
		}
	}
	if rest > 0 {
		fmt.Fprintf(&out, "\n  and %s more of other kinds, which --json lists", number(rest))
	}
	return out.String()
}

// planJSON is the result of a dry run under --json.
type planJSON struct {
	Version           int      `json:"version"`
	DryRun            bool     `json:"dry_run"`
	Network           string   `json:"network"`
	Issuer            string   `json:"issuer"`
	Title             string   `json:"title"`
	New               int      `json:"new"`
	Bytes             int64    `json:"bytes"`
	Resume            []string `json:"resume"`
	Drop              []string `json:"drop"`
	Rewrite           int      `json:"rewrite"`
	Done              int      `json:"done"`
	Replaced          int      `json:"replaced"`
	Void              int      `json:"void"`
	Reissued          int      `json:"reissued"`
	Transactions      int      `json:"transactions"`
	TransactionBytes  int64    `json:"transaction_bytes"`
	TransactionVBytes int64    `json:"transaction_vbytes"`
	FeeRate           string   `json:"fee_rate"`
	Fee               int64    `json:"fee"`
	// Inputs and Outputs are those of the first transaction; empty where the
	// embedded node makes it.
	Inputs  []coinJSON   `json:"inputs"`
	Outputs []outputJSON `json:"outputs"`
	// Calendars are those that the batch root is submitted to.
	Calendars []string      `json:"calendars"`
	Skipped   []refusalJSON `json:"skipped"`
	Warnings  []refusalJSON `json:"warnings"`
}

// coinJSON is an output that a transaction spends, under --json.
type coinJSON struct {
	OutPoint string `json:"outpoint"`
	Value    int64  `json:"value"`
}

// outputJSON is an output of a transaction, under --json.
type outputJSON struct {
	Value  int64  `json:"value"`
	Script string `json:"script"`
}

// cost is what a transaction measures, costs, spends and pays.
type cost struct {
	*anchor.Estimate
	rate    string
	inputs  []coinJSON
	outputs []outputJSON
}

// estimate is the cost of a transaction that is yet to be made. It asks the
// node, and locks and sends nothing there.
func (r *anchorRun) estimate(ctx context.Context, plan *batch.Plan) (*cost, error) {
	way, err := r.nodeOptions.way(r.network)
	if err != nil || way == viaEmbedded || way == viaCalendars || unfunded(plan) == 0 {
		e, err := embedded.Estimate()
		return &cost{Estimate: e, rate: anchor.SatPerVByte.String(), inputs: []coinJSON{}, outputs: []outputJSON{}}, err
	}
	done, err := r.open(ctx, r.nodeOptions)
	if err != nil {
		return nil, err
	}
	defer done()
	order, err := r.order(ctx, &batch.Batch{})
	if err != nil {
		return nil, err
	}
	request, err := r.backend.Fund(ctx, order)
	if err != nil {
		return nil, err
	}
	tx := request.Packet.UnsignedTx
	c := &cost{
		Estimate: &anchor.Estimate{Stripped: int64(tx.SerializeSizeStripped()), VSize: request.VSize(), Fee: request.Fee()},
		rate:     order.Rate.String(),
		inputs:   []coinJSON{}, outputs: []outputJSON{},
	}
	for _, coin := range request.Coins() {
		c.inputs = append(c.inputs, coinJSON{coin.OutPoint.String(), coin.Value})
	}
	for _, out := range tx.TxOut {
		c.outputs = append(c.outputs, outputJSON{out.Value, hex.EncodeToString(out.PkScript)})
	}
	return c, nil
}

// rehearse says what a run would do, and touches nothing.
func (r *anchorRun) rehearse(ctx context.Context, paths []string) error {
	_, plan, faults := r.prepare(ctx, paths)
	if plan == nil {
		return faults
	}
	return r.rehearsePlan(ctx, plan, faults)
}

func (r *anchorRun) rehearsePlan(ctx context.Context, plan *batch.Plan, faults error) error {
	cost, err := r.estimate(ctx, plan)
	if err != nil {
		return remedied(err)
	}
	out := planJSON{
		Version: jsonVersion, DryRun: true,
		Network: r.network.String(), Issuer: r.issuer, Title: r.title,
		New: plan.Fresh(), Bytes: totalSize(plan.New) + plan.LeafBytes,
		Resume: ids(plan.Resume), Drop: ids(plan.Stale),
		Rewrite: len(plan.Rewrite), Done: plan.Done, Replaced: plan.Replaced, Void: plan.Void, Reissued: plan.Reissued,
		TransactionBytes: cost.Stripped, TransactionVBytes: cost.VSize, FeeRate: cost.rate,
		Inputs: cost.inputs, Outputs: cost.outputs, Calendars: []string{},
		Skipped: newRefusalsJSON(plan.Refusals), Warnings: newRefusalsJSON(plan.Warnings),
	}
	if way, _ := r.nodeOptions.way(r.network); way != viaCalendars {
		out.Transactions = unfunded(plan)
	}
	if r.submits {
		for _, c := range r.calendars.clients {
			out.Calendars = append(out.Calendars, c.URL())
		}
	}
	out.Fee = int64(out.Transactions) * cost.Fee
	switch {
	case r.ui.json && faults != nil:
		return faults
	case r.ui.json:
		return r.ui.object(out)
	}
	r.showPlan(plan, out)
	if faults == nil {
		next := "the same command without --dry-run"
		switch nothing := out.New+len(out.Resume)+out.Rewrite == 0; {
		case nothing && len(plan.Refusals) > 0:
			next = "mend what is refused; every other document has its proof"
		case nothing && r.tablePath() == "":
			next = "nothing, every document has its proof"
		}
		r.ui.result("Nothing was written, signed or sent. Next: %s", next)
	}
	return faults
}

func (r *anchorRun) showPlan(plan *batch.Plan, p planJSON) {
	signer := r.issuer
	if r.rehearsal {
		signer += " (for the rehearsal; it is made then)"
	}
	without := ""
	if n := len(plan.Refusals); n > 0 {
		without = ", without what is refused"
	}
	r.ui.result("Plan for %s%s:", p.Network, without)
	if p.New+len(p.Resume)+len(p.Drop)+p.Rewrite+p.Done == 0 {
		r.ui.result("  nothing       no document is left to anchor")
		return
	}
	if p.New > 0 {
		r.ui.result("  new batch     %s, %s", count(p.New, "document"), size(p.Bytes))
		r.ui.result("  title         %s", titleOrNone(p.Title))
		r.ui.result("  signed by     %s", signer)
	}
	for _, b := range plan.Resume {
		r.ui.result("  go on with    batch %s, %s, which is %s", b.ID, count(len(b.Documents), "document"), b.State())
	}
	for _, b := range plan.Stale {
		r.ui.result("  drop          the unsigned plan of batch %s", b.ID)
	}
	if p.Transactions > 0 {
		r.ui.result("  transactions  %d, of %s without signatures, %s virtual bytes", p.Transactions, count(p.TransactionBytes, "byte"), number(p.TransactionVBytes))
		for _, in := range p.Inputs {
			r.ui.result("  spends        %s, %s satoshi", in.OutPoint, number(in.Value))
		}
		for i, out := range p.Outputs {
			if i == 0 {
				r.ui.result("  commits       in an OP_RETURN output of %s satoshi", number(out.Value))
			} else {
				r.ui.result("  change        %s satoshi", number(out.Value))
			}
		}
		r.ui.result("  fee           %s satoshi at %s%s", number(p.Fee), p.FeeRate, r.worth())
	}
	for _, url := range p.Calendars {
		r.ui.result("  calendar      %s", safe(url))
	}
	if p.Transactions == 0 && len(p.Calendars) > 0 {
		r.ui.result("  fee           none: calendars anchor for nothing")
	}
	if p.Replaced > 0 {
		r.ui.result("  overwrite     %s of a test network", count(p.Replaced, "proof"))
	}
	if p.Reissued > 0 {
		r.ui.result("  issue again   %s that no verifier takes any more", count(p.Reissued, "document"))
	}
	if p.Rewrite > 0 {
		r.ui.result("  write again   %s", count(p.Rewrite, "missing proof"))
	}
	if p.Done > 0 {
		r.ui.result("  leave alone   %s, anchored before", count(p.Done, "document"))
	}
	if r.tablePath() != "" {
		r.ui.result("  table         %s", shown(r.tablePath()))
	}
}

// worth says what the money of a test network is worth.
func (r *anchorRun) worth() string {
	if r.network.IsTest() {
		return ", which are worth nothing on " + r.network.String()
	}
	return ""
}

func titleOrNone(title string) string {
	if title == "" {
		return "none"
	}
	return quoted(title)
}

// unfunded is the number of transactions that are yet to be made.
func unfunded(plan *batch.Plan) int {
	n := min(plan.Fresh(), 1)
	for _, b := range plan.Resume {
		if len(b.Requests) == 0 {
			n++
		}
	}
	return n
}

func totalSize(files []batch.File) (sum int64) {
	for _, f := range files {
		sum += f.Size
	}
	return sum
}

func ids(batches []*batch.Batch) []string {
	list := []string{}
	for _, b := range batches {
		list = append(list, b.ID)
	}
	return list
}

func newRefusalsJSON(findings []batch.Finding) []refusalJSON {
	list := []refusalJSON{}
	for _, f := range findings {
		list = append(list, refusalJSON{f.Path, f.Text})
	}
	return list
}

// standing adds to an error where the batch stands that was at work.
func (r *anchorRun) standing(err error) error {
	where := "nothing was signed in this run: run the same command again"
	full := errors.Is(err, syscall.ENOSPC) && !errors.As(err, new(hintedError))
	if full {
		err = hinted(err, "make room on the disk")
	}
	switch b := r.current; {
	case errors.Is(err, errEnded):
		return err // it says what to do, and going on is not it
	case b == nil && full:
	case b == nil && errors.As(err, new(hintedError)):
		return err // it says what to do, and there is no batch to speak of
	case b == nil:
	case b.State() == batch.Planned:
		where = fmt.Sprintf("batch %s is planned and not signed. The same command goes on with it; it is dropped with: gradseal batches abandon %s", b.ID, b.ID)
	default:
		where = fmt.Sprintf("batch %s is %s, and nothing of it is lost: run the same command again to finish it", b.ID, b.State())
	}
	var h hintedError
	if errors.As(err, &h) {
		where = h.hint + ". " + upperFirst(where)
	}
	return hinted(err, "%s", where)
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
