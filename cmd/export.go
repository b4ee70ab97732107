package cmd

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/internal/walk"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/verify"
)

type exportOptions struct {
	to, output, batch string
	merge             bool
}

// The forms of --to, and what is added to a document's name for each.
const (
	toOTS  = "ots"
	toJSON = "json"

	otsSuffix   = ".ots"
	stepsSuffix = ".steps.json"
)

func (o *exportOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&o.to, "to", "", "`form` to write: ots or json")
	flags.StringVarP(&o.output, "output", "o", "", "`file` to write, or folder for several; - is standard output")
	flags.StringVar(&o.batch, "batch", "", "export all documents of a `BATCH` of this home, with what every calendar attests")
	flags.BoolVar(&o.merge, "merge", false, "where a timestamp of the same document is there, write what both have")
}

func (a *app) newExportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export --to ots|json PATH…",
		Short: "Write proofs in other forms: as OpenTimestamps files, or step by step",
		Long: `Writes what a proof says about time for people and programs that know nothing of
gradseal. A PATH is a proof, a document with its proof beside it, or a folder with
proofs in it.

  --to ots   NAME.pdf.ots beside the proof of NAME.pdf: a timestamp file of
             OpenTimestamps, whose clients check it with a Bitcoin node.
  --to json  every step from the document to the block, to be followed by hand
             with sha256sum and xxd.

Neither proves who issued the document, nor whether it was withdrawn: only gradseal
verify does. A document that is named has to be the one of its proof; in a folder,
documents are not read. A file that is there is replaced by one that says all that it says and
more; by any other only with --merge.`,
		Example: `  gradseal export --to ots transcript.pdf.proof.json
  gradseal export --to ots transcripts/
  gradseal export --to ots --batch 20261122-10b7b705 -o timestamps/
  gradseal export --to json transcript.pdf

Exit codes: 0 every proof was exported; 1 an error, or a proof was left out: the
others were exported.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runExport(cmd.Context(), o, args) },
	}
	o.addFlags(cmd)
	return cmd
}

func (o exportOptions) check(args []string) error {
	switch {
	case o.to != toOTS && o.to != toJSON:
		return hinted(fmt.Errorf("--to is %s, want ots or json", quoted(o.to)), "run: gradseal export --help")
	case o.merge && (o.to != toOTS || o.output == "-"):
		return errors.New("--merge is for timestamp files: it goes with --to ots, and not with -o -")
	case o.batch != "" && len(args) > 0:
		return errors.New("both a batch and a path are named, want one of them")
	case o.batch == "" && len(args) == 0:
		return hinted(errors.New("no proof was named"), "name a proof, a folder with proofs, or --batch BATCH")
	}
	return nil
}

func (o exportOptions) suffix() string {
	if o.to == toOTS {
		return otsSuffix
	}
	return stepsSuffix
}

// toStdout reports whether the result goes to standard output, and to no file.
func (o exportOptions) toStdout() bool {
	return o.output == "-" || o.output == "" && o.to == toJSON
}

// exportJob is one proof to be exported, and what became of it.
type exportJob struct {
	proof string // path of the proof file; of a batch, where it belongs
	under string // folder that was named and that it was found in; empty for a proof that was named itself
	named string // document that was named, which is to be the one of the proof; empty for a proof that was named itself
	load  func() (*proof.Proof, *ots.File, error)

	out     string // path to write, once that is decided
	network bitcoin.Network
	change  exportChange
	written bool
	fault   error // why it was left out
}

// exportChange is what became of the file to write.
type exportChange string

const (
	changeWritten   exportChange = "written"
	changeUnchanged exportChange = "unchanged" // what it was to say was there
	changeReplaced  exportChange = "replaced"  // an older one was there
	changeMerged    exportChange = "merged"
)

// document is the path of the document that the proof is for, by the names.
func (j *exportJob) document() string {
	if isProofName(j.proof) {
		return j.proof[:len(j.proof)-len(proof.Suffix)]
	}
	return strings.TrimSuffix(j.proof, filepath.Ext(j.proof))
}

// exporter is one run of the command.
type exporter struct {
	*app
	exportOptions
	jobs    []*exportJob
	already []string // files that were named and are timestamps themselves

	holds func(ots.Path) bool // whether the header chain has the block of a calendar; nil: not known
	done  func() error        // closes the header chain; nil where there is none
}

func (a *app) runExport(ctx context.Context, o exportOptions, args []string) error {
	if err := o.check(args); err != nil {
		return err
	}
	e := &exporter{app: a, exportOptions: o}
	find := func() error { return e.findProofs(args) }
	if o.batch != "" {
		find = e.takeBatch
	}
	defer func() {
		if e.done != nil {
			e.done()
		}
	}()
	if err := find(); err != nil {
		return err
	}
	if o.toStdout() {
		return e.print(ctx)
	}
	if err := e.place(); err != nil {
		return err
	}
	if err := e.write(ctx); err != nil {
		return err
	}
	return e.report()
}

// findProofs makes a job of each proof in what was named, each once.
func (e *exporter) findProofs(args []string) error {
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err == nil && info.IsDir() {
			err = e.walk(arg)
		} else if err == nil {
			err = e.addNamed(arg)
		}
		if err != nil {
			return err
		}
	}
	if len(e.already) > 0 {
		if len(e.jobs) == 0 {
			return hinted(fmt.Errorf("%s: is a timestamp already, and no proof", e.already[0]), "name a proof: NAME.pdf%s", proof.Suffix)
		}
		e.ui.note("Passed over %s: timestamps already, and no proofs", arguments(e.already))
	}
	if len(e.jobs) == 0 {
		return hinted(fmt.Errorf("there is no proof in %s", arguments(args)), "a proof is named NAME.pdf%s", proof.Suffix)
	}
	slices.SortStableFunc(e.jobs, func(x, y *exportJob) int {
		return cmp.Or(strings.Compare(x.proof, y.proof), strings.Compare(y.named, x.named)) // one with a document first: that is checked
	})
	e.jobs = slices.CompactFunc(e.jobs, func(x, y *exportJob) bool { return x.proof == y.proof })
	return nil
}

// walk takes the proofs in a folder, with all that is below it but what is
// hidden, as verify does. A folder in it that cannot be read is left out.
func (e *exporter) walk(dir string) error {
	return walk.Files(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil && path == filepath.Clean(dir):
			return err
		case err != nil:
			j := e.add(path, dir)
			j.load = func() (*proof.Proof, *ots.File, error) { return nil, nil, err }
		case !walk.Hidden(entry) && isProofName(path):
			e.add(path, dir)
		}
		return nil
	})
}

// addNamed takes a proof, or the one beside a document.
func (e *exporter) addNamed(path string) error {
	if strings.EqualFold(filepath.Ext(path), ".json") {
		e.add(path, "")
		return nil
	}
	_, err := os.Stat(path + proof.Suffix)
	if err == nil {
		e.add(path+proof.Suffix, "").named = path
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := openDocument(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if start, err := readStart(path, ots.MaxSize); err == nil && ots.IsFile(start) {
		e.already = append(e.already, path)
		return nil
	}
	if in, err := evidence.Inside(file.SectionReader); err == nil && (in.Proof != nil || in.Broken != nil) {
		return fmt.Errorf("%s: the proof is inside the file: others hash the whole file, which is not what was issued", path)
	}
	return hinted(fmt.Errorf("%s: there is no proof beside it", path), "name the proof file: gradseal export --to %s PROOF", e.to)
}

func (e *exporter) add(path, under string) *exportJob {
	j := &exportJob{proof: filepath.Clean(path), under: under}
	j.load = func() (*proof.Proof, *ots.File, error) { return exportFile(j.proof) }
	e.jobs = append(e.jobs, j)
	return j
}

// exportFile reads a proof file and exports it.
func exportFile(path string) (*proof.Proof, *ots.File, error) {
	data, err := readProofFile(path)
	if err != nil {
		return nil, nil, err
	}
	p, err := proof.Parse(data)
	if errors.Is(err, proof.ErrNewer) {
		return nil, nil, err
	}
	if err != nil {
		return nil, nil, fmt.Errorf("damaged, or not a proof: %w", err)
	}
	if p.Bitcoin == nil { // whose header Export compares with
		if err := checkBatchRoot(p); err != nil {
			return nil, nil, err
		}
	}
	file, err := p.Export(nil)
	return p, file, err
}

// checkBatchRoot reports a proof whose document is not in the tree that its last
// statement is about.
func checkBatchRoot(p *proof.Proof) error {
	steps, err := p.Steps()
	if err != nil {
		return err
	}
	message := p.Digest[:]
	for _, s := range steps {
		if message, err = s.Op.Apply(message); err != nil {
			return err
		}
	}
	last := p.Layers[len(p.Layers)-1]
	if want := proof.BatchRoot(last.Signed, last.Statement.Root); !bytes.Equal(message, want[:]) {
		return fmt.Errorf("the proof leads to the batch root %x, its statement to %x", message, want)
	}
	return nil
}

// takeBatch makes a job of each document of the batch.
func (e *exporter) takeBatch() error {
	b, err := e.findBatch(e.batch)
	if err != nil {
		return err
	}
	if !b.IsFinal() {
		return hinted(fmt.Errorf("batch %s is pending: it leads to no block yet", b.ID), "%s", strings.TrimPrefix(nextStep(b), "Next: "))
	}
	if _, err := b.Root(); err != nil { // builds the tree before goroutines share it
		return err
	}
	if err := e.openChain(b.Network); err != nil {
		return err
	}
	if b.Forgotten() == len(b.Documents) {
		return fmt.Errorf("batch %s: every document of it was forgotten", b.ID)
	}
	under := commonFolder(foldersOf(b))
	for i, d := range b.Documents {
		if d.Forgotten {
			continue
		}
		e.jobs = append(e.jobs, &exportJob{proof: d.Path + proof.Suffix, under: under, load: func() (*proof.Proof, *ots.File, error) {
			return e.exportFrom(b, i)
		}})
	}
	slices.SortFunc(e.jobs, func(x, y *exportJob) int { return strings.Compare(x.proof, y.proof) })
	return nil
}

// openChain has the ways of calendars to blocks that are not in the header chain
// of this home, after a reorganisation, left out.
func (e *exporter) openChain(network bitcoin.Network) error {
	chain, err := e.openHeaders(network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	e.done = chain.Close
	e.holds = func(p ots.Path) bool {
		height, _ := p.Attestation.BitcoinHeight()
		at, err := whereIs(chain, p, height)
		return err != nil || at != elsewhere // a fault of the disk says nothing about the block
	}
	return nil
}

// errNotThere says that a document of a batch was moved.
var errNotThere = errors.New("the document is not where it was")

// exportFrom exports a document from the state of its batch.
func (e *exporter) exportFrom(b *batch.Batch, index int) (*proof.Proof, *ots.File, error) {
	if _, err := os.Lstat(b.Documents[index].Path); err != nil && e.output == "" {
		return nil, nil, errNotThere
	}
	data, err := b.Proof(index)
	if err != nil {
		return nil, nil, err
	}
	p, err := proof.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	file, err := b.Export(index, e.holds)
	return p, file, err
}

// commonFolder is the innermost folder that all of the folders are in.
func commonFolder(dirs []string) string {
	common := dirs[0]
	for _, dir := range dirs[1:] {
		for {
			rel, err := filepath.Rel(common, dir)
			if err == nil && filepath.IsLocal(rel) || common == filepath.Dir(common) {
				break
			}
			common = filepath.Dir(common)
		}
	}
	return common
}

// print writes to standard output, in the order of the names.
func (e *exporter) print(ctx context.Context) error {
	if e.to == toOTS && len(e.jobs) > 1 {
		return hinted(fmt.Errorf("%s cannot be written to standard output as timestamp files", count(len(e.jobs), "proof")), "name a folder with -o")
	}
	if r, ok := e.ui.Out.(*results); ok && e.to == toOTS && isTerminal(r.Writer) {
		return hinted(errors.New("a timestamp file is not text: it was not written to the terminal"), "name a file with -o, or send it on with >")
	}
	for jobs := range slices.Chunk(e.jobs, printedAtOnce) {
		texts := make([][]byte, len(jobs))
		err := onAllProcessors(ctx, len(jobs), func(i int) error {
			texts[i], _, jobs[i].fault = e.render(ctx, jobs[i])
			return ctx.Err()
		})
		if err != nil {
			return err
		}
		if _, err := e.ui.Out.Write(bytes.Join(texts, nil)); err != nil {
			return err
		}
	}
	e.nameNetworks()
	return e.leftOut()
}

// printedAtOnce is how many proofs are in memory before they are printed: a few
// hundred, of some 15 kB each.
const printedAtOnce = 256

// render returns the bytes of a job's file, and the timestamp that it has.
func (e *exporter) render(ctx context.Context, j *exportJob) ([]byte, *ots.File, error) {
	p, file, err := j.load()
	if err != nil {
		return nil, nil, err
	}
	if j.named != "" {
		if err := checkDocument(ctx, j.named, p); err != nil {
			return nil, nil, err
		}
	}
	j.network = p.Layers[0].Statement.Network
	if e.to == toOTS {
		data, err := marshalTimestamp(file)
		return data, file, err
	}
	out, err := newStepsJSON(j.proof, p, file)
	if err != nil {
		return nil, nil, err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if !e.toStdout() || !e.ui.json { // one line for programs, many for people
		enc.SetIndent("", "  ")
	}
	err = enc.Encode(out)
	return b.Bytes(), file, err
}

// checkDocument refuses a document that is not the one of the proof: its
// timestamp would be of another file.
func checkDocument(ctx context.Context, path string, p *proof.Proof) error {
	file, err := openRegular(path)
	if err != nil {
		return err
	}
	defer file.Close()
	digest, _, err := verify.Hash(io.TeeReader(file, untilDone{ctx}))
	if err == nil && digest != p.Digest {
		err = fmt.Errorf("%s is not byte for byte the document of this proof", path)
	}
	return err
}

// errTooLong says that a proof has more steps than the format of OpenTimestamps
// allows.
var errTooLong = errors.New("the way from the document to the block is too long for an .ots file")

// marshalTimestamp returns the bytes of the file. Four layers of large trees can
// have more operations than the format allows, one after the other.
func marshalTimestamp(file *ots.File) ([]byte, error) {
	if nesting(file.Timestamp) > ots.MaxDepth {
		return nil, errTooLong
	}
	return file.Marshal()
}

// nesting is the number of timestamps nested in each other, the outermost one
// included.
func nesting(t *ots.Timestamp) int {
	most := 0
	for _, b := range t.Branches {
		most = max(most, nesting(b.Then))
	}
	return 1 + most
}

// untilDone is written to until its context ends.
type untilDone struct{ ctx context.Context }

func (w untilDone) Write(b []byte) (int, error) { return len(b), w.ctx.Err() }

// onAllProcessors calls use for 0 … n-1 and returns the first error, after which
// it begins no more.
func onAllProcessors(ctx context.Context, n int, use func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	todo := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := range todo {
				if err := use(i); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		select {
		case todo <- i:
		case <-ctx.Done():
		}
	}
	close(todo)
	wg.Wait()
	return context.Cause(ctx)
}
