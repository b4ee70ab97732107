package cmd

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/spf13/cobra"

	"gradseal/batch"
	"gradseal/batch/leaves"
	"gradseal/internal/atomicfile"
	"gradseal/internal/regular"
	"gradseal/objects"
)

type leavesOptions struct {
	output      string
	name        string
	index, of   int
	check       bool
	strict      bool
	skipRefused bool
	dryRun      bool
	store       storeOptions
}

func (o *leavesOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "shard `file` to write, such as june-07.leaves (needed)")
	flags.StringVar(&o.name, "name", "", "`name` of the shard, which no other of the batch has (default: that of the file)")
	flags.IntVar(&o.index, "index", 0, "`number` of the part of the documents to take, from 0, with --of")
	flags.IntVar(&o.of, "of", 1, "`number` of parts that workers share the documents in")
	flags.BoolVar(&o.check, "check", false, "read every document again, although the shard file is there")
	flags.BoolVar(&o.strict, "strict", false, "refuse files that would only be warned of")
	flags.BoolVar(&o.skipRefused, "skip-refused", false, "go on without the files that are refused")
	flags.BoolVar(&o.dryRun, "dry-run", false, "read the documents and say what is wrong with them, and write nothing")
	o.store.addFlags(cmd)
}

func (a *app) newLeavesCommand() *cobra.Command {
	var o leavesOptions
	cmd := &cobra.Command{
		Use:   "leaves PATH… -o SHARD.leaves",
		Short: "Hash documents where they are, for one batch of many machines",
		Long: `Reads the PDFs and the folders named, or a folder of an S3-compatible object
store (s3://bucket/prefix), checks them as anchor does, and writes a shard file: the
digest of each document and the salt of its leaf. It needs no key, no coin and no
home. gradseal anchor --leaves joins the shard files of all machines into one batch,
and gradseal proofs --leaves writes the proofs where the documents are.

The same command again goes on where it was stopped. A shard file that is complete is
never made anew: its documents are only looked at, by size and time, or with --check
read again. One that has changed, has gone or is new since is an error. For what is
new make another shard.

With --index and --of several workers share one folder: each takes the documents that
fall to it by the hash of their path, so that all get the same parts in whatever
order they run.

Shard files hold the salts: whoever has one can test who is in the batch. They are
readable by their owner only, and go to the machine that anchors by a way that nobody
else can read.`,
		Example: `  gradseal leaves transcripts/ -o june-07.leaves
  gradseal leaves /data --index "$JOB_COMPLETION_INDEX" --of 50 -o /out/june-7.leaves
  gradseal leaves s3://registry/2026/ --s3-endpoint https://s3.example.net -o june.leaves

Exit codes: 0 the shard file is complete; 1 an error, or a document is refused, and
there is no shard file that was not there before.`,
		Args: needArgs("name the PDFs, the folders or s3://BUCKET/PREFIX"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.output == "" {
				return hinted(errors.New("no shard file is named"), "add: -o NAME%s", leaves.Suffix)
			}
			return a.runLeaves(cmd.Context(), o, args)
		},
	}
	o.addFlags(cmd)
	return cmd
}

// leavesJSON is a shard file under --json; in a dry run, what it would be.
type leavesJSON struct {
	Version   int     `json:"version"`
	DryRun    bool    `json:"dry_run"`
	File      string  `json:"file"`
	Name      string  `json:"name"`
	Source    string  `json:"source"`
	Part      int     `json:"part"`
	Of        int     `json:"of"`
	Documents int     `json:"documents"`
	Bytes     int64   `json:"bytes"`
	SHA256    *string `json:"sha256"`
	// Reused says that the shard file had been complete; Read counts the documents
	// that were read in this run.
	Reused   bool          `json:"reused"`
	Read     int           `json:"read"`
	Skipped  []refusalJSON `json:"skipped"`
	Warnings []refusalJSON `json:"warnings"`
}

// leafSource is where a worker's documents are.
type leafSource interface {
	where() string
	// find lists the documents that are mine by their names, and what it refuses of
	// them. A source may have fifty million of others, so nothing of those is kept.
	find(ctx context.Context, mine func(name string) bool) (*leafList, error)
	// read hashes a document. What is no document that can be anchored is a fault;
	// an error ends everything: which documents there are is not known then.
	read(ctx context.Context, c *batch.Content, d leafDocument) (digest [32]byte, warnings []string, fault string, err error)
	// goroutines is how many documents are read at once.
	goroutines() int
	// shown is where a document is, for people.
	shown(name string) string
}

// leafDocument is one that a source has.
type leafDocument struct {
	name string // below the source, with slashes
	size int64
	// modified is when content or times of it were changed last: a file that another
	// one is moved onto has the time of that.
	modified time.Time
	at       any // what the source reads it by
}

// leafList is what a source has of one part.
type leafList struct {
	documents []leafDocument
	refusals  []batch.Finding
	ignored   int // files passed over
	elsewhere int // documents and refusals of other parts
}

// leavesRun is one run of leaves.
type leavesRun struct {
	*app
	leavesOptions
	source leafSource
	head   leaves.Head

	documents []leafDocument // of this part, by name
	rows      map[string]leaves.Row
	digests   map[string][32]byte // of the documents that were read now
	refusals  []batch.Finding
	warnings  []batch.Finding
	read      int
	bytes     int64
}

func (a *app) runLeaves(ctx context.Context, o leavesOptions, paths []string) error {
	r, err := a.newLeavesRun(o, paths)
	if err != nil {
		return err
	}
	if !o.dryRun {
		release, err := a.lockFile(ctx, o.output+".lock")
		if err != nil {
			return err
		}
		defer release()
		sweepBeside(o.output)
	}
	have, err := leaves.Open(o.output)
	switch {
	case err == nil:
		if err := have.Same(r.head); err != nil {
			return fmt.Errorf("%s: %w", o.output, err)
		}
		r.head = have.Head
	case !errors.Is(err, fs.ErrNotExist):
		return hinted(err, "where no batch was made of it yet, move it away and run the same command again: other salts are drawn then")
	}
	if err := r.find(ctx); err != nil {
		return err
	}
	if have != nil {
		return r.reuse(ctx, have)
	}
	return r.make(ctx)
}

func (a *app) newLeavesRun(o leavesOptions, paths []string) (*leavesRun, error) {
	if o.of < 1 || o.index < 0 || o.index >= o.of {
		return nil, fmt.Errorf("--index %d --of %d: want a part from 0 to %d", o.index, o.of, max(o.of-1, 0))
	}
	if o.name == "" {
		o.name = strings.TrimSuffix(filepath.Base(o.output), leaves.Suffix)
	}
	if err := leaves.ValidName(o.name); err != nil {
		return nil, hinted(err, "give it one with --name")
	}
	if info, err := os.Stat(o.output); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", o.output)
	}
	source, err := openSource(paths, o.store)
	if err != nil {
		return nil, err
	}
	if objects.IsURL(source.where()) {
		a.warnPlain(o.store.endpoint)
	}
	return &leavesRun{
		app: a, leavesOptions: o, source: source,
		head: leaves.Head{Name: o.name, Source: source.where(), Part: o.index, Of: o.of, Created: time.Now()},
		rows: make(map[string]leaves.Row), digests: make(map[string][32]byte),
	}, nil
}

// find lists the documents of this part.
func (r *leavesRun) find(ctx context.Context) error {
	found, err := r.source.find(ctx, func(name string) bool { return r.of == 1 || leaves.PartOf(name, r.of) == r.index })
	if errors.Is(err, fs.ErrNotExist) {
		return hinted(err, "is the name right? One with blanks in it stands in quotation marks")
	}
	if err != nil {
		return err
	}
	if found.ignored > 0 {
		r.ui.note("Passed over %s whose name does not end in .pdf", count(found.ignored, "file"))
	}
	if len(found.documents)+len(found.refusals)+found.elsewhere == 0 {
		return hinted(errors.New("there is no PDF in what was named"), "name PDF files, folders with PDF files in them, or s3://BUCKET/PREFIX")
	}
	r.refusals = found.refusals
	r.documents = found.documents[:0]
	for _, d := range found.documents {
		if err := leaves.ValidPath(d.name); err != nil {
			r.refuse(d.name, "has a name that cannot stand in a shard file: too long, or with a backslash")
			continue
		}
		if d.size > leaves.MaxSize {
			r.refuse(d.name, "is larger than "+size(leaves.MaxSize)+", and cannot stand in a shard file")
			continue
		}
		r.documents = append(r.documents, d)
	}
	frugal(len(r.documents))
	slices.SortFunc(r.documents, func(x, y leafDocument) int { return strings.Compare(x.name, y.name) })
	// A store may list an object twice. Where it changed in between, reading it says so.
	r.documents = slices.CompactFunc(r.documents, func(x, y leafDocument) bool { return x.name == y.name })
	if len(r.documents)+len(r.refusals) == 0 {
		return hinted(fmt.Errorf("no document falls to part %d of %d", r.index, r.of), "make fewer parts: --of")
	}
	return nil
}

func (r *leavesRun) refuse(name, fault string) {
	r.refusals = append(r.refusals, batch.Finding{Path: r.source.shown(name), Text: fault})
}

// clockSkew is how far the clock of a file server may be behind that of a worker.
const clockSkew = 2 * time.Minute

// isAsRead reports whether a document is the one of a row as far as its size and
// time tell: it is older than the shard. A shard that was begun in the future tells
// nothing: the clock was ahead.
func (r *leavesRun) isAsRead(d leafDocument, row leaves.Row, known bool) bool {
	return known && !r.check && row.Size == d.size && d.modified.Before(r.head.Created.Add(-clockSkew)) && !r.head.Created.After(time.Now())
}

// make reads what was not read before, and writes the shard file.
func (r *leavesRun) make(ctx context.Context) (err error) {
	logged := func(leaves.Row) error { return nil }
	if !r.dryRun {
		var log *leaves.Log
		if log, r.head, r.rows, err = leaves.OpenLog(r.logPath(), r.head); err != nil {
			return inTheWay(err)
		}
		defer func() { err = errors.Join(err, log.Close(), r.removeLog(err)) }()
		logged = log.Add
	}
	before := len(r.rows)
	if before > 0 {
		r.ui.note("Going on with %s, which has %s", shown(r.output), count(before, "document"))
	}
	var todo []leafDocument
	for _, d := range r.documents {
		if row, known := r.rows[d.name]; !r.isAsRead(d, row, known) {
			todo = append(todo, d)
		}
	}
	if err := r.readAll(ctx, todo, logged); err != nil {
		return err
	}
	rows := make([]leaves.Row, 0, len(r.documents))
	for _, d := range r.documents {
		if row, ok := r.rows[d.name]; ok {
			rows = append(rows, row)
		}
	}
	rows = r.refuseTwins(rows)
	if err := r.review(); err != nil {
		return err
	}
	if len(rows) == 0 {
		return hinted(errors.New("no document is left"), "mend what is refused")
	}
	var sum *leaves.Summary
	if !r.dryRun {
		if sum, err = r.write(rows); err != nil {
			return err
		}
	}
	return r.report(rows, sum, false)
}

func (r *leavesRun) logPath() string { return r.output + ".part" }

// removeLog removes the log once the shard file is there.
func (r *leavesRun) removeLog(err error) error {
	if err != nil {
		return nil
	}
	return os.Remove(r.logPath())
}

// readAll reads documents, each into its row. A document of a row that it still is
// keeps its salt.
func (r *leavesRun) readAll(ctx context.Context, todo []leafDocument, logged func(leaves.Row) error) error {
	var total int64
	for _, d := range todo {
		total += d.size
	}
	r.ui.note("Reading %s (%s)", count(len(todo), "document"), size(total))
	bar := r.ui.startProgress("Reading", total, true)
	defer bar.finish()
	var mu sync.Mutex
	return batch.Each(ctx, len(todo), r.source.goroutines(), func() func(int) error {
		content := batch.NewContent()
		return func(i int) error {
			d := todo[i]
			digest, warnings, fault, err := r.source.read(ctx, content, d)
			if err != nil {
				return err
			}
			bar.add(d.size)
			mu.Lock()
			defer mu.Unlock()
			r.read++
			row, known := r.rows[d.name]
			if fault != "" {
				delete(r.rows, d.name)
				r.refuse(d.name, fault)
				return nil
			}
			if !r.warn(d.name, warnings) {
				delete(r.rows, d.name)
				return nil
			}
			r.digests[d.name] = digest
			if known && row.Digest == digest && row.Size == d.size {
				return nil
			}
			row = leaves.Row{Path: d.name, Size: d.size, Digest: digest}
			rand.Read(row.Salt[:]) // never fails: crypto/rand crashes the program instead
			r.rows[d.name] = row
			return logged(row)
		}
	})
}

// warn keeps the warnings about a document. It reports false where they refuse it.
func (r *leavesRun) warn(name string, warnings []string) bool {
	for _, w := range warnings {
		if r.strict {
			r.refuse(name, w)
		} else {
			r.warnings = append(r.warnings, batch.Finding{Path: r.source.shown(name), Text: w})
		}
	}
	return !r.strict || len(warnings) == 0
}

// refuseTwins refuses rows whose content another one has, and takes them out.
func (r *leavesRun) refuseTwins(rows []leaves.Row) []leaves.Row {
	type pair struct{ first, second int }
	twins := make(map[[32]byte]pair, len(rows))
	for i := range rows {
		p, ok := twins[rows[i].Digest]
		switch {
		case !ok:
			p = pair{i, -1}
		case p.second < 0:
			p.second = i
		}
		twins[rows[i].Digest] = p
	}
	if len(twins) == len(rows) {
		return rows
	}
	var kept []leaves.Row
	for i := range rows {
		p := twins[rows[i].Digest]
		if p.second < 0 {
			kept = append(kept, rows[i])
			continue
		}
		other := p.first
		if other == i {
			other = p.second
		}
		r.refuse(rows[i].Path, "has the same content as "+r.source.shown(rows[other].Path))
	}
	return kept
}

// review says everything that there is to say about the documents.
func (r *leavesRun) review() error {
	byPath := func(x, y batch.Finding) int { return strings.Compare(x.Path, y.Path) }
	slices.SortStableFunc(r.refusals, byPath)
	slices.SortStableFunc(r.warnings, byPath)
	if len(r.warnings) > 0 {
		r.ui.warn("%s to look at before they are issued (--strict refuses them):%s", count(len(r.warnings), "thing"), grouped(r.warnings))
	}
	switch {
	case len(r.refusals) == 0:
	case !r.skipRefused:
		return hinted(leavesError{count(len(r.refusals), "fault") + " found, and no shard file was written:" + lines(r.refusals), r.refusals},
			"mend or move them away and run the same command again, or go on without them: --skip-refused")
	default:
		r.ui.warn("going on without what is refused, %s:%s", count(len(r.refusals), "fault"), lines(r.refusals))
	}
	return nil
}

// leavesError lists documents, as refusedError does, and says something else.
type leavesError struct {
	text string // safe, and of several lines
	of   refusedError
}

func (e leavesError) Error() string { return e.text }
func (e leavesError) Unwrap() error { return e.of }

// write puts the shard file in its place, synced.
func (r *leavesRun) write(rows []leaves.Row) (*leaves.Summary, error) {
	var sum leaves.Summary
	err := atomicfile.CreateNew(r.output, func(out io.Writer) error {
		buffered := newBuffered(out)
		w, err := leaves.NewWriter(buffered, r.head)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := w.Add(row); err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		sum = w.Summary
		return buffered.Flush()
	}, 0o600, temporaryBeside(r.output))
	return &sum, err
}

// reuse looks whether the documents are those of a complete shard file.
func (r *leavesRun) reuse(ctx context.Context, have *leaves.File) error {
	for _, row := range have.Rows {
		r.rows[row.Path] = row
	}
	was := have.Rows
	isOf := make(map[string]bool, len(was))
	var todo []leafDocument
	for _, d := range r.documents {
		row, known := r.rows[d.name]
		isOf[d.name] = true
		if !r.isAsRead(d, row, known) {
			todo = append(todo, d)
		}
	}
	if len(todo) > 0 {
		if err := r.readAll(ctx, todo, func(leaves.Row) error { return nil }); err != nil {
			return err
		}
	}
	differ := r.differences(was, isOf)
	if len(differ) > 0 {
		return hinted(leavesError{fmt.Sprintf("%s of %s from what is there now, and it was left as it is:%s", count(len(differ), "difference"), shown(r.output), grouped(differ)), differ},
			"make another shard of what is new, with another -o. Where no batch was made of this one yet, it can be moved away and made again")
	}
	if err := r.review(); err != nil {
		return err
	}
	if !r.dryRun { // the process may have been killed before it could
		if err := leaves.RemoveLog(r.logPath()); err != nil {
			return err
		}
	}
	return r.report(was, &have.Summary, true)
}

// differences compares the rows of a complete shard file with the documents that
// were found, and those of them that were read.
func (r *leavesRun) differences(was []leaves.Row, found map[string]bool) []batch.Finding {
	var differ []batch.Finding
	add := func(name, text string) {
		differ = append(differ, batch.Finding{Path: r.source.shown(name), Text: text})
	}
	before := make(map[string][32]byte, len(was))
	digests := make(map[[32]byte]int, len(was))
	for _, row := range was {
		before[row.Path] = row.Digest
		digests[row.Digest]++
		digest, wasRead := r.digests[row.Path]
		_, still := r.rows[row.Path]
		switch {
		case !found[row.Path]:
			add(row.Path, "is not there any more")
		case !still:
			add(row.Path, "is refused now")
		case wasRead && digest != row.Digest:
			add(row.Path, "has changed")
		}
	}
	var fresh []string
	for name, digest := range r.digests {
		if _, ok := before[name]; !ok {
			fresh = append(fresh, name)
			digests[digest]++
		}
	}
	slices.Sort(fresh)
	for _, name := range fresh {
		if digests[r.digests[name]] > 1 { // as it was refused when the shard was made
			r.refuse(name, "has the same content as another document")
			continue
		}
		add(name, "is new")
	}
	return differ
}

func (r *leavesRun) report(rows []leaves.Row, sum *leaves.Summary, reused bool) error {
	for _, row := range rows {
		r.bytes += row.Size
	}
	if r.ui.json {
		out := leavesJSON{
			Version: jsonVersion, DryRun: r.dryRun, File: r.output, Name: r.head.Name, Source: r.head.Source, Part: r.head.Part, Of: r.head.Of,
			Documents: len(rows), Bytes: r.bytes, Reused: reused, Read: r.read,
			Skipped: newRefusalsJSON(r.refusals), Warnings: newRefusalsJSON(r.warnings),
		}
		if sum != nil {
			hash := hex.EncodeToString(sum.Sum[:])
			out.SHA256 = &hash
		}
		return r.ui.object(out)
	}
	what := fmt.Sprintf("%s, %s", count(len(rows), "document"), size(r.bytes))
	switch {
	case reused:
		r.ui.result("%s is complete: shard %s of %s", shown(r.output), r.head.Name, what)
	case r.dryRun:
		r.ui.result("Nothing was written. %s would be shard %s of %s", shown(r.output), r.head.Name, what)
		return nil
	default:
		r.ui.result("Wrote %s: shard %s of %s", shown(r.output), r.head.Name, what)
	}
	r.ui.note("It holds the salts of its leaves: bring it to the machine that anchors by a way that nobody else can read.\nThere: gradseal anchor --leaves %s and all others", argument(filepath.Base(r.output)))
	return nil
}

// temporaryBeside is the pattern of the temporary files of an output.
func temporaryBeside(output string) string { return "." + filepath.Base(output) + ".tmp-*" }

// sweepBeside removes the temporary files that a killed process left beside an
// output whose lock is held.
func sweepBeside(output string) {
	left, _ := filepath.Glob(filepath.Join(filepath.Dir(output), temporaryBeside(filepath.Base(output))))
	for _, path := range left {
		os.Remove(path)
	}
}

// inTheWay says what to do about what is in the place of a file that there is while
// leaves is at work.
func inTheWay(err error) error {
	if !errors.Is(err, regular.ErrNotRegular) && !errors.Is(err, errNoLock) {
		return err
	}
	return hinted(err, "gradseal leaves has files of its own there while it reads: move it away, or name another shard file with -o")
}

var errNoLock = errors.New("is not an empty file, as that of gradseal is")

// lockFile keeps others off an output until release is called, with a file that is
// there meanwhile. Where another one holds it, lockFile says so and waits.
func (a *app) lockFile(ctx context.Context, path string) (release func(), err error) {
	said := false
	for {
		if err := regular.CheckOwn(path); err != nil {
			return nil, inTheWay(err)
		}
		l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDONLY|regular.OwnFlags), flock.SetPermissions(0o600))
		ok, err := l.TryLock()
		if err == nil && !ok {
			if !said {
				a.ui.note("another gradseal is at work on %s: waiting until it has finished (Ctrl-C to stop)", shown(strings.TrimSuffix(path, ".lock")))
				said = true
			}
			_, err = l.TryLockContext(ctx, 50*time.Millisecond)
		}
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		// Whoever held it has removed it: then another file has the name, or will.
		held, err1 := l.Stat()
		now, err2 := os.Lstat(path)
		if cmp.Or(err1, err2) == nil && os.SameFile(held, now) {
			if !held.Mode().IsRegular() || held.Size() > 0 { // it would be removed
				return nil, inTheWay(errors.Join(fmt.Errorf("%s: %w", path, errNoLock), l.Close()))
			}
			return func() { os.Remove(path); l.Close() }, nil
		}
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
}
