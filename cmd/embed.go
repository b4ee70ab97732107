package cmd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"gradseal/bitcoin"
	"gradseal/evidence"
	"gradseal/internal/atomicfile"
	"gradseal/proof"
	"gradseal/verify"
)

type embedOptions struct {
	output  string
	pending bool
}

func (o *embedOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVarP(&o.output, "output", "o", "", "`file` to write, or folder for several (default: NAME"+embeddedSuffix+".pdf beside NAME.pdf)")
	flags.BoolVar(&o.pending, "pending", false, "also put in proofs that lead to no block yet; what is in a file is not completed later")
}

// embeddedSuffix is what is added to the name of a document that carries its
// proof, before .pdf.
const embeddedSuffix = "-with-proof"

func (a *app) newEmbedCommand() *cobra.Command {
	var o embedOptions
	cmd := &cobra.Command{
		Use:   "embed PDF [PROOF] | embed PATH… -o FOLDER",
		Short: "Make one file of a PDF and its proof",
		Long: `Writes a copy of the PDF that carries its proof at its end, where viewers show
nothing of it: one file to send, which gradseal verify and the verification page
judge as they judge the two. The PDF itself is not changed, and gradseal extract
takes the one file apart again.

The proof is the one that is named, or NAME.pdf.proof.json beside the PDF. Of a
folder, every PDF in it is taken, with all that is below it.

The file with the proof is not byte for byte the issued one: keep that, too. Where
a viewer or a rule needs the PDF as it is, send the two files.`,
		Example: `  gradseal embed transcript.pdf
  gradseal embed transcript.pdf proof.json -o to-send.pdf
  gradseal embed transcripts/ -o to-send/

Exit codes: 0 every PDF carries its proof; 1 an error, or a PDF was left out: the
others were written.`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runEmbed(cmd.Context(), o, args) },
	}
	o.addFlags(cmd)
	return cmd
}

// embedJob is one document that is to carry its proof, and what became of it.
type embedJob struct {
	document, proof string // paths
	under           string // folder that was named and that it was found in; empty for a document that was named itself
	out             string // path to write

	network bitcoin.Network
	pending bool // the proof leads to no block yet
	signed  bool // the PDF has a digital signature of its own
	change  exportChange
	written bool
	fault   error // why it was left out
}

// embedder is one run of the command.
type embedder struct {
	*app
	embedOptions
	jobs []*embedJob
}

func (a *app) runEmbed(ctx context.Context, o embedOptions, args []string) error {
	e := &embedder{app: a, embedOptions: o}
	if err := e.collect(args); err != nil {
		return err
	}
	if err := e.place(); err != nil {
		return err
	}
	sweepTemporary(e.folders())
	bar := a.ui.startProgress("Writing", e.size(), true)
	err := onAllProcessors(ctx, len(e.jobs), func(i int) error { return e.embed(e.jobs[i], ctxWriter{ctx, bar}) })
	bar.finish()
	if err != nil {
		return e.ended(ctx, err)
	}
	return e.report()
}

// collect makes a job of each document.
func (e *embedder) collect(args []string) error {
	if len(args) == 0 {
		return hinted(errors.New("no PDF was named"), "name the PDF; its proof is beside it, or is named after it: gradseal embed NAME.pdf PROOF")
	}
	named := args
	given := ""
	if last := args[len(args)-1]; len(args) == 2 && strings.EqualFold(filepath.Ext(last), ".json") {
		named, given = args[:1], last
	}
	for _, arg := range named {
		if strings.EqualFold(filepath.Ext(arg), ".json") {
			return hinted(fmt.Errorf("%s: is a proof, and no PDF", arg), "one proof is named after its PDF: gradseal embed NAME.pdf PROOF. Of several, each belongs beside its PDF")
		}
		if err := e.add(arg, given); err != nil {
			return err
		}
	}
	slices.SortStableFunc(e.jobs, func(x, y *embedJob) int { return strings.Compare(x.document, y.document) })
	e.jobs = slices.CompactFunc(e.jobs, func(x, y *embedJob) bool { return x.document == y.document })
	return nil
}

// add takes in a path that was named, with the proof that was named for it.
func (e *embedder) add(path, given string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		path = filepath.Clean(path)
		if given == "" {
			given = path + proof.Suffix
		}
		e.jobs = append(e.jobs, &embedJob{document: path, proof: given})
		return nil
	case given != "":
		return hinted(fmt.Errorf("%s: is a folder, and one proof was named", path), "name the PDF that the proof is for")
	}
	found, err := collectDocuments([]string{path})
	if err != nil {
		return err
	}
	if len(found.unreadable) > 0 {
		first := found.unreadable[0]
		if errors.Is(first.err, errLinkToFolder) {
			return hinted(fmt.Errorf("%s: %w", first.path, first.err), "take the link out of %s, and run the same command again", shown(path))
		}
		return first.err
	}
	e.notePassedOver(found, "taken, too")
	for _, document := range found.paths {
		document = filepath.Clean(document)
		e.jobs = append(e.jobs, &embedJob{document: document, proof: document + proof.Suffix, under: filepath.Clean(path)})
	}
	return nil
}

// place decides which file each job writes.
func (e *embedder) place() error {
	if e.output == "-" {
		return hinted(errors.New("a PDF is not written to standard output"), "name a file with -o")
	}
	info, err := os.Stat(e.output)
	isDir := err == nil && info.IsDir() || os.IsPathSeparator(lastByte(e.output))
	one := len(e.jobs) == 1 && e.jobs[0].under == ""
	switch {
	case one && e.output == "":
		e.jobs[0].out = embeddedName(e.jobs[0].document)
	case one && !isDir:
		e.jobs[0].out = filepath.Clean(e.output)
	case e.output == "":
		return hinted(errors.New("no folder is named for the files to write"), "name a new one with -o: gradseal embed %s -o FOLDER", argument(e.named()))
	case err == nil && !isDir:
		return hinted(fmt.Errorf("%s: is a file, and several are to be written", e.output), "name a folder with -o")
	default:
		return e.placeIn(e.output)
	}
	return e.spareSources(e.jobs[0])
}

func lastByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// named is what the first job was found by.
func (e *embedder) named() string {
	if under := e.jobs[0].under; under != "" {
		return under
	}
	return e.jobs[0].document
}

// embeddedName is the name of a document that carries its proof.
func embeddedName(document string) string {
	ext := filepath.Ext(document)
	return strings.TrimSuffix(document, ext) + embeddedSuffix + ext
}

// placeIn puts the files into a folder as their documents lie in the one that
// was named. It may not be that one: both would be anchored and embedded again.
func (e *embedder) placeIn(folder string) error {
	owner := make(map[string]string)
	outside := make(map[string]bool) // folders that were named and that the folder is not in
	for _, j := range e.jobs {
		rel := filepath.Base(j.document)
		if j.under != "" {
			if !outside[j.under] && isWithin(folder, j.under) {
				return hinted(fmt.Errorf("%s: is in the folder that is read, or is that folder", folder), "name a folder outside of %s with -o", argument(j.under))
			}
			outside[j.under] = true
			var err error
			if rel, err = filepath.Rel(j.under, j.document); err != nil {
				return err
			}
		}
		j.out = filepath.Join(folder, rel)
		if err := e.spareSources(j); err != nil {
			return err
		}
		key := j.out
		if runtime.GOOS == "windows" || runtime.GOOS == "darwin" { // names that differ in case only are one
			key = strings.ToLower(key)
		}
		if other, taken := owner[key]; taken {
			return hinted(fmt.Errorf("%s and %s would both be written to %s", other, j.document, j.out), "write them one after the other, to different folders")
		}
		owner[key] = j.document
	}
	return nil
}

// isWithin reports whether a path, which need not exist, is a folder or below it.
func isWithin(path, folder string) bool {
	path, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	for {
		if same(path, folder) {
			return true
		}
		if path == filepath.Dir(path) {
			return false
		}
		path = filepath.Dir(path)
	}
}

// same reports whether two paths lead to one thing that exists, whatever the
// names are.
func same(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// spareSources refuses to write a job over what it is made of.
func (e *embedder) spareSources(j *embedJob) error {
	if same(j.out, j.document) || same(j.out, j.proof) {
		return hinted(fmt.Errorf("%s: is what is read, and is not overwritten", j.out), "name another file with -o, such as %s", argument(embeddedName(j.document)))
	}
	return nil
}

func (e *embedder) folders() []string {
	var folders []string
	for _, j := range e.jobs {
		folders = append(folders, filepath.Dir(j.out))
	}
	return folders
}

// size is how many bytes the documents have.
func (e *embedder) size() int64 {
	var total int64
	for _, j := range e.jobs {
		if info, err := os.Stat(j.document); err == nil {
			total += info.Size()
		}
	}
	return total
}

// Why a document was left out, beside what the place of its file may hold.
var (
	errNoProofBeside = errors.New("there is no proof beside it")
	errStillPending  = errors.New("its proof is pending: it leads to no block yet")
	errOtherDocument = errors.New("it is not, byte for byte, the document that the proof is for")
)

// embed writes the file of a job. What is wrong with that document, its proof or
// that place is the job's fault; an error, such as a full disk, ends the run.
func (e *embedder) embed(j *embedJob, progress io.Writer) error {
	doc, err := openDocument(j.document)
	if err != nil {
		j.fault = err
		return nil
	}
	defer doc.Close()
	source := embedSource{doc: doc.SectionReader, progress: progress}
	source.proof, source.proofFile, err = e.proofOf(j)
	switch {
	case err == nil:
		source.trailer, err = proof.Trailer(doc, doc.Size(), source.proofFile)
	case errors.Is(err, errNoProofBeside): // as it may be inside, where that can be read
		if in, _ := evidence.Inside(doc.SectionReader); in.Broken != nil {
			err = in.Broken
		} else if in.Proof != nil {
			err = proof.ErrHasTrailer
		}
	}
	if err == nil {
		j.change, err = source.compare(j.out)
		if err != nil && source.isOfOther() {
			err = errOtherDocument // whatever stands there, nothing is to be written
		}
	}
	if err != nil {
		j.fault = err
		return nil
	}
	return e.write(j, source)
}

// write writes the file of a job where compare said that it may be written.
func (e *embedder) write(j *embedJob, source embedSource) error {
	info, err := os.Stat(j.document)
	if err != nil {
		j.fault = err
		return nil
	}
	fill := func(w io.Writer) (err error) {
		j.signed, err = source.write(w)
		return err
	}
	switch j.change {
	case changeUnchanged: // what is named has to be what is there, all the same
		err = fill(io.Discard)
	case changeReplaced:
		err = atomicfile.CreateOver(j.out, fill, info.Mode().Perm(), exportTemporary)
	default:
		if err := os.MkdirAll(filepath.Dir(j.out), 0o777); err != nil {
			return err
		}
		err = atomicfile.CreateNew(j.out, fill, info.Mode().Perm(), exportTemporary)
	}
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrExist):
		j.fault = errOtherFile
	case errors.Is(err, errOtherDocument), errors.As(err, &pathErr) && pathErr.Path == j.document:
		j.fault = err
	default:
		j.written = err == nil && j.change != changeUnchanged
		return err
	}
	return nil
}

// proofOf reads the proof of a job.
func (e *embedder) proofOf(j *embedJob) (*proof.Proof, []byte, error) {
	data, err := readProofFile(j.proof)
	if errors.Is(err, fs.ErrNotExist) && j.proof == j.document+proof.Suffix {
		return nil, nil, errNoProofBeside
	}
	if err != nil {
		return nil, nil, err
	}
	p, err := parseSound(data)
	if err != nil {
		return nil, nil, fmt.Errorf("its proof: %w", err)
	}
	j.network, j.pending = p.Layers[0].Statement.Network, isPending(p)
	if j.pending && !e.pending {
		return nil, nil, errStillPending
	}
	return p, data, nil
}

func isPending(p *proof.Proof) bool { return p.Bitcoin == nil && p.OpenTimestamps == nil }

// parseSound parses a proof, and refuses one of which it shows without its
// document, trust or block that it proves nothing.
func parseSound(data []byte) (*proof.Proof, error) {
	p, err := proof.Parse(data)
	if errors.Is(err, proof.ErrNewer) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("damaged, or not a proof: %w", err)
	}
	return p, checkBatchRoot(p)
}

// embedSource is what a file that carries its proof is made of.
type embedSource struct {
	doc       *io.SectionReader
	proof     *proof.Proof
	proofFile []byte
	trailer   []byte
	progress  io.Writer // is written what is read of doc to be written
}

// write writes the file, and reports whether the document is digitally signed.
// What is written is hashed: a document that is not the one of the proof, or
// changes meanwhile, is errOtherDocument.
func (s embedSource) write(w io.Writer) (signed bool, err error) {
	h, finder := sha256.New(), &proof.SignatureFinder{}
	all := io.MultiWriter(w, h, finder, s.progress)
	if _, err := io.Copy(all, io.NewSectionReader(s.doc, 0, s.doc.Size())); err != nil {
		return false, err
	}
	if verify.Digest(h.Sum(nil)) != s.proof.Digest {
		return false, errOtherDocument
	}
	_, err = w.Write(s.trailer)
	return finder.Found, err
}

// isOfOther reports whether the proof is that of another document.
func (s embedSource) isOfOther() bool {
	_, err := s.write(io.Discard)
	return errors.Is(err, errOtherDocument)
}

// compare says what to do with the place of the file: changeWritten where it is
// free; changeUnchanged where the file itself is there; changeReplaced where the
// same document is, with the same proof while that was pending. Anything else
// that is there is errOtherFile, or errNotRegular.
func (s embedSource) compare(path string) (exportChange, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return changeWritten, nil
	case err != nil:
		return "", err
	case !info.Mode().IsRegular():
		return "", errNotRegular
	}
	old, err := openDocument(path)
	if err != nil {
		return "", err
	}
	defer old.Close()
	was, err := evidence.Inside(old.SectionReader)
	if err != nil || was.Proof == nil || was.Digest != s.proof.Digest {
		return "", errOtherFile
	}
	_, data, err := proof.SplitTrailer(old, old.Size())
	switch {
	case err != nil:
		return "", err
	case bytes.Equal(data, s.proofFile):
		return changeUnchanged, nil
	case isPendingFormOf(data, s.proof):
		return changeReplaced, nil
	}
	return "", errOtherFile
}

// isPendingFormOf reports whether a proof file is a proof as it was before it was
// attested.
func isPendingFormOf(data []byte, p *proof.Proof) bool {
	before := *p
	before.Bitcoin, before.OpenTimestamps = nil, nil
	want, err := proof.Marshal(&before)
	return err == nil && bytes.Equal(data, want)
}
