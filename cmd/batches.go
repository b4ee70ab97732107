package cmd

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

func (a *app) newBatchesCommand() *cobra.Command {
	documents := false
	cmd := &cobra.Command{
		Use:   "batches [BATCH]",
		Short: "The batches of this home, and how far each has come",
		Long: `Lists the batches that were made here, or shows one. A batch is planned,
then proposed (where other officers have to sign it too), then signed, then requested (its transaction waits for a signature), then sent,
then confirmed (the transaction is in a block), then complete (every proof has
been written). One that calendars anchor goes from signed to sent, which means that
they have promised to, and its block is that of their transaction. The anchor
command with the same files takes a batch on, and from sent on gradseal upgrade
does. Confirmations are counted in this home's header chain.`,
		Example: `  gradseal batches
  gradseal batches 20261122-10b7b705
  gradseal batches 20261122-10b7b705 --documents
  gradseal batches abandon 20261122-10b7b705

Exit codes: 0 done; 1 an error.`,
	}
	addCommands(cmd, a.newBatchesAbandonCommand())
	cmd.Args = oneArg(0, "name one batch, or none for all")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return a.runBatches()
		}
		return a.runBatchShow(args[0], documents)
	}
	cmd.Flags().BoolVar(&documents, "documents", false, "list the documents of the batch too")
	return cmd
}

func (a *app) newBatchesAbandonCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "abandon BATCH",
		Short: "Drop a batch that is not signed",
		Long: `Removes the plan of a batch that is not signed: nothing was issued, and nothing
is lost but the plan. A signed batch stays: signing is issuing, for whoever holds
the statement can have it anchored.`,
		Example: `  gradseal batches abandon 20261122-10b7b705

Exit codes: 0 dropped; 1 an error, and the batch is as it was.`,
		Args: oneArg(1, "name the batch that is to be dropped; list them with: gradseal batches"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runAbandon(cmd.Context(), args[0])
		},
	}
}

// batchJSON is a batch under --json.
type batchJSON struct {
	Version   int        `json:"version"`
	Batch     string     `json:"batch"`
	State     string     `json:"state"`
	Documents int        `json:"documents"`
	Forgotten int        `json:"forgotten"`
	Bytes     int64      `json:"bytes"`
	Network   string     `json:"network"`
	Issuer    string     `json:"issuer"`
	Title     string     `json:"title"`
	Created   string     `json:"created"`
	BatchRoot *string    `json:"batch_root"`
	TxID      *string    `json:"txid"`
	Block     *blockJSON `json:"block"`
	// Calendars are those that were asked, with the block that each has.
	Calendars []calendarJSON `json:"calendars"`
	// Confirmations are those in the header chain of this home, Fee is in satoshi,
	// Versions counts the transactions that replace one another.
	Confirmations uint32 `json:"confirmations"`
	Fee           *int64 `json:"fee"`
	Versions      int    `json:"versions"`
	Next          string `json:"next"`
	// Files are listed with --documents only.
	Files []batchFileJSON `json:"files,omitempty"`
}

type batchFileJSON struct {
	File   string `json:"file"`
	SHA256 string `json:"sha256"`
	Index  int    `json:"index"`
	Proof  bool   `json:"proof"`
}

// calendarJSON is a calendar that promised to anchor a batch root, under --json.
type calendarJSON struct {
	URL    string  `json:"url"`
	Height *uint64 `json:"height"`
}

type abandonedJSON struct {
	Version   int    `json:"version"`
	Abandoned string `json:"abandoned"`
}

func (a *app) newBatchJSON(b *batch.Batch) (*batchJSON, error) {
	out := &batchJSON{
		Version: jsonVersion, Batch: b.ID, State: b.State().String(), Documents: len(b.Documents), Forgotten: b.Forgotten(),
		Network: b.Network.String(), Issuer: b.Issuer, Title: b.Title, Created: b.Created.Format(time.RFC3339),
		Confirmations: a.confirmationsOf(b), Versions: len(b.Requests) + len(b.Found), Next: nextStep(b),
	}
	for _, d := range b.Documents {
		out.Bytes += d.Size
	}
	if p, err := a.proposalOf(b); err != nil {
		return nil, err
	} else if p != nil && b.Statement == nil {
		out.State, out.Next = stateProposed, a.proposedStep(p)
	}
	if b.Statement != nil {
		root, err := b.Root()
		if err != nil {
			return nil, err
		}
		out.BatchRoot = ptr(hex.EncodeToString(root[:]))
	}
	var err error
	if out.Calendars, err = a.calendarsOf(b); err != nil {
		return nil, err
	}
	at, err := a.anchorOf(b)
	if err != nil {
		return nil, err
	}
	if at.id != "" {
		out.TxID = &at.id
	}
	out.Block, out.Fee = cmp.Or(at.block, a.calendarBlock(b)), at.fee
	return out, nil
}

// anchored is the transaction of a batch: the one that is in a block, or else
// the newest that is signed, or else the newest. Where there is none, the block is
// that of a calendar's.
type anchored struct {
	id    string // empty where there is none
	fee   *int64 // satoshi; nil where somebody else made it
	block *blockJSON
}

// anchorOf returns what there is of the transaction of a batch.
func (a *app) anchorOf(b *batch.Batch) (*anchored, error) {
	if b.Attestation != nil {
		return attested(b)
	}
	if len(b.Requests) == 0 {
		return &anchored{block: a.calendarBlock(b)}, nil
	}
	index := b.Newest()
	if index < 0 {
		index = len(b.Requests) - 1
	}
	request, err := requestOf(b, index)
	if err != nil {
		return nil, err
	}
	return &anchored{id: request.ID().String(), fee: ptr(request.Fee())}, nil
}

// attested is the transaction that is in a block.
func attested(b *batch.Batch) (*anchored, error) {
	tx, err := bitcoin.ParseTransaction(b.Attestation.Transaction)
	if err != nil {
		return nil, fmt.Errorf("batch %s: %w", b.ID, err)
	}
	h := b.Attestation.Header
	of := &anchored{
		id:    tx.ID().String(),
		block: newBlockJSON(&verify.BlockAt{Height: b.Attestation.Height, Hash: h.Hash(), Time: h.Time()}),
	}
	for i := range b.Requests {
		request, err := requestOf(b, i)
		if err != nil {
			return nil, err
		}
		if request.ID() == tx.ID() {
			of.fee = ptr(request.Fee())
		}
	}
	return of, nil
}

func (a *app) runBatches() error {
	list, err := a.home.batches().List()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		a.ui.note("There is no batch here yet. Rehearse one with: gradseal anchor FOLDER")
	}
	if a.ui.json {
		return a.showAllJSON(list)
	}
	table := tabwriter.NewWriter(a.ui.Out, 0, 0, 2, ' ', 0)
	if len(list) > 0 {
		fmt.Fprintln(table, "BATCH\tSTATE\tDOCUMENTS\tNETWORK\tAGE\tCONFIRMATIONS\tFEE\tISSUER\tTITLE")
	}
	for _, b := range list {
		confirmations, fee := "-", "-"
		if b.Attestation != nil || b.Timestamp != nil {
			confirmations = number(a.confirmationsOf(b))
		}
		switch at, err := a.anchorOf(b); {
		case err != nil:
			return err
		case at.fee != nil:
			fee = number(*at.fee)
		}
		state, err := a.stateOf(b)
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, state, number(len(b.Documents)), b.Network,
			age(time.Since(b.Created)), confirmations, fee, b.Issuer, safe(b.Title))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, b := range list {
		if b.State() != batch.Complete {
			next, err := a.nextOf(b)
			if err != nil {
				return err
			}
			a.ui.note("%s  %s", b.ID, next)
		}
	}
	return nil
}

func (a *app) showAllJSON(list []*batch.Batch) error {
	for _, b := range list {
		out, err := a.newBatchJSON(b)
		if err != nil {
			return err
		}
		if err := a.ui.object(out); err != nil {
			return err
		}
	}
	return nil
}

// findBatch returns the batch with the id, or the one whose id begins so.
func (a *app) findBatch(id string) (*batch.Batch, error) {
	list, err := a.home.batches().List()
	if err != nil {
		return nil, err
	}
	return pickBatch(list, id)
}

// pickBatch is findBatch in a list.
func pickBatch(list []*batch.Batch, id string) (*batch.Batch, error) {
	list = slices.DeleteFunc(slices.Clone(list), func(b *batch.Batch) bool { return !strings.HasPrefix(b.ID, id) })
	if i := slices.IndexFunc(list, func(b *batch.Batch) bool { return b.ID == id }); i >= 0 {
		return list[i], nil
	}
	switch {
	case len(list) == 0 || id == "":
		return nil, hinted(fmt.Errorf("there is no batch %s here", quoted(id)), "list them with: gradseal batches")
	case len(list) > 1:
		return nil, hinted(fmt.Errorf("%s of this home begin with %s", count(len(list), "batch"), quoted(id)), "list them with: gradseal batches")
	}
	return list[0], nil
}

func (a *app) runBatchShow(id string, documents bool) error {
	b, err := a.findBatch(id)
	if err != nil {
		return err
	}
	out, err := a.newBatchJSON(b)
	if err != nil {
		return err
	}
	if documents {
		out.Files = filesOf(b)
	}
	if a.ui.json {
		return a.ui.object(out)
	}
	a.showBatch(b, out)
	return nil
}

// filesOf lists the documents that are not forgotten by path, with whether a file lies where the
// proof belongs.
func filesOf(b *batch.Batch) []batchFileJSON {
	files := []batchFileJSON{}
	for i, d := range b.Documents {
		if d.Forgotten {
			continue
		}
		_, err := os.Lstat(d.Path + proof.Suffix)
		files = append(files, batchFileJSON{d.Path, hex.EncodeToString(d.Digest[:]), i, err == nil})
	}
	slices.SortFunc(files, func(x, y batchFileJSON) int { return strings.Compare(x.File, y.File) })
	return files
}

func (a *app) showBatch(b *batch.Batch, out *batchJSON) {
	a.ui.result("batch        %s", b.ID)
	a.ui.result("state        %s", out.State)
	a.ui.result("documents    %s, %s", number(len(b.Documents)), size(out.Bytes))
	if out.Forgotten > 0 {
		a.ui.result("forgotten    %s", count(out.Forgotten, "document"))
	}
	a.ui.result("network      %s", b.Network)
	a.ui.result("issuer       %s", b.Issuer)
	a.ui.result("title        %s", titleOrNone(b.Title))
	if len(b.Withdrawals) > 0 {
		a.ui.result("withdraws    %s", a.replacedBy(b))
	}
	a.ui.result("created      %s, %s ago", b.Created.Local().Format("2006-01-02 15:04:05 MST"), age(time.Since(b.Created)))
	if out.BatchRoot != nil {
		a.ui.result("batch root   %s", *out.BatchRoot)
	}
	if out.TxID != nil {
		a.ui.result("transaction  %s", *out.TxID)
		if out.Fee != nil {
			a.ui.result("fee          %s satoshi%s", number(*out.Fee), replacing(b))
		}
	}
	for _, c := range out.Calendars {
		if c.Height == nil {
			a.ui.result("calendar     %s, which is still to anchor it", safe(c.URL))
		} else {
			a.ui.result("calendar     %s, in block %d", safe(c.URL), *c.Height)
		}
	}
	if out.Block != nil {
		a.ui.result("block        %d, %s", out.Block.Height, out.Block.Hash)
		a.ui.result("             %s", count(out.Confirmations, "confirmation"))
	}
	for _, dir := range foldersOf(b) {
		if filepath.IsAbs(dir) {
			a.ui.result("folder       %s", shown(dir))
		} else {
			a.ui.result("shard        %s", safe(dir))
		}
	}
	if n := withoutProof(b); n > 0 && b.State() >= batch.Funded {
		a.ui.result("no proof     beside %s; gradseal anchor FOLDER writes those of the folder where they are now", count(n, "document"))
	}
	for _, f := range out.Files {
		mark := "no proof beside it"
		if f.Proof {
			mark = "proof beside it"
		}
		if !filepath.IsAbs(f.File) {
			a.ui.result("document     %s", safe(f.File))
			continue
		}
		a.ui.result("document     %s (%s)", shown(f.File), mark)
	}
	a.ui.note("%s", out.Next)
}

// withoutProof is how many documents have no proof beside where they were.
func withoutProof(b *batch.Batch) int {
	n := 0
	for _, d := range b.Documents {
		if d.Forgotten || d.IsElsewhere() {
			continue
		}
		if _, err := os.Lstat(d.Path + proof.Suffix); err != nil {
			n++
		}
	}
	return n
}

// foldersOf are the directories of a batch's documents.
func foldersOf(b *batch.Batch) []string {
	var dirs []string
	for _, d := range b.Documents {
		switch {
		case d.Forgotten:
		case d.IsElsewhere():
			dirs = append(dirs, d.Shard())
		default:
			dirs = append(dirs, filepath.Dir(d.Path))
		}
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// replacedBy names the documents that a batch withdraws in its status list.
func (a *app) replacedBy(b *batch.Batch) string {
	text := fmt.Sprintf("%s (%s)", count(len(b.Withdrawals), "document"), b.Withdrawals[0].Reason)
	all, err := a.home.batches().List()
	if err != nil {
		return text
	}
	for _, s := range withdrawnBy(b, all) {
		text += ", " + shown(s.Name)
	}
	return text
}

// replacing says how many versions of its transaction a batch has.
func replacing(b *batch.Batch) string {
	if n := len(b.Requests) + len(b.Found); n > 1 {
		return fmt.Sprintf(" (one of %d versions)", n)
	}
	return ""
}

// age is a duration in its largest unit.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return count(max(int64(d/time.Second), 0), "second")
	case d < time.Hour:
		return count(int64(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return count(int64(d/time.Hour), "hour")
	}
	return count(int64(d/(24*time.Hour)), "day")
}

// nextStep says what comes next for a batch.
func nextStep(b *batch.Batch) string {
	onNetwork := ""
	if b.Network != bitcoin.Regtest {
		onNetwork = " --network " + b.Network.String()
	}
	switch state := b.State(); {
	case state == batch.Planned:
		return "Next: the same anchor command goes on with it. It is not signed, and is dropped with: gradseal batches abandon " + b.ID
	case isUnsigned(b) && state < batch.Confirmed:
		return "Next: have the transaction signed (gradseal anchor --psbt-out FILE FOLDER writes it again), then: gradseal anchor" + onNetwork + " --psbt-in FILE"
	case state == batch.Funded:
		if !hasTransaction(b) {
			return "Next: gradseal upgrade" + onNetwork + ", which asks the calendars; they take hours, seldom a day"
		}
		if b.IsOpen() {
			return "Next: a version with another fee waits for its signature: gradseal bump " + b.ID + " signs it, and after --psbt-out gradseal anchor" + onNetwork + " --psbt-in FILE takes it"
		}
		return "Next: gradseal upgrade" + onNetwork + "; if no block takes it: gradseal bump " + b.ID
	case state == batch.Confirmed:
		return "Next: gradseal upgrade" + onNetwork + ", until the block is deep enough"
	case state == batch.Complete && hasTransaction(b) && !b.IsAttestationFinal():
		return "Every proof leads to a block of a calendar. gradseal upgrade" + onNetwork + " adds that of the transaction, once it is deep enough"
	case state == batch.Complete && b.Calendars != nil && !b.IsTimestampFinal():
		return "Every proof leads to the block of the transaction. gradseal upgrade" + onNetwork + " adds that of a calendar, once there is one"
	case state == batch.Complete:
		return "Nothing is left to do. A proof that was lost is written again by: gradseal anchor FOLDER"
	}
	return "Next: the same anchor command finishes it. It is signed, and signing is issuing: it cannot be abandoned"
}

func (a *app) runAbandon(ctx context.Context, id string) error {
	if b, err := a.findBatch(id); err != nil { // before there is a lock, and so a home
		return err
	} else if b.ID != id {
		return hinted(fmt.Errorf("there is no batch %s here", quoted(id)), "write the whole id: gradseal batches abandon %s", b.ID)
	}
	release, err := a.lock(ctx)
	if err != nil {
		return err
	}
	defer release()
	b, err := a.findBatch(id)
	if err != nil {
		return err
	}
	left, err := a.abandonProposed(b)
	if err != nil {
		return err
	}
	if b.State() == batch.Planned {
		if err := a.recordAbandon(b); err != nil {
			return err
		}
	}
	err = a.home.batches().Abandon(b)
	if errors.Is(err, batch.ErrSigned) {
		return hinted(err, "%s", afterSigning(b))
	}
	if err != nil {
		return err
	}
	if a.ui.json {
		return a.ui.object(abandonedJSON{jsonVersion, b.ID})
	}
	a.ui.result("Dropped the plan of batch %s, %s: %s", b.ID, count(len(b.Documents), "document"), left)
	return nil
}

// afterSigning says what to do instead of abandoning a batch.
func afterSigning(b *batch.Batch) string {
	advice := "what should not have been issued is withdrawn: gradseal withdraw --batch " + b.ID + " --reason " + issuer.ReasonIssuedInError
	if b.Network.IsTest() {
		advice = "this one is for " + b.Network.String() + ", where proofs mean nothing to others: do not send them"
	}
	if b.State() == batch.Complete {
		return advice
	}
	return advice + "; the same anchor command finishes it"
}
