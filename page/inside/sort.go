package inside

import (
	"io"
	"path"
	"strings"

	"gradseal/evidence"
	"gradseal/proof"
	"gradseal/verify"
	"gradseal/words"
)

// File is a file that the visitor chose. Name is its path below the folder that
// was chosen, or its name alone, with slashes.
type File struct {
	Name string
	*io.SectionReader
}

// inFolder reports whether the file was found in a folder, and not chosen itself.
func (f File) inFolder() bool { return strings.Contains(f.Name, "/") }

// hidden reports whether the file, or a folder on the way to it, is of the kind
// that systems keep for themselves.
func (f File) hidden() bool {
	for part := range strings.SplitSeq(f.Name, "/") {
		if strings.HasPrefix(part, ".") {
			return f.inFolder()
		}
	}
	return false
}

// heap is what the visitor dropped, sorted.
type heap struct {
	documents []File
	proofs    []givenProof
	ignored   []Ignored
}

// givenProof is a file that was taken for a proof.
type givenProof struct {
	name string
	*verify.Proof
}

// Ignored is a file that no verdict was given for, and why.
type Ignored struct {
	Name string `json:"name"`
	Why  string `json:"why"`
}

// sortFiles tells documents from proofs. A file that was chosen is a document
// whatever its kind, and a proof if it reads as one or its name says so; of a
// folder the PDFs are documents.
func (p *Page) sortFiles(files []File) heap {
	var h heap
	for _, f := range files {
		kind, given := kindOf(f)
		switch kind {
		case hiddenFile:
		case proofFile:
			h.proofs = append(h.proofs, givenProof{f.Name, given})
		case document:
			h.documents = append(h.documents, f)
		default:
			h.ignored = append(h.ignored, p.ignore(f.Name, string(kind)))
		}
	}
	return h
}

func (p *Page) ignore(name, why string) Ignored {
	return Ignored{Name: words.Safe(name), Why: p.say("ignored."+why, nil)}
}

// kind is what a file is taken for. Those that no verdict is given for are named
// as their texts are.
type kind string

const (
	document   kind = "document"
	proofFile  kind = "proof"
	hiddenFile kind = "hidden"
	otherFile  kind = "not-pdf"
	packFile   kind = "pack"
	statusFile kind = "status"
	unreadable kind = "unreadable"
)

// kindOf looks at the name of a file, and into small ones.
func kindOf(f File) (kind, *verify.Proof) {
	switch pdf := strings.EqualFold(path.Ext(f.Name), ".pdf"); {
	case f.hidden():
		return hiddenFile, nil
	case pdf:
		return document, nil
	}
	start := make([]byte, min(f.Size(), int64(len(statusStart))))
	if n, err := f.ReadAt(start, 0); n < len(start) && err != nil {
		return unreadable, nil
	}
	isProof := strings.HasSuffix(strings.ToLower(f.Name), proof.Suffix)
	if isProof || strings.HasPrefix(string(start), "{") && f.Size() <= proof.MaxSize {
		given, err := readProof(f.SectionReader)
		if err != nil {
			return unreadable, nil
		}
		if _, ok := given.Digest(); ok || isProof || renamedProof(f.Name) {
			return proofFile, given
		}
	}
	switch {
	case string(start) == statusStart:
		return statusFile, nil
	case strings.HasSuffix(strings.ToLower(f.Name), ".pack"):
		return packFile, nil
	case f.inFolder():
		return otherFile, nil
	}
	return document, nil
}

// statusStart begins every status list.
const statusStart = "gradseal status "

// renamedProof reports whether a name is that of a proof as a browser or a
// system changes it where the name is taken: "NAME.pdf.proof (1).json".
func renamedProof(name string) bool {
	name = strings.ToLower(path.Base(name))
	return strings.Contains(name, ".proof") && strings.HasSuffix(name, ".json")
}

// readProof reads a proof file, which may be no proof at all. One that is too
// large is judged, and refused, by its parser.
func readProof(f *io.SectionReader) (*verify.Proof, error) {
	data := make([]byte, min(f.Size(), proof.MaxSize+1))
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, int64(len(data))), data); err != nil {
		return nil, err
	}
	given := verify.ReadProof(data)
	return &given, nil
}

// finder finds the proofs among those that were given. One document and one
// proof belong together, whatever the proof is for.
func (h *heap) finder() *evidence.Finder {
	if len(h.documents) == 1 && len(h.proofs) == 1 {
		return &evidence.Finder{Named: h.proofs[0].Proof}
	}
	listed, beside := make(evidence.Index), make(map[string]*verify.Proof)
	for _, g := range h.proofs {
		listed.Add(g.Proof)
		if n := len(g.name) - len(proof.Suffix); n > 0 && strings.EqualFold(g.name[n:], proof.Suffix) {
			beside[g.name[:n]] = g.Proof
		}
	}
	return &evidence.Finder{Listed: listed, Beside: func(name string) (*verify.Proof, error) { return beside[name], nil }}
}
