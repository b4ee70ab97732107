package cmd

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"gradseal/headers"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/verify"
)

// terms are all that verdicts depend on beside the documents and their proofs.
// What was judged under other terms is judged again.
type terms struct {
	Program   string    `json:"program"`
	Directory string    `json:"directory"` // in which paths are relative
	Policy    string    `json:"policy"`
	Trust     string    `json:"trust"` // SHA-256 of all issuer files and status lists
	Chain     string    `json:"chain"`
	Named     string    `json:"named"` // SHA-256 of the proofs that were named
	Time      time.Time `json:"time"`  // at which was judged
}

// newTerms are those of a verifier, and of the proofs that were named.
func newTerms(believed verify.Trust, p verify.Policy, named []string) (terms, error) {
	t := terms{Program: version(), Time: p.Now.UTC()}
	var err error
	if t.Directory, err = os.Getwd(); err != nil {
		return terms{}, err
	}
	t.Policy = fmt.Sprintf("%s %d %t", p.Network, p.Confirmations, p.AllowUnknownStatus)
	if p.UnsafeCarriedWork != nil {
		t.Policy += fmt.Sprintf(" %+v", *p.UnsafeCarriedWork)
	}
	if t.Trust, err = trustDigest(believed); err != nil {
		return terms{}, err
	}
	if c, ok := believed.Chain.(*headers.Chain); ok {
		t.Chain = fmt.Sprint(c.Ranges())
	}
	h := sha256.New()
	for _, path := range named {
		data, err := readProofFile(path)
		if err != nil {
			return terms{}, err
		}
		fmt.Fprintf(h, "%d %s", len(data), data)
	}
	t.Named = hex.EncodeToString(h.Sum(nil))
	return t, nil
}

// trustDigest is of all that is believed of issuers, signatures included.
func trustDigest(believed verify.Trust) (string, error) {
	h := sha256.New()
	for _, f := range believed.Issuers {
		text, err := f.Text()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%d %s", len(text), text)
	}
	for _, l := range believed.Status {
		fmt.Fprintf(h, "%t %d %s %v", l.Forked, len(l.Note.Text), l.Note.Text, l.Note.Signatures)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// differ says what is not as it was when was was written; "" where all is, so
// that the same documents have the same verdicts.
func (t terms) differ(was terms, believed verify.Trust) string {
	switch {
	case t.Program != was.Program:
		return "another version of gradseal"
	case t.Directory != was.Directory:
		return "the working directory"
	case t.Policy != was.Policy:
		return "what verify was asked for"
	case t.Trust != was.Trust:
		return "the trusted issuers or their status lists"
	case t.Chain != was.Chain:
		return "the header chain"
	case t.Named != was.Named:
		return "the proofs that were named"
	case t.Time.Before(was.Time):
		return "the clock, which was set back"
	case slices.ContainsFunc(turns(believed), func(at time.Time) bool { return !at.Before(was.Time) && !at.After(t.Time) }):
		return "the time: a status list or a key has come to its end since, or a key into force"
	}
	return ""
}

// turns are the times at which a verdict can become another one though nothing
// else changes: the ends of status lists, and the bounds of key sets with the
// slack that block times have.
func turns(believed verify.Trust) []time.Time {
	var all []time.Time
	for _, l := range believed.Status {
		all = append(all, l.Next)
	}
	for _, f := range believed.Issuers {
		for _, s := range f.Sets {
			for _, at := range []time.Time{s.From, s.Until} {
				all = append(all, at.Add(-issuer.BlockTimeSlack), at, at.Add(issuer.BlockTimeSlack))
			}
		}
	}
	return all
}

// record is a document that was judged, as a line of JSON in the partial file.
type record struct {
	Path string `json:"path"`
	// What the verdict is of: the document, the proof beside it, and those in the
	// folder of proofs, as stampOf has it. They are looked at before they are
	// read, so that a change meanwhile shows.
	Document string `json:"document"`
	Beside   string `json:"beside"`
	Folder   string `json:"folder"`

	Digest  string `json:"digest"`  // of the document, hex; "" where it could not be read
	Claimed string `json:"claimed"` // the digest that its proof is for, where that is another
	Verdict string `json:"verdict"`
	Test    bool   `json:"test"`
	ID      string `json:"issuer"` // "" where it is not proven
	Name    string `json:"name"`
	// Row is the row of the table; MixedUp is its finding where the proof is that
	// of another of the documents.
	Row     verdictRow `json:"row"`
	MixedUp string     `json:"mixed_up"`

	reused bool
}

// partial is the file beside a table that is being made: what was judged so far,
// in any order, so that the same command goes on where it was stopped. It begins
// with a mark and the terms.
//
// The table may be made where strangers put their files, and a verdict in it
// counts: before each line stands its HMAC-SHA-256 by a key in the home, those of
// records over the one of their terms too.
type partial struct {
	path  string
	key   []byte
	terms []byte // HMAC of the terms; nil before they were read or written
	lock  *flock.Flock
	file  *os.File
	out   *bufio.Writer
	next  int64    // where the next record goes
	old   int      // records that were there
	at    []lineAt // of the record of each document
	flush time.Time
}

// lineAt is where a record is; the zero value is nowhere.
type lineAt struct {
	from int64
	size int32
}

const (
	partialExt = ".partial"
	// markAt is where partialMark stands. The byte before it is never read or
	// written: where a lock keeps everybody off (Windows), it is on that byte.
	markAt      = 1
	partialMark = "gradseal verify: what was judged so far\n"
	// maxRecord is more than a record takes: two paths of 4 KiB and texts.
	maxRecord = 1 << 20
	// flushEvery bounds what a killed process loses.
	flushEvery = time.Second
)

// resumeKey is the key by which this home knows what it has judged itself. Where
// it can neither be read nor made, it is one for this run only: the next judges
// everything again.
func (h home) resumeKey() []byte {
	path := h.resumeKeyFile()
	for range 2 {
		key, err := readCapped(path, sha256.Size)
		if err == nil && len(key) == sha256.Size {
			return key
		}
		if !errors.Is(err, fs.ErrNotExist) {
			break
		}
		key = make([]byte, sha256.Size)
		rand.Read(key) // never fails
		err = atomicfile.MkdirAll(h.dir, 0o700)
		if err == nil {
			err = atomicfile.WriteNew(path, key, 0o600)
		}
		if err == nil {
			return key
		}
		if !errors.Is(err, fs.ErrExist) { // else another one has made it meanwhile
			break
		}
	}
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return key
}

var errOtherTable = errors.New("another gradseal is making this table")

// openPartial opens the partial file of a table of the documents in paths, which
// are sorted. changed says why what is in it cannot be used, where that is so.
func openPartial(path string, key []byte, paths []string, now terms, believed verify.Trust) (p *partial, changed string, err error) {
	if info, err := os.Lstat(path); err == nil && !info.Mode().IsRegular() {
		return nil, "", fmt.Errorf("%s: is not a regular file", path)
	}
	p = &partial{path: path, key: key, at: make([]lineAt, len(paths))}
	p.lock = flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	defer func() {
		if err != nil {
			p.close()
			p = nil
		}
	}()
	ok, err := p.lock.TryLock()
	if err != nil {
		return p, "", err
	}
	if !ok {
		return p, "", fmt.Errorf("%s: %w", path, errOtherTable)
	}
	if p.file, err = os.OpenFile(path, os.O_RDWR, 0o600); err != nil {
		return p, "", err
	}
	changed, err = p.load(paths, now, believed)
	if err != nil {
		return p, "", err
	}
	isNew := p.next == 0
	p.next = max(p.next, markAt)
	if err = p.file.Truncate(p.next); err != nil {
		return p, "", err
	}
	if _, err = p.file.Seek(p.next, io.SeekStart); err != nil {
		return p, "", err
	}
	p.out = bufio.NewWriterSize(p.file, 64<<10)
	if isNew {
		err = p.begin(now)
	}
	return p, changed, err
}

// load reads what is in the file, up to what a killed process or a power cut
// left of its last lines.
func (p *partial) load(paths []string, now terms, believed verify.Trust) (changed string, err error) {
	info, err := p.file.Stat()
	if err != nil || info.Size() == 0 {
		return "", err
	}
	r := bufio.NewReaderSize(io.NewSectionReader(p.file, markAt, info.Size()-markAt), 64<<10)
	mark := make([]byte, min(int64(len(partialMark)), info.Size()-markAt))
	if _, err := io.ReadFull(r, mark); err != nil {
		return "", err
	}
	if !strings.HasPrefix(partialMark, string(mark)) {
		return "", hinted(fmt.Errorf("%s: is there already, and was not made by verify", p.path), "move it away, or name another table with --csv FILE.csv")
	}
	var was terms
	head, err := p.readRecord(r, &was)
	switch {
	case err != nil:
		return "", err
	case head == 0:
		return "what is in this file: it was cut off or changed, or made with another --home", nil
	}
	if changed := now.differ(was, believed); changed != "" {
		return changed, nil
	}
	p.next = int64(markAt + len(partialMark) + head)
	for {
		var rec record
		n, err := p.readRecord(r, &rec)
		if err != nil || n == 0 {
			return "", err
		}
		if i, found := slices.BinarySearch(paths, rec.Path); found {
			if p.at[i] == (lineAt{}) {
				p.old++
			}
			p.at[i] = lineAt{p.next, int32(n)}
		}
		p.next += int64(n)
	}
}

// sealSize is the length of an HMAC in hex and the blank after it.
const sealSize = 2*sha256.Size + 1

// seal is the HMAC of the JSON of a line.
func (p *partial) seal(text []byte) []byte {
	h := hmac.New(sha256.New, p.key)
	h.Write(p.terms)
	h.Write(text)
	return h.Sum(nil)
}

// line is a line of the file.
func (p *partial) line(of any) ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(of); err != nil {
		return nil, err
	}
	return append(fmt.Appendf(nil, "%x ", p.seal(text.Bytes())), text.Bytes()...), nil
}

// parse reads a line that this home has written, and no other.
func (p *partial) parse(line []byte, into any) bool {
	if len(line) < sealSize {
		return false
	}
	seal, err := hex.DecodeString(string(line[:sealSize-1]))
	return err == nil && hmac.Equal(seal, p.seal(line[sealSize:])) && json.Unmarshal(line[sealSize:], into) == nil
}

// readRecord reads a line and returns its length; 0 where there is no whole one.
// The first are the terms.
func (p *partial) readRecord(r *bufio.Reader, into any) (int, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil && p.parse(line, into):
			if p.terms == nil {
				p.terms = p.seal(line[sealSize:])
			}
			return len(line), nil
		case err == nil || errors.Is(err, io.EOF) || len(line) > maxRecord:
			return 0, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return 0, err
		}
	}
}

func (p *partial) begin(now terms) error {
	p.terms = nil
	line, err := p.line(now)
	if err != nil {
		return err
	}
	p.terms = p.seal(line[sealSize:])
	n, err := fmt.Fprintf(p.out, "%s%s", partialMark, line)
	p.next += int64(n)
	if err != nil {
		return err
	}
	return p.out.Flush()
}

// before returns the record of document i from an earlier run.
func (p *partial) before(i int) (*record, error) {
	at := p.at[i]
	if at == (lineAt{}) {
		return nil, nil
	}
	line := make([]byte, at.size)
	if _, err := p.file.ReadAt(line, at.from); err != nil {
		return nil, err
	}
	var r record
	if !p.parse(line, &r) {
		return nil, fmt.Errorf("%s: was changed meanwhile", p.path)
	}
	return &r, nil
}

// add keeps the record of document i.
func (p *partial) add(i int, r *record) error {
	line, err := p.line(r)
	if err != nil {
		return err
	}
	if _, err := p.out.Write(line); err != nil {
		return err
	}
	p.at[i] = lineAt{p.next, int32(len(line))}
	p.next += int64(len(line))
	if now := time.Now(); now.After(p.flush) {
		p.flush = now.Add(flushEvery)
		return p.out.Flush()
	}
	return nil
}

// close leaves the file for the next run.
func (p *partial) close() error {
	var err error
	if p.out != nil {
		err = p.out.Flush()
	}
	if p.file != nil {
		err = errors.Join(err, p.file.Close())
	}
	return errors.Join(err, p.lock.Close())
}

// remove is close once the table is there.
func (p *partial) remove() error {
	return errors.Join(p.close(), os.Remove(p.path))
}
