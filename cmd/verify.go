package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/diagnose"
	"gradseal/evidence"
	"gradseal/headers"
	"gradseal/verify"
)

type verifyOptions struct {
	network            string
	confirmations      uint32
	allowUnknownStatus bool
	unsafeCarriedWork  bool
	proof, proofs, ots string
	qr                 bool
	report, language   string
	csv                string
}

func (o *verifyOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.network, "network", "mainnet", "the Bitcoin `network` that counts; naming a test network accepts it")
	flags.Uint32Var(&o.confirmations, "confirmations", 0, "`number` of confirmations that the block needs (default: 6, on a test network 1)")
	flags.BoolVar(&o.allowUnknownStatus, "allow-unknown-status", false, "accept documents of which it is not known whether they were withdrawn")
	flags.BoolVar(&o.unsafeCarriedWork, "unsafe-carried-work", false, "on mainnet, take work in the proof for a block beyond the header chain; proves no date")
	flags.StringVar(&o.proof, "proof", "", "the proof `file` of the one document named")
	flags.StringVar(&o.proofs, "proofs", "", "`folder` or ZIP file with proofs under any names; the last place that is looked in")
	flags.StringVar(&o.ots, "ots", "", "OpenTimestamps `file` of the one document named; it proves by when, and no issuer")
	flags.BoolVar(&o.qr, "qr", false, "the files named are photographs of the QR codes of one proof, and its document")
	flags.StringVar(&o.csv, "csv", "", "write a table of the verdicts to this `file`; the same command again goes on if interrupted")
	flags.StringVar(&o.report, "report", "", "write a report of the one document named to this HTML `file`, to print or to keep")
	flags.StringVar(&o.language, "language", "", "`language` of the report: en or zh (default: that of the system, or en)")
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

In a folder, files whose name does not end in .pdf are passed over, and counted; a
link to another folder is CANNOT TELL, for what it leads to is not looked into.

The proof is looked for where --proof says, beside the document as
NAME.pdf.proof.json, at the end of the document itself, and in --proofs.

With --csv the verdicts are written to a table, for spreadsheets. Where that is
interrupted, the same command again goes on: what was judged is kept beside the
table (FILE.csv.partial), and judged again where a file, a proof, the trusted
issuers, their status lists or the header chain are others since.

With --ots it is judged by a timestamp of OpenTimestamps alone, of any kind of
file. That proves at most by when the document existed, and names no issuer:
INVALID or CANNOT TELL.

With --qr the proof is read from photographs (JPEG or PNG) of the QR codes on a
paper document, in any order. Without the file that they are for, nothing better
than CANNOT TELL is said, and which SHA-256 the file must have.`,
		Example: `  gradseal verify transcript.pdf
  gradseal verify transcript.pdf transcript.pdf.proof.json
  gradseal verify --network regtest rehearsal/
  gradseal verify --json --proofs proofs/ inbox/
  gradseal verify --proofs proofs.zip inbox/
  gradseal verify inbox/ --csv verdicts.csv
  gradseal verify essay.txt --ots essay.txt.ots
  gradseal verify --report report.html transcript.pdf
  gradseal verify --qr photo1.jpg photo2.jpg transcript.pdf

Exit codes: 0 every document VALID; 1 an error, nothing was judged; otherwise
that of the worst: 3 INVALID, 6 WITHDRAWN, 5 CANNOT TELL, 4 PENDING.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("ots").Changed && o.ots == "" {
				return errors.New("--ots: no file is named") // such as by a variable that is not set
			}
			for _, name := range []string{"csv", "report"} {
				if flag := cmd.Flag(name); flag.Changed && flag.Value.String() == "" {
					return fmt.Errorf("--%s: no file is named", name)
				}
			}
			if cmd.Flag("language").Changed && o.report == "" {
				return hinted(errors.New("--language is that of a report, and none was asked for"), "name the file to write it to, too: --report FILE.html")
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
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return err
	}
	file, err := a.newReportFile(o)
	if err != nil {
		return err
	}
	if o.csv != "" && o.report != "" {
		return hinted(errors.New("--csv and --report were both named"), "a table is for many documents, a report for one: name one of the two")
	}
	if o.csv != "" && (o.qr || o.ots != "") {
		return hinted(errors.New("--csv goes with documents that are judged by their proofs"), "name the documents or their folder: gradseal verify DIR --csv FILE.csv")
	}
	var judgeAll func(context.Context, verifyOptions, []string) ([]judged, error)
	switch {
	case o.qr:
		judgeAll = a.judgeByCodes
	case o.ots != "":
		judgeAll = a.judgeByTimestamp
	default:
		return a.verifyByProofs(ctx, o, args, network, file)
	}
	results, err := judgeAll(ctx, o, args)
	if err != nil {
		return err
	}
	for _, j := range results {
		if err := file.write(j, network); err != nil {
			return err
		}
	}
	return a.reportVerdicts(results, network)
}

// verifyByProofs verifies the documents that were named by their proofs.
func (a *app) verifyByProofs(ctx context.Context, o verifyOptions, args []string, accepted bitcoin.Network, file *reportFile) error {
	if o.csv != "" {
		if err := checkSheet(o.csv); err != nil {
			return err
		}
	}
	q, err := a.newQuestion(ctx, o, args, file)
	if err != nil {
		return err
	}
	defer q.close()
	if o.csv != "" {
		return (&sheet{question: q, a: a, path: o.csv, accepted: accepted}).make(ctx)
	}
	r := a.newReporter(accepted, q.docs.count())
	r.file = file
	if err := a.judgeAll(ctx, q.verifier, q.find, q.docs.paths, r); err != nil {
		return err
	}
	for _, u := range q.docs.unreadable {
		if err := r.add(judged{path: u.path, Result: verify.NotRead(u.err)}); err != nil {
			return err
		}
	}
	return r.finish()
}

// question is all that an answer is made from.
type question struct {
	docs       documents
	named      []string     // proofs
	folder     *proofFolder // nil: none was named
	find       *evidence.Finder
	believed   verify.Trust
	policy     verify.Policy
	verifier   *verify.Verifier
	closeChain func()
}

func (q *question) close() {
	q.closeChain()
	q.folder.close()
}

func (a *app) newQuestion(ctx context.Context, o verifyOptions, args []string, file *reportFile) (*question, error) {
	var q question
	var err error
	if q.docs, err = collectDocuments(args); err != nil {
		return nil, err
	}
	if err := file.check(q.docs.count()); err != nil {
		return nil, err
	}
	a.notePassedOver(q.docs, "checked")
	if o.proofs == "" {
		a.strays = new(strayProofs)
	}
	if o.proofs != "" {
		if q.folder, err = a.openProofFolder(ctx, o.proofs); err != nil {
			return nil, err
		}
	}
	q.named = q.docs.named(o.proof)
	if q.find, err = newFinder(q.docs, o.proof, q.folder); err != nil {
		return nil, err
	}
	if q.believed, q.policy, q.closeChain, err = a.believe(o); err != nil {
		return nil, err
	}
	q.verifier, err = verify.New(q.believed, q.policy)
	if err != nil {
		q.closeChain()
		return nil, err
	}
	return &q, nil
}

// newVerifier puts together what this machine trusts and what was asked for.
func (a *app) newVerifier(o verifyOptions) (*verify.Verifier, func(), error) {
	believed, policy, closeChain, err := a.believe(o)
	if err != nil {
		return nil, nil, err
	}
	v, err := verify.New(believed, policy)
	return v, closeChain, err
}

// believe reads what newVerifier puts together.
func (a *app) believe(o verifyOptions) (verify.Trust, verify.Policy, func(), error) {
	network, err := bitcoin.ParseNetwork(o.network)
	if err != nil {
		return verify.Trust{}, verify.Policy{}, nil, err
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
		return verify.Trust{}, verify.Policy{}, nil, err
	}
	closeChain := func() {}
	chain, err := a.openHeaders(network)
	switch {
	case err == nil:
		believed.Chain = chain
		closeChain = func() { chain.Close() }
	case !errors.Is(err, fs.ErrNotExist):
		return verify.Trust{}, verify.Policy{}, nil, err
	}
	return believed, policy, closeChain, nil
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

// judged is a document with its result.
type judged struct {
	path     string
	evidence evidence.Evidence
	digest   verify.Digest // of the document
	claimed  verify.Digest // of the document that its proof is for, where it has one
	found    []diagnose.Finding
	*verify.Result
}

// ctxWriter counts what is read, where there is a bar, and stops the reading when
// ctx ends.
type ctxWriter struct {
	ctx context.Context
	bar *progress
}

func (w ctxWriter) Write(b []byte) (int, error) {
	if w.bar != nil {
		w.bar.add(int64(len(b)))
	}
	return len(b), w.ctx.Err()
}

func judge(v *verify.Verifier, path string, e evidence.Evidence) judged {
	j := judged{path: path, evidence: e, digest: e.Digest, Result: e.Judge(v)}
	j.claimed, _ = e.Claimed()
	j.found = diagnoseDocument(path, e, j.Result)
	return j
}

// verdictJSON is one document's result under --json.
type verdictJSON struct {
	Version       int             `json:"version"`
	File          string          `json:"file"`
	Verdict       string          `json:"verdict"`
	Network       *string         `json:"network"`
	TestNetwork   bool            `json:"test_network"`
	Issuer        *partyJSON      `json:"issuer"`
	Block         *blockJSON      `json:"block"`
	Witness       *blockJSON      `json:"witness"`
	WorkOnly      bool            `json:"work_only"`
	ExistenceOnly bool            `json:"existence_only"`
	WeakHash      *string         `json:"weak_hash"`
	NoLaterThan   *string         `json:"no_later_than"`
	StatusAsOf    *string         `json:"status_as_of"`
	Problem       *string         `json:"problem"`
	Checks        []checkJSON     `json:"checks"`
	Diagnosis     []diagnosisJSON `json:"diagnosis"`
	Hint          string          `json:"hint"`
	Exit          int             `json:"exit"`
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
		Witness: newBlockJSON(j.Witness), ExistenceOnly: j.Existence != nil, Diagnosis: newDiagnosisJSON(j.found),
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
