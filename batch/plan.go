package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"gradseal/proof"
)

// Plan says what an anchor command has to do about the files that it was
// given, in view of the batches that there are.
type Plan struct {
	// New are the files of no batch: they become one.
	New []File
	// Resume are the batches that were begun and hold some of the files. Their
	// documents have the paths of those files, which may have been moved.
	Resume []*Batch
	// Stale are unsigned batches that hold some of the files and others, or have
	// another title. They issued nothing and are to be abandoned.
	Stale []*Batch
	// Rewrite are files of complete batches that have no proof beside them.
	Rewrite []Issued
	// Complete are the complete batches that hold some of the files.
	Complete []*Batch
	// Done counts the files of complete batches whose proof is beside them.
	Done     int
	Refusals []Refusal
}

// Issued is a file that a batch holds.
type Issued struct {
	File  File
	Batch *Batch
	Index int
}

// NewPlan holds the files against the batches of one issuer on one network, as
// the head of a new batch names them.
func NewPlan(files []File, batches []*Batch, head Head) (*Plan, error) {
	batches = slices.DeleteFunc(slices.Clone(batches), func(b *Batch) bool {
		return b.Network != head.Network || b.Issuer != head.Issuer
	})
	p := new(Plan)
	known := newIndex(batches)
	for _, f := range files {
		if err := p.place(f, known); err != nil {
			return nil, err
		}
	}
	p.checkFolders()
	p.resumePlanned(batches, head.Title)
	return p, nil
}

const probePattern = ".gradseal-probe-*"

// checkFolders refuses the folders of new files in which no proof could be
// written, before anything is paid for.
func (p *Plan) checkFolders() {
	paths := make([]string, len(p.New))
	for i, f := range p.New {
		paths[i] = f.Path
	}
	for _, dir := range folders(paths) {
		sweepFolder(dir, probePattern)
		probe, err := os.CreateTemp(dir, probePattern)
		if err != nil {
			var pathErr *fs.PathError
			if errors.As(err, &pathErr) {
				err = pathErr.Err
			}
			p.refuse(dir, fmt.Sprintf("is a folder in which no proof can be written: %v", err))
			continue
		}
		probe.Close()
		os.Remove(probe.Name())
	}
}

// index finds the documents of signed batches by digest and by path.
type index struct {
	byDigest map[[32]byte]Issued
	byPath   map[string]*Batch
}

func newIndex(batches []*Batch) index {
	x := index{make(map[[32]byte]Issued), make(map[string]*Batch)}
	for _, b := range batches {
		if b.State() == Planned {
			continue
		}
		for i, d := range b.Documents {
			x.byDigest[d.Digest] = Issued{Batch: b, Index: i}
			x.byPath[d.Path] = b
		}
	}
	return x
}

func (p *Plan) place(f File, known index) error {
	if is, ok := known.byDigest[f.Digest]; ok {
		is.File = f
		return p.placeIssued(is)
	}
	if b := known.byPath[f.Path]; b != nil {
		p.refuse(f.Path, fmt.Sprintf("was anchored on %s (batch %s) with other content: a corrected document needs another file name, and the first one a withdrawal",
			b.Created.Format("2006-01-02"), b.ID))
		return nil
	}
	switch _, err := os.Lstat(f.Path + proof.Suffix); {
	case err == nil:
		p.refuse(f.Path, "has a proof beside it that was not made from here: proofs are never overwritten, so move it away first")
	case !errors.Is(err, fs.ErrNotExist): // such as a name that is too long with the suffix
		p.refuse(f.Path, "cannot have a proof beside it, which "+faultOf(err))
	default:
		p.New = append(p.New, f)
	}
	return nil
}

func (p *Plan) placeIssued(is Issued) error {
	complete := is.Batch.State() == Complete
	switch have, err := readBeside(is.File.Path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		p.refuse(is.File.Path, "has a proof beside it that cannot be read as one: "+faultOf(err))
		return nil
	default:
		want, err := is.Batch.Proof(is.Index)
		if err != nil {
			return err
		}
		equal := bytes.Equal(have, want)
		if !equal && !is.Batch.mayReplace(have, want) {
			p.refuse(is.File.Path, fmt.Sprintf("has a proof beside it that is not the one of batch %s: proofs are never overwritten, so move it away first", is.Batch.ID))
			return nil
		}
		if equal && complete {
			p.Done++
			p.addComplete(is.Batch)
			return nil
		}
	}
	if complete {
		p.Rewrite = append(p.Rewrite, is)
		p.addComplete(is.Batch)
	} else {
		p.resume(is)
	}
	return nil
}

func (p *Plan) addComplete(b *Batch) {
	if !slices.Contains(p.Complete, b) {
		p.Complete = append(p.Complete, b)
	}
}

// readBeside reads the proof beside a document. What is there and is not a
// regular file is an error: it is somebody's, and a pipe would be waited for.
func readBeside(document string) ([]byte, error) {
	path := document + proof.Suffix
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: is not a regular file", path)
	}
	return os.ReadFile(path)
}

func (p *Plan) resume(is Issued) {
	is.Batch.give(is.Index, is.File.Path)
	if !slices.Contains(p.Resume, is.Batch) {
		p.Resume = append(p.Resume, is.Batch)
	}
}

func (p *Plan) refuse(path, fault string) {
	p.Refusals = append(p.Refusals, Refusal{path, fault})
}

// WriteMissing writes the proofs of Rewrite. done is called after each, from
// several goroutines.
func (p *Plan) WriteMissing(ctx context.Context, done func()) error {
	paths := make(map[*Batch][]string)
	for _, is := range p.Rewrite {
		paths[is.Batch] = append(paths[is.Batch], is.File.Path)
	}
	for b, of := range paths {
		if _, err := b.Root(); err != nil { // builds the tree before goroutines share it
			return err
		}
		for _, dir := range folders(of) {
			sweepFolder(dir, b.temporary())
		}
	}
	return each(ctx, len(p.Rewrite), func() func(int) error {
		return func(i int) error {
			defer done()
			is := p.Rewrite[i]
			return is.Batch.WriteProofAt(is.Index, is.File.Path)
		}
	})
}

// resumePlanned takes up an unsigned batch of exactly the new files and with
// the same title, so that an interrupted command ends with the root that it
// began with.
func (p *Plan) resumePlanned(batches []*Batch, title string) {
	want := make(map[string][32]byte, len(p.New))
	for _, f := range p.New {
		want[f.Path] = f.Digest
	}
	for _, b := range batches {
		if b.State() != Planned {
			continue
		}
		switch hits := b.count(want); {
		case hits == 0:
		case hits == len(want) && hits == len(b.Documents) && len(p.New) > 0 && b.Title == title:
			p.Resume = append(p.Resume, b)
			p.New = nil
		default:
			p.Stale = append(p.Stale, b)
		}
	}
}

// count returns how many of the documents are among the files.
func (b *Batch) count(files map[string][32]byte) int {
	hits := 0
	for _, d := range b.Documents {
		if digest, ok := files[d.Path]; ok && digest == d.Digest {
			hits++
		}
	}
	return hits
}
