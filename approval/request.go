// Package approval is what the officers of one issuer hand to each other where a
// key set has a threshold above one: a request, which one officer proposes and
// others add their signatures to, until as many distinct keys signed as the issuer
// file wants.
//
// Nothing in a request is believed because it is there. What it would put into
// force is read again by its own parser, compared with what this machine knows,
// and its tree is built anew from the entries; signatures are judged by the issuer
// file that this machine trusts. The package asks nobody, holds no secret key, and
// opens no socket.
//
// docs/format.md does not describe requests: no verifier ever sees one.
package approval

import (
	"encoding/hex"
	"errors"
	"fmt"

	"gradseal/bitcoin"
	"gradseal/internal/strictjson"
	"gradseal/issuer"
)

const (
	requestFormat = "gradseal-request/1"

	// MaxRequest is the most bytes that a request can have: 256 MiB. The entries
	// of a million documents take 85 MB of it, two status lists 34 MB at most.
	MaxRequest = 256 << 20

	// MaxEntries is the most documents that a request can hold.
	MaxEntries = 1_000_000

	// EntrySize is the length of an entry in bytes: salt and document digest.
	EntrySize = 64

	// MaxName is the most bytes that the name of a withdrawn document can have.
	MaxName = 1024
)

// Kind is what a request would put into force.
type Kind string

// The kinds.
const (
	Batch Kind = "batch"  // a statement about documents, and the status list that names them
	List  Kind = "list"   // a status list alone
	File  Kind = "issuer" // an issuer file
)

// Request is what is asked to be signed, with the signatures so far.
//
// Statement, List and File are drafts (issuer.ParseDraft): a signed note, or its
// text alone while nobody signed it.
type Request struct {
	Kind     Kind
	Issuer   string
	Network  bitcoin.Network  // none for an issuer file
	Proposer issuer.PublicKey // of the home that puts it into force in the end; its word
	Batch    string           // the proposer's name of the batch; its word
	// Statement is about the documents. With a list alone, it is that of the batch
	// which the list adds.
	Statement []byte
	// Base is the signed status list that List follows; nil: List is the first.
	Base []byte
	// List is the status list. It does not name the batch before enough keys signed
	// the statement: the batch root is made of their signatures too.
	List []byte
	// File is the issuer file.
	File []byte
	// Trusted is the signed issuer file that the proposer goes by, with a statement or
	// a list: it may be the one that follows the one of who is asked.
	Trusted []byte
	// Entries are the rows of the tree, salt and digest, in its order. They are in
	// what goes to an officer who is to look at the documents, and in nothing else:
	// whoever has them can tell who is in the batch.
	Entries []byte
	// Withdrawn are documents that the list withdraws and the one before does not, as
	// far as who proposes knows them: a list has numbers only. They are as confidential
	// as the entries, and no answer has them.
	Withdrawn []Document

	// What was read from the above.
	statement     *issuer.Statement
	statementNote *issuer.Note
	base          *issuer.StatusList
	baseNote      *issuer.Note
	list          *issuer.StatusList
	listNote      *issuer.Note
	file          *issuer.File
	fileNote      *issuer.Note
}

// Document is one that a status list withdraws.
type Document struct {
	Name         string // of its file, of at most MaxName bytes
	Salt, Digest [32]byte
}

// WithdrawalID is what names the document in a status list.
func (d *Document) WithdrawalID() [32]byte { return issuer.WithdrawalID(d.Salt, d.Digest) }

type documentJSON struct {
	Name   string `json:"name"`
	Salt   string `json:"salt"`
	Digest string `json:"digest"`
}

func (j *documentJSON) document() (d Document, err error) {
	d.Name = j.Name
	if len(d.Name) > MaxName {
		return d, fmt.Errorf("a name has %d bytes, want at most %d", len(d.Name), MaxName)
	}
	for _, f := range []struct {
		text string
		to   *[32]byte
	}{{j.Salt, &d.Salt}, {j.Digest, &d.Digest}} {
		sum, err := hex.DecodeString(f.text)
		if err != nil || len(sum) != len(f.to) || hex.EncodeToString(sum) != f.text {
			return d, fmt.Errorf("%.80q is not 32 bytes in hex", f.text)
		}
		*f.to = [32]byte(sum)
	}
	return d, nil
}

type requestJSON struct {
	Format    string `json:"format"`
	Kind      Kind   `json:"kind"`
	Issuer    string `json:"issuer"`
	Network   string `json:"network"`
	Proposer  string `json:"proposer"`
	Batch     string `json:"batch"`
	Statement string `json:"statement"`
	Base      string `json:"base"`
	List      string `json:"list"`
	File      string `json:"file"`
	Trusted   string `json:"trusted"`
	Entries   []byte `json:"entries"`

	Withdrawn []documentJSON `json:"withdrawn"`
}

// Parse reads a request of at most MaxRequest bytes. It verifies no signature.
func Parse(data []byte) (*Request, error) {
	if len(data) > MaxRequest {
		return nil, fmt.Errorf("malformed request: %d bytes, want at most %d", len(data), MaxRequest)
	}
	var j requestJSON
	if err := strictjson.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("malformed request: %w", err)
	}
	r, err := j.request()
	if err != nil {
		return nil, fmt.Errorf("malformed request: %w", err)
	}
	return r, nil
}

func (j *requestJSON) request() (*Request, error) {
	if j.Format != requestFormat {
		return nil, fmt.Errorf("unknown format %.40q, want %q", j.Format, requestFormat)
	}
	proposer, err := issuer.ParsePublicKey(j.Proposer)
	if err != nil {
		return nil, fmt.Errorf("proposer: %w", err)
	}
	r := &Request{
		Kind: j.Kind, Issuer: j.Issuer, Proposer: proposer, Batch: j.Batch,
		Statement: some(j.Statement), Base: some(j.Base), List: some(j.List), File: some(j.File), Trusted: some(j.Trusted),
		Entries: j.Entries,
	}
	if j.Entries == nil || j.Withdrawn == nil {
		return nil, errors.New("null, want base64 of the entries, and a list of what is withdrawn")
	}
	for _, w := range j.Withdrawn {
		d, err := w.document()
		if err != nil {
			return nil, fmt.Errorf("withdrawn: %w", err)
		}
		r.Withdrawn = append(r.Withdrawn, d)
	}
	if j.Network != "" {
		if r.Network, err = bitcoin.ParseNetwork(j.Network); err != nil {
			return nil, err
		}
	}
	return r, r.read()
}

// some is nil for the empty string.
func some(s string) []byte {
	if s == "" {
		return nil
	}
	return []byte(s)
}

// New returns the request with what Parse would have read from it.
func New(r Request) (*Request, error) {
	if err := r.read(); err != nil {
		return nil, err
	}
	return &r, nil
}

// Marshal returns the bytes that Parse reads r from.
func (r *Request) Marshal() ([]byte, error) {
	data, err := strictjson.Marshal(r.json())
	if err == nil && len(data) > MaxRequest {
		err = fmt.Errorf("the request would have %d bytes, want at most %d", len(data), MaxRequest)
	}
	return data, err
}

func (r *Request) json() requestJSON {
	j := requestJSON{
		Format: requestFormat, Kind: r.Kind, Issuer: r.Issuer, Proposer: r.Proposer.String(), Batch: r.Batch,
		Statement: string(r.Statement), Base: string(r.Base), List: string(r.List), File: string(r.File), Trusted: string(r.Trusted),
		Entries: append([]byte{}, r.Entries...), Withdrawn: []documentJSON{},
	}
	for _, d := range r.Withdrawn {
		j.Withdrawn = append(j.Withdrawn, documentJSON{d.Name, hex.EncodeToString(d.Salt[:]), hex.EncodeToString(d.Digest[:])})
	}
	if r.Network != 0 {
		j.Network = r.Network.String()
	}
	return j
}

// read parses what the request holds, and holds its parts against each other.
func (r *Request) read() error {
	if err := issuer.ValidID(r.Issuer); err != nil {
		return err
	}
	if err := r.checkShape(); err != nil {
		return err
	}
	if err := r.readStatement(); err != nil {
		return err
	}
	if err := r.readLists(); err != nil {
		return err
	}
	return r.readFile()
}

// checkShape wants of each kind what belongs to it, and nothing else.
func (r *Request) checkShape() error {
	shape := struct{ network, statement, list, file bool }{r.Network != 0, r.Statement != nil, r.List != nil, r.File != nil}
	want := shape
	switch r.Kind {
	case Batch:
		want.network, want.statement, want.list, want.file = true, true, true, false
	case List:
		want.network, want.list, want.file = true, true, false
	case File:
		want.network, want.statement, want.list, want.file = false, false, false, true
	default:
		return fmt.Errorf("unknown kind %.40q, want %q, %q or %q", string(r.Kind), Batch, List, File)
	}
	switch {
	case shape != want:
		return fmt.Errorf("a request of kind %s has something else in it, or lacks something", r.Kind)
	case r.Base != nil && r.List == nil:
		return errors.New("there is a list to begin from, and none that follows")
	case r.Trusted != nil && r.Kind == File:
		return fmt.Errorf("a request of kind %s has two issuer files", r.Kind)
	case len(r.Entries) > 0 && r.Kind != Batch:
		return fmt.Errorf("a request of kind %s has entries", r.Kind)
	case len(r.Withdrawn) > 0 && r.List == nil:
		return fmt.Errorf("a request of kind %s withdraws documents", r.Kind)
	case len(r.Entries)%EntrySize != 0 || len(r.Entries) > EntrySize*MaxEntries:
		return fmt.Errorf("entries have %d bytes, want 64 for each, of 1 to %d", len(r.Entries), MaxEntries)
	case r.Statement == nil && r.Batch != "", r.Statement != nil && !validName(r.Batch):
		return fmt.Errorf("the name of the batch is %.40q", r.Batch)
	}
	return nil
}

// validName reports whether s can be the name of a batch, and of a file: a date
// and eight hex digits.
func validName(s string) bool {
	const shape = "00000000-xxxxxxxx"
	if len(s) != len(shape) {
		return false
	}
	for i := range len(s) {
		digit := '0' <= s[i] && s[i] <= '9'
		if shape[i] == '0' && !digit || shape[i] == '-' && s[i] != '-' || shape[i] == 'x' && !digit && (s[i] < 'a' || s[i] > 'f') {
			return false
		}
	}
	return true
}

func (r *Request) readStatement() (err error) {
	if r.Statement == nil {
		return nil
	}
	if r.statement, r.statementNote, err = issuer.ParseStatement(r.Statement); err != nil {
		return err
	}
	switch s := r.statement; {
	case s.Type != issuer.Documents:
		return fmt.Errorf("the statement is about %s, want documents", s.Type)
	case s.Issuer != r.Issuer:
		return fmt.Errorf("the statement is of %q, want %q", s.Issuer, r.Issuer)
	case s.Network != r.Network:
		return fmt.Errorf("the statement is for %s, want %s", s.Network, r.Network)
	}
	return nil
}

func (r *Request) readLists() (err error) {
	if r.List == nil {
		return nil
	}
	if r.listNote, err = issuer.ParseDraft(r.List, issuer.MaxStatus); err != nil {
		return fmt.Errorf("status list: %w", err)
	}
	if r.list, err = issuer.ParseStatusText(r.listNote.Text); err != nil {
		return err
	}
	if r.Base != nil {
		if r.base, r.baseNote, err = issuer.ParseStatus(r.Base); err != nil {
			return fmt.Errorf("the list to begin from: %w", err)
		}
	}
	for _, l := range []*issuer.StatusList{r.list, r.base} {
		if l != nil && (l.Issuer != r.Issuer || l.Network != r.Network) {
			return fmt.Errorf("a status list is of %q for %s, want %q for %s", l.Issuer, l.Network, r.Issuer, r.Network)
		}
	}
	return nil
}

func (r *Request) readFile() (err error) {
	if r.Trusted != nil {
		f, err := issuer.ParseFile(r.Trusted)
		if err != nil {
			return err
		}
		if f.ID != r.Issuer {
			return fmt.Errorf("the issuer file is of %q, want %q", f.ID, r.Issuer)
		}
	}
	if r.File == nil {
		return nil
	}
	if r.fileNote, err = issuer.ParseDraft(r.File, issuer.MaxFile); err != nil {
		return fmt.Errorf("issuer file: %w", err)
	}
	if r.file, err = issuer.ParseFileText(r.fileNote.Text); err != nil {
		return err
	}
	if r.file.ID != r.Issuer {
		return fmt.Errorf("the issuer file is of %q, want %q", r.file.ID, r.Issuer)
	}
	return nil
}

// StatementText returns the statement; nil where there is none.
func (r *Request) StatementText() *issuer.Statement { return r.statement }

// StatusList returns the status list; nil where there is none.
func (r *Request) StatusList() *issuer.StatusList { return r.list }

// BaseList returns the status list that the new one follows; nil where there is
// none.
func (r *Request) BaseList() *issuer.StatusList { return r.base }

// IssuerFile returns the issuer file; nil where there is none.
func (r *Request) IssuerFile() *issuer.File { return r.file }

// Documents returns the number of entries.
func (r *Request) Documents() int { return len(r.Entries) / EntrySize }

// Entry returns the salt and the digest of the document with a leaf index.
func (r *Request) Entry(index int) (salt, digest [32]byte) {
	row := r.Entries[index*EntrySize:][:EntrySize]
	return [32]byte(row[:32]), [32]byte(row[32:])
}

// Name is what the request is called, and its file: the name of the batch, or what
// it is about and its sequence number.
func (r *Request) Name() string {
	switch r.Kind {
	case Batch:
		return r.Batch
	case List:
		return fmt.Sprintf("%s-%s-list-%d", Slug(r.Issuer), r.Network, r.list.Sequence)
	}
	return fmt.Sprintf("%s-issuer-%d", Slug(r.Issuer), r.file.Sequence)
}

// Subject tells two requests apart: it is the text that the first signature is
// for. The list of a batch may change, and the statement may not.
func (r *Request) Subject() string {
	switch r.Kind {
	case Batch:
		return r.statementNote.Text
	case List:
		return r.listNote.Text
	}
	return r.fileNote.Text
}

// WithoutEntries returns the request without its entries, and without the documents
// that it withdraws.
func (r *Request) WithoutEntries() *Request {
	c := *r
	c.Entries, c.Withdrawn = nil, nil
	return &c
}

// Slug is an issuer id as part of a file name. No id holds "_", so no two ids
// share one.
func Slug(id string) string {
	b := []byte(id)
	for i := range b {
		if b[i] == '/' {
			b[i] = '_'
		}
	}
	return string(b)
}
