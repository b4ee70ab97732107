package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gradseal/evidence"
	"gradseal/internal/regular"
	"gradseal/internal/walk"
	"gradseal/proof"
	"gradseal/verify"
)

// readCapped reads a file of at most most bytes.
func readCapped(path string, most int) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(most)+1))
	if err == nil && len(data) > most {
		err = fmt.Errorf("%s: has more than %s", path, size(int64(most)))
	}
	return data, err
}

// openRegular opens a file that is nothing but a file. It looks before it
// opens: opening a named pipe waits for its other end.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", path)
	}
	return os.Open(path)
}

// readProofFile reads a proof file.
func readProofFile(path string) ([]byte, error) { return readStart(path, proof.MaxSize) }

// readStart reads a file of evidence. One of more than most bytes is returned as
// far as it was read: it is judged, and refused, by its parser.
func readStart(path string, most int64) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var b bytes.Buffer
	b.Grow(usualProof)
	_, err = b.ReadFrom(io.LimitReader(f, most+1))
	return b.Bytes(), err
}

// usualProof is room for most proofs, in bytes.
const usualProof = 4 << 10

// readProof reads a proof file, which may be no proof at all.
func readProof(path string) (*verify.Proof, error) {
	data, err := readProofFile(path)
	if err != nil {
		return nil, err
	}
	p := verify.ReadProof(data)
	return &p, nil
}

// isProofName reports whether a file is meant as a proof by its name.
func isProofName(path string) bool {
	return strings.HasSuffix(strings.ToLower(path), proof.Suffix)
}

// documents are the files to verify, and the proofs that were named with them.
type documents struct {
	paths  []string
	proofs []string // proof files named on the command line
	// unreadable are folders that could not be looked into, and links to folders, with
	// the reason.
	unreadable []unreadable
	others     []string // files in folders that are neither PDFs, by their names, nor proofs
}

type unreadable struct {
	path string
	err  error
}

func compareUnreadable(a, b unreadable) int { return strings.Compare(a.path, b.path) }

// collectDocuments takes the command line apart. In a folder, with all that is
// below it, the documents are the PDFs; a file that is named is a document
// whatever its kind.
func collectDocuments(args []string) (documents, error) {
	var d documents
	for _, arg := range args {
		info, err := os.Stat(arg)
		switch {
		case err != nil:
			return documents{}, err
		case info.IsDir():
			if err := d.walk(arg); err != nil {
				return documents{}, err
			}
		case isProofName(arg):
			d.proofs = append(d.proofs, arg)
		default:
			d.paths = append(d.paths, arg)
		}
	}
	if len(d.paths) == 0 {
		d.besideProofs()
	}
	slices.Sort(d.paths)
	d.paths = slices.Compact(d.paths)
	slices.Sort(d.others)
	d.others = slices.Compact(d.others)
	slices.SortStableFunc(d.unreadable, compareUnreadable)
	if len(d.paths) == 0 && len(d.proofs) > 0 {
		return documents{}, hinted(errors.New("only proofs were named"), "name the documents too: a proof says nothing without its document")
	}
	if len(d.paths)+len(d.unreadable) == 0 {
		return documents{}, hinted(errors.New("there is no PDF in what was named"), "name the documents, or a folder with PDF files in it")
	}
	return d, nil
}

// besideProofs takes the documents beside the proofs that were named, where
// proofs are all that was, and one of them at least is there.
func (d *documents) besideProofs() {
	var missing []unreadable
	for _, p := range d.proofs {
		document := p[:len(p)-len(proof.Suffix)]
		if _, err := os.Stat(document); err != nil {
			missing = append(missing, unreadable{document, err})
			continue
		}
		d.paths = append(d.paths, document)
	}
	if len(d.paths) > 0 { // the proofs will be found beside them
		d.proofs, d.unreadable = nil, append(d.unreadable, missing...)
	}
}

var errLinkToFolder = errors.New("a link to a folder is not followed: name that folder itself")

// walk takes in what a folder holds. What is no regular file is found out when it
// is read.
func (d *documents) walk(dir string) error {
	return walk.Files(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			d.unreadable = append(d.unreadable, unreadable{path, err})
		case walk.Hidden(e) || isProofName(path):
		case walk.IsLinkToFolder(path, e):
			d.unreadable = append(d.unreadable, unreadable{path, errLinkToFolder})
		case strings.EqualFold(filepath.Ext(path), ".pdf"):
			d.paths = append(d.paths, path)
		default:
			d.others = append(d.others, path)
		}
		return nil
	})
}

// count is how many documents there is something to say about.
func (d documents) count() int { return len(d.paths) + len(d.unreadable) }

// notePassedOver says that there is more in the folders than what is taken, and what
// naming a file does.
func (a *app) notePassedOver(d documents, done string) {
	if n := len(d.others); n > 0 {
		a.ui.note("Passed over %s whose name does not end in .pdf: to have one %s, name it", count(n, "file"), done)
	}
}

// named are the proofs that were named, with the one of --proof.
func (d documents) named(one string) []string {
	if one == "" {
		return d.proofs
	}
	return append(slices.Clone(d.proofs), one)
}

// newFinder reads the proofs that were named. Those for one document alone are
// its proof, whatever they are for: that is for the verdict to say.
func newFinder(d documents, one string, folder *proofFolder) (*evidence.Finder, error) {
	f := &evidence.Finder{Beside: proofsBeside()}
	named := d.named(one)
	if one != "" && len(d.paths) > 1 {
		return nil, hinted(errors.New("--proof names the proof of one document, and several were named"), "name one document, or put the proofs beside them")
	}
	if len(named) > 1 && len(d.paths) == 1 {
		return nil, fmt.Errorf("%d proofs were named for one document", len(named))
	}
	var err error
	if len(named) == 1 && len(d.paths) == 1 {
		f.Named, err = readProof(named[0])
		return f, err
	}
	if folder != nil {
		f.Folder = folder.find
	}
	f.Listed, err = indexProofs(named)
	return f, err
}

// indexProofs reads proofs. Files that do not parse belong to no document, and
// are passed over.
func indexProofs(paths []string) (evidence.Index, error) {
	index := make(evidence.Index)
	for _, path := range paths {
		p, err := readProof(path)
		if err != nil {
			return nil, err
		}
		index.Add(p)
	}
	return index, nil
}

// findEvidence reads one document and finds its proof.
func findEvidence(f *evidence.Finder, path string, progress io.Writer) (evidence.Evidence, error) {
	file, err := openDocument(path)
	if err != nil {
		return evidence.Evidence{}, err
	}
	defer file.Close()
	return f.Find(path, file.SectionReader, progress)
}

// openedDocument is a document as the packages below read it.
type openedDocument struct {
	*io.SectionReader
	io.Closer
}

// openDocument opens a document, of the size that it has now.
func openDocument(path string) (openedDocument, error) {
	file, err := regular.Open(path)
	if err != nil {
		return openedDocument{}, err
	}
	return openedDocument{io.NewSectionReader(file, 0, file.Size()), file}, nil
}

// proofsBeside returns what finds the proofs of documents beside them, for
// evidence.Finder.
func proofsBeside() func(document string) (*verify.Proof, error) {
	var reader verify.Reader
	return func(document string) (*verify.Proof, error) { return proofBeside(document, &reader) }
}

// proofBeside returns the proof that lies beside a document, and nil where there
// is none. What cannot be a proof file, by its kind or because no file can have
// the name, is none.
func proofBeside(document string, reader *verify.Reader) (*verify.Proof, error) {
	beside := document + proof.Suffix
	f, err := regular.Open(beside)
	if err != nil {
		if info, statErr := os.Stat(beside); statErr != nil || !info.Mode().IsRegular() {
			return nil, nil
		}
		return nil, err
	}
	defer f.Close()
	data := make([]byte, min(f.Size(), proof.MaxSize+1)) // with more it is no proof
	n, err := io.ReadFull(f, data)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	p := reader.Read(data[:n])
	return &p, nil
}
