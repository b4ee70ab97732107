package cmd

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gradseal/batch"
	"gradseal/batch/manifest"
	"gradseal/evidence"
	"gradseal/proof"
)

// entry is a row of a batch: a document as it was issued, or planned to be, once.
type entry struct {
	batch *batch.Batch
	index int
}

func (e entry) document() batch.Document { return e.batch.Documents[e.index] }

// entriesOf returns the entries of the digests in the batches of the issuer, of
// all networks, in the order of the batches. A batch that is not signed is among
// them: it issued nothing.
func entriesOf(list []*batch.Batch, id string, digests ...[32]byte) []entry {
	wanted := make(map[[32]byte]bool, len(digests))
	for _, d := range digests {
		wanted[d] = true
	}
	var found []entry
	for _, b := range list {
		if b.Issuer != id {
			continue
		}
		for i := range b.Documents {
			if d := &b.Documents[i]; !d.Forgotten && wanted[d.Digest] {
				found = append(found, entry{b, i})
			}
		}
	}
	return found
}

// named is a document as a registrar named it.
type named struct {
	name   string // as it was written, for messages
	digest [32]byte
	// proof is what the document was named by, or was found with it; else nil. It
	// is not checked: anyone can write one.
	proof   *proof.Proof
	byProof bool // it was named by its proof
}

// named reads what documents were named by: the documents themselves, with a
// proof inside or not, their proof files, and digests of 64 hex digits. A document
// that is named twice is there once. Every fault is found before it returns; where
// there are some, the error is a refusedError, and what is in order is returned, too.
func (a *app) named(ctx context.Context, what []string) ([]named, error) {
	var all nameds
	var faults []batch.Finding
	for _, arg := range what {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		n, err := readNamed(arg)
		if err != nil {
			faults = append(faults, batch.Finding{Path: arg, Text: withoutPath(err)})
			continue
		}
		all.add(n)
	}
	return all.list, asRefused(faults)
}

// asRefused is the error of faults; nil where there are none.
func asRefused(faults []batch.Finding) error {
	if len(faults) == 0 {
		return nil
	}
	return refusedError(faults)
}

// nameds are documents, each once.
type nameds struct {
	list []named
	at   map[[32]byte]int
}

func (l *nameds) add(n named) {
	if l.at == nil {
		l.at = make(map[[32]byte]int)
	}
	i, ok := l.at[n.digest]
	switch {
	case !ok:
		l.at[n.digest] = len(l.list)
		l.list = append(l.list, n)
	case n.byProof && !l.list[i].byProof, l.list[i].proof == nil:
		l.list[i] = n
	}
}

func readNamed(arg string) (named, error) {
	if digest, ok := parseDigest(arg); ok {
		return named{name: arg, digest: digest}, nil
	}
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return named{}, err
	case info.IsDir():
		return named{}, errors.New("is a folder: name the documents, each by itself")
	case isProofName(arg) || startsAsProof(arg):
		return readNamedProof(arg)
	}
	ev, err := findEvidence(&evidence.Finder{Beside: proofsBeside()}, arg, io.Discard)
	if err != nil {
		return named{}, err
	}
	n := named{name: arg, digest: ev.Digest}
	if digest, ok := ev.Claimed(); ok && digest == ev.Digest {
		n.proof = ev.Proof.Parsed()
	}
	return n, nil
}

// startsAsProof reports whether a file of any name is meant as a proof: mail
// programs and browsers save "s01.pdf.proof (1).json".
func startsAsProof(path string) bool {
	f, err := openRegular(path)
	if err != nil {
		return false
	}
	defer f.Close()
	start := make([]byte, 64)
	n, _ := io.ReadFull(f, start)
	return bytes.HasPrefix(start[:n], []byte("{")) && bytes.Contains(start[:n], []byte(`"format": "gradseal-proof/`))
}

func readNamedProof(path string) (named, error) {
	data, err := readProofFile(path)
	if err != nil {
		return named{}, err
	}
	p, err := parseSound(data)
	if err != nil {
		return named{}, err
	}
	return named{name: path, digest: p.Digest, proof: p, byProof: true}, nil
}

// parseDigest reads a document digest, in lower or upper case: other programs
// print either.
func parseDigest(s string) (digest [32]byte, ok bool) {
	if len(s) != hex.EncodedLen(len(digest)) {
		return digest, false
	}
	_, err := hex.Decode(digest[:], []byte(s))
	return digest, err == nil
}

// withoutPath is what is wrong with a file, without its name.
func withoutPath(err error) string {
	var pathErr *os.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return noSuchFile
	case errors.As(err, &pathErr):
		return pathErr.Err.Error()
	}
	return err.Error()
}

// namedIn reads the documents that a manifest names in its column "file". A row
// names what was issued, by this issuer, from a file of that name: the whole path,
// its end from a folder on, or the base name. Documents with different contents
// under one name are a fault, and so is a name of none: see named.
func (a *app) namedIn(path string, list []*batch.Batch, id string) ([]named, error) {
	m, err := readList(path)
	if err != nil {
		return nil, err
	}
	issued := pathsOf(list, id)
	var all nameds
	var faults []batch.Finding
	for _, row := range m.Rows {
		digest, fault := issued.find(row.File)
		if fault != "" {
			faults = append(faults, batch.Finding{Path: path, Text: fmt.Sprintf("row %d: %s %s", row.Number, quoted(row.File), fault)})
			continue
		}
		all.add(named{name: row.File, digest: digest})
	}
	return all.list, asRefused(faults)
}

// readList reads a registrar's list of documents.
func readList(path string) (*manifest.Manifest, error) {
	data, err := readCapped(path, manifest.MaxSize)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Parse(data)
	var fault *manifest.Error
	if errors.As(err, &fault) {
		return nil, hinted(fmt.Errorf("%s: %w", path, err), "%s", fault.Remedy)
	}
	return m, err
}

// issuedPaths has what an issuer issued by the base name of the file.
type issuedPaths map[string][]entry

func pathsOf(list []*batch.Batch, id string) issuedPaths {
	issued := make(issuedPaths)
	for _, b := range list {
		if b.Issuer != id {
			continue
		}
		for i := range b.Documents {
			if d := &b.Documents[i]; !d.Forgotten {
				name := filepath.Base(d.Path)
				issued[name] = append(issued[name], entry{b, i})
			}
		}
	}
	return issued
}

// find returns the digest of the one document that was issued under a name, or
// what is wrong with the name.
func (p issuedPaths) find(name string) (digest [32]byte, fault string) {
	clean := filepath.ToSlash(filepath.Clean(filepath.FromSlash(strings.ReplaceAll(name, `\`, "/"))))
	var candidates []string
	seen := make(map[[32]byte]bool)
	for _, e := range p[filepath.Base(filepath.FromSlash(clean))] {
		d := e.document()
		if path := filepath.ToSlash(d.Path); path != clean && !strings.HasSuffix(path, "/"+clean) {
			continue
		}
		if !seen[d.Digest] {
			seen[d.Digest], digest = true, d.Digest
			candidates = append(candidates, fmt.Sprintf("%s (batch %s, SHA-256 %x)", safe(d.Path), e.batch.ID, d.Digest))
		}
	}
	switch len(candidates) {
	case 0:
		return digest, "is not the name of a document that was issued from here"
	case 1:
		return digest, ""
	}
	return digest, fmt.Sprintf("is the name of %s with different contents: %s. Write the end of the path from a folder on that tells them apart, or name the document by its SHA-256",
		count(len(candidates), "document"), strings.Join(candidates, "; "))
}
