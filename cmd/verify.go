package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/verify"
)

type verifyOptions struct {
	network            string
	confirmations      uint32
	allowUnknownStatus bool
	unsafeCarriedWork  bool
	proof, proofs, ots string
}

func (o *verifyOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.network, "network", "mainnet", "the Bitcoin `network` that counts; naming a test network accepts it")
	flags.Uint32Var(&o.confirmations, "confirmations", 0, "`number` of confirmations that the block needs (default: 6, on a test network 1)")
	flags.BoolVar(&o.allowUnknownStatus, "allow-unknown-status", false, "accept documents of which it is not known whether they were withdrawn")
	flags.BoolVar(&o.unsafeCarriedWork, "unsafe-carried-work", false, "on mainnet, take work in the proof for a block beyond the header chain; proves no date")
	flags.StringVar(&o.proof, "proof", "", "the proof `file` of the one document named")
	flags.StringVar(&o.proofs, "proofs", "", "`folder` with proofs under any names; the last place that is looked in")
	flags.StringVar(&o.ots, "ots", "", "OpenTimestamps `file` of the one document named; it proves by when, and no issuer")
	setConfigKey(flags, "network", "verify.network")
	setConfigKey(flags, "confirmations", "verify.confirmations")
	setConfigKey(flags, "allow-unknown-status", "verify.allow-unknown-status")
	setConfigKey(flags, "unsafe-carried-work", "verify.unsafe-carried-work")
}

func (a *app) newVerifyCommand() *cobra.Command {
	var o verifyOptions
	cmd := &cobra.Command{
		Use:   "verify FILE…",
		Short: "Check documents by their proofs, without network",
		Long: `Checks each document, or each PDF in a folder, and gives one verdict:

  VALID        exactly these bytes, by that institution, no later than that day
  INVALID      something was checked and is false
  WITHDRAWN    the institution has withdrawn it
  PENDING      sound so far; Bitcoin has not confirmed it enough
  CANNOT TELL  something that is needed is not known here

The proof is looked for where --proof says, beside the document as
NAME.pdf.proof.json, at the end of the document itself, and in --proofs.

With --ots it is judged by a timestamp of OpenTimestamps alone, of any kind of
file. That proves at most by when the document existed, and names no issuer:
INVALID or CANNOT TELL.`,
		Example: `  gradseal verify transcript.pdf
  gradseal verify transcript.pdf transcript.pdf.proof.json
  gradseal verify --network regtest rehearsal/
  gradseal verify --json --proofs proofs/ inbox/
  gradseal verify essay.txt --ots essay.txt.ots

Exit codes: 0 every document VALID; 1 an error, nothing was judged; otherwise
that of the worst: 3 INVALID, 6 WITHDRAWN, 5 CANNOT TELL, 4 PENDING.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("ots").Changed && o.ots == "" {
				return errors.New("--ots: no file is named") // such as by a variable that is not set
			}
			return a.runVerify(cmd.Context(), o, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

var errNothingToVerify = hinted(errors.New("no document was named"),
	`verify needs two files: the document exactly as you got it (transcript.pdf), and
its proof (transcript.pdf.proof.json), both in one folder. Then run:
  gradseal verify transcript.pdf
The graduate has both. Whose proofs count on this machine: gradseal trust list`)

func (a *app) runVerify(ctx context.Context, o verifyOptions, args []string) error {
	if len(args) == 0 {
		return errNothingToVerify
	}
	judgeAll := a.judgeByProofs
	if o.ots != "" {
		judgeAll = a.judgeByTimestamp
	}
	results, err := judgeAll(ctx, o, args)
	if err != nil {
		return err
	}
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	return a.reportVerdicts(results, network)
}

// judgeByProofs verifies the documents that were named by their proofs.
func (a *app) judgeByProofs(ctx context.Context, o verifyOptions, args []string) ([]judged, error) {
	docs, err := collectDocuments(args)
	if err != nil {
		return nil, err
	}
	find, err := newFinder(docs, o.proof, o.proofs)
	if err != nil {
		return nil, err
	}
	v, closeChain, err := a.newVerifier(o)
	if err != nil {
		return nil, err
	}
	defer closeChain()
	results, err := a.judgeAll(ctx, v, find, docs.paths)
	for _, u := range docs.unreadable {
		results = append(results, judged{path: u.path, Result: verify.NotRead(u.err)})
	}
	return results, err
}

// newVerifier puts together what this machine trusts and what was asked for.
func (a *app) newVerifier(o verifyOptions) (*verify.Verifier, func(), error) {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return nil, nil, err
	}
	policy := verify.Policy{
		Network:            network,
		Confirmations:      o.confirmations,
		AllowUnknownStatus: o.allowUnknownStatus,
		Now:                time.Now(),
	}
	if policy.Confirmations == 0 {
		policy.Confirmations = defaultConfirmations(network)
	}
	if o.unsafeCarriedWork {
		_, last := headers.LastListed(bitcoin.Mainnet)
		policy.UnsafeCarriedWork = &verify.Yardstick{Bits: last.Bits(), Time: last.Time()}
	}
	believed, err := a.loadTrust()
	if err != nil {
		return nil, nil, err
	}
	closeChain := func() {}
	chain, err := a.openHeaders(network)
	switch {
	case err == nil:
		believed.Chain = chain
		closeChain = func() { chain.Close() }
	case !errors.Is(err, fs.ErrNotExist):
		return nil, nil, err
	}
	v, err := verify.New(believed, policy)
	return v, closeChain, err
}

func defaultConfirmations(n bitcoin.Network) uint32 {
	if n.IsTest() {
		return 1
	}
	return 6
}

// loadTrust reads the trust store: all issuers, and their status lists for
// every network: a withdrawal counts where the policy asks for another one, too.
func (a *app) loadTrust() (verify.Trust, error) {
	var believed verify.Trust
	store := a.home.trust()
	entries, err := store.Issuers()
	if err != nil {
		return verify.Trust{}, err
	}
	for _, e := range entries {
		believed.Issuers = append(believed.Issuers, e.File)
		for _, n := range bitcoin.Networks() {
			list, forked, err := store.Status(e.File.ID, n)
			if err != nil {
				return verify.Trust{}, err
			}
			if list != nil {
				believed.Status = append(believed.Status, verify.StatusList{StatusList: list.StatusList, Note: list.Note, Forked: forked})
			}
		}
	}
	return believed, nil
}

// judged is a document with its result. It does not hold the proof: there may
// be many documents.
type judged struct {
	path    string
	digest  verify.Digest // of the document
	claimed verify.Digest // of the document that its proof is for, where it has one
	*verify.Result
}

// judgeAll verifies the documents on all processors, in their order.
func (a *app) judgeAll(ctx context.Context, v *verify.Verifier, find *finder, paths []string) ([]judged, error) {
	var total int64
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			total += info.Size()
		}
	}
	bar := a.ui.startProgress("Checking", total, true)
	defer bar.finish()
	results := make([]judged, len(paths))
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range todo {
				e, err := find.find(paths[i], ctxWriter{ctx, bar})
				switch {
				case err == nil:
					results[i] = judge(v, e)
				case ctx.Err() == nil && len(paths) > 1:
					// One bad file must not keep an inbox from being judged.
					results[i] = judged{path: paths[i], Result: verify.NotRead(err)}
				default:
					cancel(fmt.Errorf("nothing was judged: %w", err))
					return
				}
			}
		})
	}
	for i := range paths {
		select {
		case todo <- i:
		case <-ctx.Done():
		}
	}
	close(todo)
	wg.Wait()
	return results, context.Cause(ctx)
}

// ctxWriter counts what is read, and stops the reading when ctx ends.
type ctxWriter struct {
	ctx context.Context
	bar *progress
}

func (w ctxWriter) Write(b []byte) (int, error) {
	w.bar.add(int64(len(b)))
	return len(b), w.ctx.Err()
}

func judge(v *verify.Verifier, e evidence) judged {
	j := judged{path: e.path, digest: e.digest}
	switch {
	case e.broken != nil:
		j.Result = verify.Malformed(e.broken)
		return j
	case e.proof == nil:
		j.Result = verify.WithoutProof()
		return j
	}
	j.claimed, _ = e.proof.Digest()
	j.Result = v.Judge(e.digest, *e.proof)
	for _, spare := range e.spare {
		if r := v.Judge(e.digest, *spare); slices.Index(preference, r.Verdict) < slices.Index(preference, j.Verdict) {
			j.Result = r
		}
	}
	return j
}

// preference is the order in which one of several proofs for a document is
// taken. Anyone can make one that is worth nothing, which must hide neither a
// sound one nor a withdrawal.
var preference = []verify.Verdict{verify.Valid, verify.Withdrawn, verify.Pending, verify.CannotTell, verify.Invalid}

// verdictJSON is one document's result under --json.
type verdictJSON struct {
	Version       int         `json:"version"`
	File          string      `json:"file"`
	Verdict       string      `json:"verdict"`
	Network       *string     `json:"network"`
	TestNetwork   bool        `json:"test_network"`
	Issuer        *partyJSON  `json:"issuer"`
	Block         *blockJSON  `json:"block"`
	Witness       *blockJSON  `json:"witness"`
	WorkOnly      bool        `json:"work_only"`
	ExistenceOnly bool        `json:"existence_only"`
	WeakHash      *string     `json:"weak_hash"`
	NoLaterThan   *string     `json:"no_later_than"`
	StatusAsOf    *string     `json:"status_as_of"`
	Problem       *string     `json:"problem"`
	Checks        []checkJSON `json:"checks"`
	Hint          string      `json:"hint"`
	Exit          int         `json:"exit"`
}

type partyJSON struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type blockJSON struct {
	Height uint32 `json:"height"`
	Hash   string `json:"hash"`
	Time   string `json:"time"`
}

type checkJSON struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
}

func newBlockJSON(b *verify.BlockAt) *blockJSON {
	if b == nil {
		return nil
	}
	return &blockJSON{Height: b.Height, Hash: b.Hash.String(), Time: b.Time.Format(time.RFC3339)}
}

// newVerdictJSON has the issuer's name from the trust store, or none.
func newVerdictJSON(j judged, accepted bitcoin.Network, advice string) verdictJSON {
	out := verdictJSON{
		Version: jsonVersion, File: j.path, Verdict: j.Verdict.String(),
		TestNetwork: onTestNetwork(j.Result, accepted), WorkOnly: j.WorkOnly, Hint: advice, Exit: j.Verdict.Exit(),
		Witness: newBlockJSON(j.Witness), ExistenceOnly: j.Existence != nil,
	}
	if j.Existence != nil && j.Existence.WeakHash != "" && !refutedTimestamp(j.Result) {
		out.WeakHash = ptr(j.Existence.WeakHash)
	}
	if j.Checks[verify.Anchor].Outcome == verify.OK && !refutedTimestamp(j.Result) {
		out.Block = newBlockJSON(j.Header)
	}
	if j.Network != 0 {
		out.Network = ptr(j.Network.String())
	}
	if j.Issuer != nil && j.Checks[verify.Issuer].Outcome == verify.OK {
		out.Issuer = &partyJSON{ID: j.Issuer.ID, Name: j.Issuer.Name}
	}
	if !j.NoLaterThan.IsZero() {
		out.NoLaterThan = ptr(j.NoLaterThan.Format(time.DateOnly))
	}
	if !j.StatusAsOf.IsZero() {
		out.StatusAsOf = ptr(j.StatusAsOf.Format(time.RFC3339))
	}
	if j.Problem != nil {
		out.Problem = ptr(j.Problem.Error())
	}
	for _, c := range j.Checks {
		out.Checks = append(out.Checks, checkJSON{c.Name, c.Outcome.String(), c.Detail})
	}
	return out
}

func ptr[T any](v T) *T { return &v }

// onTestNetwork reports whether the verdict is one about a network whose
// blocks prove nothing to anyone else.
func onTestNetwork(r *verify.Result, accepted bitcoin.Network) bool {
	if r.Network != 0 {
		return r.Network.IsTest()
	}
	return accepted.IsTest()
}
