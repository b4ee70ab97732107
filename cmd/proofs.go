package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/proof"
	"gradseal/verify"
)

type proofsOptions struct {
	only   []string
	output string
	// archive is a ZIP file for all of them.
	archive string
	shards  shardOptions
}

func (o *proofsOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&o.only, "only", nil, "one `document`: path or name as anchored, its file, proof or SHA-256; may be repeated")
	flags.StringVarP(&o.output, "output", "o", "", "`folder` to write the proofs to (default: beside the documents, where they were anchored)")
	o.shards.addFlags(cmd)
	flags.StringVar(&o.archive, "archive", "", archiveUsage)
	for _, other := range []string{"output", "leaves", "answer"} {
		cmd.MarkFlagsMutuallyExclusive("archive", other)
	}
}

func (a *app) newProofsCommand() *cobra.Command {
	var o proofsOptions
	cmd := &cobra.Command{
		Use:   "proofs BATCH | --leaves FILE --answer FILE",
		Short: "Write proofs again that were lost, or those of a shard",
		Long: `Writes the proofs of a batch again from what this home keeps, byte for byte as
anchor and upgrade wrote them: with the evidence that the batch has now, pending
where it has none. No document is read, no node is asked and nothing is signed.

Without -o each proof goes beside its document, where that was when it was
anchored. With -o they go into one folder, as NAME.pdf.proof.json, and the
documents need not be there at all. Where two of them have one name, the folder
gets the folders in which they lay, too.

A proof that is there already is left as it is, and nothing but an older proof of
the same batch is overwritten. Of a document that was forgotten nothing is kept to
write a proof from.

Where the documents are on other machines (gradseal anchor --leaves), BATCH and the
shard files give the answers again, each beside its shard file or at -o. On the
worker, with no home, shard file and answer give the proofs: beside the documents, or
at the same paths below -o, a folder or s3://BUCKET/PREFIX. The hashes of the answer
lead from the shard's documents to the root of its statement, or nothing is written.
Who signed that, and whether the block exists, is not looked at there: verify does.
Who can hand the worker an answer can so have it write proofs that do not verify.
Then, or after a rehearsal, the right answer with --replace overwrites them; those
with the evidence of a block of a network that counts, only --replace-confirmed does.`,
		Example: `  gradseal proofs 20261122-10b7b705
  gradseal proofs 20261122-10b7b705 --only s0815.pdf
  gradseal proofs 20261122-10b7b705 --only ~/Desktop/transcript.pdf -o for-the-graduate/
  gradseal proofs 20261122-10b7b705 --archive proofs.zip
  gradseal proofs 20261122-10b7b705 --leaves june-07.leaves
  gradseal proofs --leaves june-07.leaves --answer june-07.anchored

Exit codes: 0 every proof that was asked for is there; 1 an error, or a document
got none, which is named.`,
		Args: func(cmd *cobra.Command, args []string) error { return o.shards.checkArgs(cmd, args) },
		RunE: func(cmd *cobra.Command, args []string) error {
			if cmd.Flag("output").Changed && o.output == "" {
				return errors.New("--output: no folder is named") // such as by a variable that is not set
			}
			if cmd.Flag("archive").Changed && o.archive == "" {
				return errors.New("--archive: no file is named")
			}
			switch {
			case o.shards.answer != "":
				return a.runShardProofs(cmd.Context(), o)
			case len(o.shards.leaves) > 0:
				return a.runAnswers(cmd.Context(), o, args[0])
			}
			return a.runProofs(cmd.Context(), o, args[0])
		},
	}
	o.addFlags(cmd)
	return cmd
}

// proofsJSON is what proofs wrote, under --json.
type proofsJSON struct {
	Version   int           `json:"version"`
	Batch     string        `json:"batch"`
	Network   string        `json:"network"`
	Folder    *string       `json:"folder"`
	Archive   *string       `json:"archive"`
	Documents int           `json:"documents"`
	Written   int           `json:"written"`
	Unchanged int           `json:"unchanged"`
	Forgotten int           `json:"forgotten"`
	Pending   bool          `json:"pending"`
	Left      []refusalJSON `json:"left"`
}

func (a *app) runProofs(ctx context.Context, o proofsOptions, id string) error {
	if _, err := a.findBatch(id); err != nil { // before there is a lock, and so a home
		return err
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
	if b.Statement == nil {
		return hinted(fmt.Errorf("batch %s is not signed: there are no proofs of it yet", b.ID), "%s", strings.TrimPrefix(nextStep(b), "Next: "))
	}
	wanted, err := chooseDocuments(b, o.only)
	if err != nil {
		return err
	}
	forgotten := len(wanted)
	wanted = slices.DeleteFunc(wanted, func(i int) bool { return b.Documents[i].Forgotten })
	forgotten -= len(wanted)
	if o.archive != "" {
		done, err := a.proofsToArchive(ctx, b, o, wanted)
		if err != nil {
			return err
		}
		done.Forgotten = forgotten
		return a.reportProofs(b, o, done)
	}
	places, left, err := placeProofs(b, wanted, o.output)
	if err != nil {
		return err
	}
	done, err := a.writeAgain(ctx, b, places)
	if err != nil {
		return err
	}
	done.Forgotten = forgotten
	done.Left = append(left, done.Left...)
	return a.reportProofs(b, o, done)
}

// chooseDocuments returns the leaf indexes of the documents that are named, or of
// all.
func chooseDocuments(b *batch.Batch, names []string) ([]int, error) {
	if len(names) == 0 {
		all := make([]int, len(b.Documents))
		for i := range all {
			all[i] = i
		}
		return all, nil
	}
	var chosen []int
	for _, name := range names {
		indexes, err := findDocument(b, name)
		if err != nil {
			return nil, fmt.Errorf("--only: %w", err)
		}
		chosen = append(chosen, indexes...)
	}
	slices.Sort(chosen)
	return slices.Compact(chosen), nil
}

// findDocument returns the rows of one document of the batch: by its SHA-256, by
// its path or the end of it as it was anchored, or by what a file of that name
// holds. A file that holds another document than the batch has under its name is
// refused: either may be meant.
func findDocument(b *batch.Batch, name string) ([]int, error) {
	if digest, ok := parseDigest(name); ok {
		if rows := rowsOf(b, digest); len(rows) > 0 {
			return rows, nil
		}
		return nil, notInBatch(b, fmt.Errorf("batch %s has no document with SHA-256 %x", b.ID, digest))
	}
	paths := pathsOf([]*batch.Batch{b}, b.Issuer)
	lost := strings.TrimSuffix(name, proof.Suffix) // a proof that is lost can be named, too
	called, fault := paths.find(lost)
	if abs, err := filepath.Abs(lost); err == nil && fault != "" {
		if at, other := paths.find(abs); other == "" {
			called, fault = at, ""
		}
	}
	var inFile []int
	holds, err := readNamed(name)
	if err == nil {
		inFile = rowsOf(b, holds.digest)
	}
	switch {
	case len(inFile) > 0 && fault == "" && called != holds.digest:
		return nil, hinted(fmt.Errorf("%s: the file holds what was anchored as %s, and not what was anchored under its own name", name, safe(b.Documents[inFile[0]].Path)),
			"say which is meant, by SHA-256: --only %x, or --only %x", holds.digest, called)
	case len(inFile) > 0:
		return inFile, nil
	case fault == "":
		return rowsOf(b, called), nil
	case err == nil && holds.byProof:
		return nil, notInBatch(b, fmt.Errorf("%s: is the proof of a document that is not in batch %s", name, b.ID))
	case err == nil:
		return nil, notInBatch(b, fmt.Errorf("%s: is not byte for byte a document of batch %s (SHA-256 %x)", name, b.ID, holds.digest))
	case len(paths[filepath.Base(lost)]) > 0: // several documents have the name
		return nil, fmt.Errorf("%s %s", quoted(name), fault)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	err = fmt.Errorf("batch %s has no document %s", b.ID, quoted(name))
	if near := nearNames(b, filepath.Base(lost)); len(near) > 0 {
		return nil, hinted(err, "names that are near: %s", strings.Join(near, ", "))
	}
	return nil, notInBatch(b, err)
}

// notInBatch says what else there is to know where a document is not found.
func notInBatch(b *batch.Batch, err error) error {
	if n := b.Forgotten(); n > 0 {
		return hinted(err, "%s of the batch cannot be found any more; all others: gradseal batches %s --documents", count(n, "forgotten document"), b.ID)
	}
	return hinted(err, "list them with: gradseal batches %s --documents", b.ID)
}

func rowsOf(b *batch.Batch, digest [32]byte) []int {
	var rows []int
	for i := range b.Documents {
		if d := &b.Documents[i]; d.Digest == digest && !d.Forgotten {
			rows = append(rows, i)
		}
	}
	return rows
}

// nearNames returns up to three names of documents that somebody who wrote name
// may have meant.
func nearNames(b *batch.Batch, name string) []string {
	type candidate struct {
		name   string
		errors int
	}
	want := strings.ToLower(name)
	stem := strings.TrimSuffix(want, filepath.Ext(want))
	most := 1 + utf8.RuneCountInString(want)/6
	var all []candidate
	for i := range b.Documents {
		if b.Documents[i].Forgotten {
			continue
		}
		base := filepath.Base(b.Documents[i].Path)
		lower := strings.ToLower(base)
		n := typingErrors(want, lower, most)
		if n > most && (len(stem) < 3 || !strings.Contains(lower, stem)) {
			continue
		}
		all = append(all, candidate{safe(base), min(n, most+1)})
	}
	slices.SortFunc(all, func(x, y candidate) int {
		return cmp.Or(cmp.Compare(x.errors, y.errors), strings.Compare(x.name, y.name))
	})
	all = slices.Compact(all)
	names := make([]string, 0, 3)
	for _, c := range all[:min(3, len(all))] {
		names = append(names, c.name)
	}
	return names
}

// typingErrors counts the characters to insert, remove or replace that make one
// text of the other (Levenshtein); most+1 where there are more than most.
func typingErrors(x, y string, most int) int {
	a, b := []rune(x), []rune(y)
	if len(a)-len(b) > most || len(b)-len(a) > most {
		return most + 1
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i, r := range a {
		diagonal := row[0]
		row[0] = i + 1
		best := row[0]
		for j, s := range b {
			replaced := diagonal + btoi(r != s)
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
			best = min(best, row[j+1])
		}
		if best > most {
			return most + 1
		}
	}
	return min(row[len(b)], most+1)
}

// placeProofs decides where each proof goes, and makes the folders that an output
// needs. left are the documents that are not where they were, beside which none
// goes.
func placeProofs(b *batch.Batch, indexes []int, output string) (places []batch.Place, left []batch.Finding, err error) {
	if output == "" {
		for _, i := range indexes {
			path := b.Documents[i].Path
			if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
				left = append(left, batch.Finding{Path: path, Text: goneDocument})
				continue
			}
			places = append(places, batch.Place{Index: i, Document: path})
		}
		return places, left, nil
	}
	if info, err := os.Stat(output); err == nil && !info.IsDir() {
		return nil, nil, hinted(fmt.Errorf("%s: is a file, and a folder is wanted", output), "name a folder with -o")
	}
	names, err := namesBelow(b, indexes)
	if err != nil {
		return nil, nil, err
	}
	made := make(map[string]bool)
	for k, i := range indexes {
		document := filepath.Join(output, names[k])
		if dir := filepath.Dir(document); !made[dir] {
			if err := os.MkdirAll(dir, 0o777); err != nil {
				return nil, nil, err
			}
			made[dir] = true
		}
		places = append(places, batch.Place{Index: i, Document: document})
	}
	return places, nil, nil
}

const goneDocument = "is not where it was"

// namesBelow returns the names of the documents below an output folder: their
// base names, and where two have the same, their paths below the folder that all
// are in. Numbers instead would say of no file whose it is.
func namesBelow(b *batch.Batch, indexes []int) ([]string, error) {
	names := make([]string, len(indexes))
	for k, i := range indexes {
		d := &b.Documents[i]
		names[k] = filepath.Base(d.Path)
		if d.IsElsewhere() {
			names[k] = filepath.Join(d.Shard(), filepath.FromSlash(d.PathInShard()))
		}
	}
	if _, _, clash := firstTwice(names); !clash {
		return names, nil
	}
	dirs := make([]string, len(indexes))
	for k, i := range indexes {
		dirs[k] = filepath.Dir(b.Documents[i].Path)
	}
	common := commonFolder(dirs)
	for k, i := range indexes {
		rel, err := filepath.Rel(common, b.Documents[i].Path)
		if err != nil {
			return nil, err
		}
		names[k] = rel
	}
	if x, y, clash := firstTwice(names); clash {
		return nil, hinted(fmt.Errorf("%s and %s would have one proof file", b.Documents[indexes[x]].Path, b.Documents[indexes[y]].Path),
			"write them one after the other, to different folders: --only SHA256 -o FOLDER")
	}
	return names, nil
}

// firstTwice finds two names that are one file.
func firstTwice(names []string) (x, y int, found bool) {
	owner := make(map[string]int, len(names))
	for y, name := range names {
		if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // names that differ in case only are one
			name = strings.ToLower(name)
		}
		if x, taken := owner[name]; taken {
			return x, y, true
		}
		owner[name] = y
	}
	return 0, 0, false
}

// writeAgain writes the proofs, each judged before: what is on disk of the batch
// may have been damaged since.
func (a *app) writeAgain(ctx context.Context, b *batch.Batch, places []batch.Place) (batch.Again, error) {
	// Document, inclusion and anchor need no trust. Who signed and which block it
	// is was judged when the batch was anchored, and the key or the header chain of
	// then need not be here.
	v, err := verify.New(verify.Trust{}, verify.Policy{Network: b.Network, Confirmations: 1, Now: time.Now()})
	if err != nil {
		return batch.Again{}, err
	}
	bar := a.ui.startProgress("Writing proofs", int64(len(places)), false)
	defer bar.finish()
	return b.WriteAgain(ctx, places, func(i int, proofFile []byte) error {
		return judgeAgain(v, b, i, proofFile)
	}, func() { bar.add(1) })
}

// damaged says what to do where a batch makes proofs that do not verify. On a worker
// there is no home: it is the answer that is wrong.
func damaged(b *batch.Batch) string {
	if b.IsAnswer() {
		return "the answer is wrong: have it written again on the machine that anchored, gradseal proofs " + b.ID + " --leaves SHARD" + leaves.Suffix
	}
	return "what this home keeps of batch " + b.ID + " was damaged: restore it from a backup"
}

// judgeAgain judges a proof that is about to be written again.
func judgeAgain(v *verify.Verifier, b *batch.Batch, index int, proofFile []byte) error {
	d := &b.Documents[index]
	result := v.Verify(verify.Digest(d.Digest), proofFile)
	for k, c := range result.Checks {
		if c.Outcome == verify.Failed || k <= verify.Inclusion && c.Outcome != verify.OK {
			return hinted(fmt.Errorf("%s: its proof would not verify and was not written: %s: %s", d.Path, c.Name, c.Detail),
				"%s", damaged(b))
		}
	}
	return nil
}

func (a *app) reportProofs(b *batch.Batch, o proofsOptions, done batch.Again) error {
	slices.SortFunc(done.Left, func(x, y batch.Finding) int { return strings.Compare(x.Path, y.Path) })
	if a.ui.json {
		out := proofsJSON{
			Version: jsonVersion, Batch: b.ID, Network: b.Network.String(), Folder: orNull(o.output), Archive: orNull(o.archive),
			Documents: done.Written + done.Unchanged + len(done.Left),
			Written:   done.Written, Unchanged: done.Unchanged, Forgotten: done.Forgotten,
			Pending: !b.IsFinal(), Left: newRefusalsJSON(done.Left),
		}
		if err := a.ui.object(out); err != nil {
			return err
		}
		return leftProofs(b, o, done)
	}
	a.printProofs(b, o, done)
	return leftProofs(b, o, done)
}

func (a *app) printProofs(b *batch.Batch, o proofsOptions, done batch.Again) {
	kind := "proof"
	if !b.IsFinal() {
		kind = "pending proof"
	}
	if done.Written > 0 || done.Unchanged == 0 && len(done.Left) == 0 {
		where := "beside the documents"
		if to := cmp.Or(o.archive, o.output); to != "" {
			where = "to " + shown(to)
		}
		a.ui.result("Wrote %s of batch %s %s", count(done.Written, kind), b.ID, where)
	}
	if done.Unchanged > 0 {
		a.ui.result("%s of batch %s had been there already, byte for byte", count(done.Unchanged, kind), b.ID)
	}
	if done.Forgotten > 0 {
		a.ui.result("Passed over %s: nothing is kept to write a proof from", count(done.Forgotten, "forgotten document"))
	}
	if b.Network.IsTest() && done.Written+done.Unchanged > 0 {
		a.ui.result("%s", a.ui.paint(yellow, "TEST NETWORK – these proofs are for rehearsals: blocks of "+b.Network.String()+" prove nothing to others."))
	}
	if !b.IsFinal() {
		a.ui.note("%s", nextStep(b))
	}
	if len(done.Left) > 0 {
		a.ui.warn("%s got no proof:%s", count(len(done.Left), "document"), grouped(done.Left))
	}
}

// leftProofs is the error for documents that got no proof.
func leftProofs(b *batch.Batch, o proofsOptions, done batch.Again) error {
	if len(done.Left) == 0 {
		return nil
	}
	err := fmt.Errorf("%s of batch %s got no proof", count(len(done.Left), "document"), b.ID)
	isGone := func(f batch.Finding) bool { return f.Text == goneDocument }
	switch {
	case o.output == "" && slices.ContainsFunc(done.Left, isGone):
		return hinted(err, "write them to a folder, for which the documents need not be there: gradseal proofs %s -o FOLDER", b.ID)
	case !b.IsFinal():
		return hinted(err, "%s. What is no proof of this batch has to be moved away first", strings.TrimPrefix(nextStep(b), "Next: "))
	}
	return hinted(err, "move away what is there, or write them to another folder: gradseal proofs %s -o FOLDER", b.ID)
}
