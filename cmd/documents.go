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
	// unreadable are folders that could not be looked into, with the reason.
	unreadable []unreadable
}

type unreadable struct {
	path string
	err  error
}

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

// walk takes in what a folder holds. The folder may be a link, which the
// separator makes WalkDir follow; what is found in it and is no file is found
// out when it is read.
func (d *documents) walk(dir string) error {
	root := strings.TrimSuffix(dir, string(filepath.Separator)) + string(filepath.Separator)
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch hidden := path != root && strings.HasPrefix(e.Name(), "."); {
		case err != nil:
			d.unreadable = append(d.unreadable, unreadable{filepath.Clean(path), err})
		case hidden && e.IsDir():
			return fs.SkipDir
		case !hidden && !e.IsDir() && strings.EqualFold(filepath.Ext(path), ".pdf"):
			d.paths = append(d.paths, path)
		}
		return nil
	})
}

// evidence is a document as it was read, and the proof that was found for it.
type evidence struct {
	path   string
	digest verify.Digest   // of the document: the file, or what stands before a proof in it
	proof  *verify.Proof   // nil: none was found
	spare  []*verify.Proof // more proofs for this digest, where several were found
	broken error           // a proof inside the file that is not as it must be
}

// finder finds the proof of each document, in this order: named, beside the
// document, inside it, in the folder of proofs.
type finder struct {
	named  *verify.Proof // the proof for the one document, whatever it is for
	byHash proofIndex    // proofs named on the command line
	folder proofIndex    // --proofs
}

// proofIndex has proofs by the digest that they are for. Anyone can make a
// proof for a digest, so one does not keep another out.
type proofIndex map[verify.Digest][]*verify.Proof

// newFinder reads the proofs that were named. Those for one document alone are
// its proof, whatever they are for: that is for the verdict to say.
func newFinder(d documents, one, folder string) (*finder, error) {
	f := &finder{}
	named := d.proofs
	if one != "" {
		named = append(named, one)
	}
	if one != "" && len(d.paths) > 1 {
		return nil, hinted(errors.New("--proof names the proof of one document, and several were named"), "name one document, or put the proofs beside them")
	}
	if len(named) > 1 && len(d.paths) == 1 {
		return nil, fmt.Errorf("%d proofs were named for one document", len(named))
	}
	var err error
	if len(named) == 1 && len(d.paths) == 1 {
		f.named, err = readProof(named[0])
		return f, err
	}
	if f.byHash, err = indexProofs(named); err != nil || folder == "" {
		return f, err
	}
	f.folder, err = indexFolder(folder)
	return f, err
}

// indexFolder reads the proofs in a folder, with all that is below it. What
// cannot be read there is passed over, but for the folder itself.
func indexFolder(folder string) (proofIndex, error) {
	root := strings.TrimSuffix(folder, string(filepath.Separator)) + string(filepath.Separator)
	index := make(proofIndex)
	return index, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil && path == root {
			return err
		}
		if err == nil && strings.EqualFold(filepath.Ext(path), ".json") {
			if p, err := readProof(path); err == nil {
				index.add(p)
			}
		}
		return nil
	})
}

// indexProofs reads proofs. Files that do not parse belong to no document, and
// are passed over.
func indexProofs(paths []string) (proofIndex, error) {
	index := make(proofIndex)
	for _, path := range paths {
		p, err := readProof(path)
		if err != nil {
			return nil, err
		}
		index.add(p)
	}
	return index, nil
}

func (x proofIndex) add(p *verify.Proof) {
	if d, ok := p.Digest(); ok {
		x[d] = append(x[d], p)
	}
}

// find reads one document and finds its proof.
func (f *finder) find(path string, progress io.Writer) (evidence, error) {
	file, err := openRegular(path)
	if err != nil {
		return evidence{}, err
	}
	defer file.Close()
	e := evidence{path: path}
	e.digest, _, err = verify.Hash(io.TeeReader(file, progress))
	if err != nil {
		return evidence{}, err
	}
	if found := f.byHash[e.digest]; f.named == nil && len(found) > 0 {
		e.proof, e.spare = found[0], found[1:]
		return e, nil
	}
	e.proof, err = f.outside(path)
	if err != nil {
		return evidence{}, err
	}
	if e.proof != nil && proofIsFor(e.proof, e.digest) {
		return e, nil
	}
	in, err := lookInside(file)
	if err != nil {
		return evidence{}, err
	}
	named := f.byHash[in.digest]
	switch found := f.folder[e.digest]; {
	case in.proof != nil && f.named == nil && len(named) > 0:
		e.proof, e.spare, e.digest = named[0], named[1:], in.digest
	case e.proof != nil:
		// It goes before a proof inside the file. The document is what stands
		// before that one, where the proof is for it.
		if in.proof != nil && proofIsFor(e.proof, in.digest) {
			e.digest = in.digest
		}
	case in.broken != nil:
		e.broken = in.broken
	case in.proof != nil:
		e.proof, e.digest = in.proof, in.digest
	case len(found) > 0:
		e.proof, e.spare = found[0], found[1:]
	}
	return e, nil
}

// outside returns the proof that was named for the document, or that lies
// beside it; nil where there is none. What cannot be a proof file, by its kind
// or because no file can have the name, is none.
func (f *finder) outside(document string) (*verify.Proof, error) {
	if f.named != nil {
		return f.named, nil
	}
	beside := document + proof.Suffix
	if info, err := os.Stat(beside); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	return readProof(beside)
}

func proofIsFor(p *verify.Proof, digest verify.Digest) bool {
	d, ok := p.Digest()
	return ok && d == digest
}

// inside is what the end of a file holds: a proof and the digest of the
// document before it, or why that is not as it must be, or nothing.
type inside struct {
	proof  *verify.Proof
	digest verify.Digest
	broken error
}

func lookInside(file *os.File) (inside, error) {
	info, err := file.Stat()
	if err != nil {
		return inside{}, err
	}
	original, data, err := proof.SplitTrailer(file, info.Size())
	switch {
	case errors.Is(err, proof.ErrNoTrailer):
		return inside{}, nil
	case errors.Is(err, proof.ErrTrailer):
		return inside{broken: err}, nil
	case err != nil:
		return inside{}, err
	}
	p := verify.ReadProof(data)
	digest, _, err := verify.Hash(io.NewSectionReader(file, 0, original))
	return inside{proof: &p, digest: digest}, err
}
