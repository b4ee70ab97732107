package trust

import (
	"encoding/base64"
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/strictjson"
	"gradseal/issuer"
)

const (
	packFormat = "gradseal-pack/1"
	// MaxPack is the most bytes that a pack can have.
	MaxPack = 32 << 20
	// maxLists is one status list for each of Bitcoin's networks.
	maxLists = 5
	// MaxSegments is the most header segments that a pack can have. Mainnet has
	// fewer than 500 ranges between the blocks that are built in.
	MaxSegments = 1024
)

// Pack is what an issuer publishes and a verifier adds in one step: the issuer
// file, its newest status list for each network that it issues on, and the
// headers that its proofs need.
//
// Issuer file and lists are signed, the headers are not: on mainnet they are
// worth the work in them, on a test network nobody vouches for them.
type Pack struct {
	Issuer  []byte   // the signed issuer file
	Status  [][]byte // signed status lists, in the order of the networks
	Headers [][]byte // header segments, in the order of networks and heights

	// File, Lists and Segments are what was read from the above.
	File     *issuer.File
	Lists    []SignedList
	Segments []*headers.Segment
}

// SignedList is a status list with its envelope and its exact bytes.
type SignedList struct {
	*issuer.StatusList
	Note *issuer.Note
	Data []byte
}

type packJSON struct {
	Format  string   `json:"format"`
	Issuer  string   `json:"issuer"`
	Status  []string `json:"status"`
	Headers []string `json:"headers"`
}

// NewPack joins an issuer file, status lists and header segments. The lists
// must be the issuer's, one for a network; the segments must leave gaps between
// them.
func NewPack(file []byte, lists, segments [][]byte) (*Pack, error) {
	f, err := issuer.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("issuer file: %w", err)
	}
	p := &Pack{Issuer: file, Status: lists, Headers: segments, File: f}
	if err := p.readLists(); err != nil {
		return nil, err
	}
	if err := p.readSegments(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *Pack) readLists() error {
	if len(p.Status) > maxLists {
		return fmt.Errorf("%d status lists, want at most %d", len(p.Status), maxLists)
	}
	var last bitcoin.Network
	for i, data := range p.Status {
		list, err := parseList(data)
		if err != nil {
			return fmt.Errorf("status list %d: %w", i+1, err)
		}
		if list.Issuer != p.File.ID {
			return fmt.Errorf("status list %d is of %s, the issuer file of %s", i+1, list.Issuer, p.File.ID)
		}
		if list.Network <= last {
			return fmt.Errorf("status list %d, for %s, is out of order", i+1, list.Network)
		}
		last = list.Network
		p.Lists = append(p.Lists, list)
	}
	return nil
}

// readSegments reads the headers. Whether they are headers of their networks is
// judged when they are taken in.
func (p *Pack) readSegments() error {
	if len(p.Headers) > MaxSegments {
		return fmt.Errorf("%d header segments, want at most %d", len(p.Headers), MaxSegments)
	}
	var last *headers.Segment
	for i, data := range p.Headers {
		s, err := headers.ParseSegment(data)
		if err != nil {
			return fmt.Errorf("header segment %d: %w", i+1, err)
		}
		if last != nil && (s.Network < last.Network || s.Network == last.Network && !leavesGap(last, s)) {
			return fmt.Errorf("header segment %d, of %s from height %d, is out of order, or follows without a gap", i+1, s.Network, s.From)
		}
		last = s
		p.Segments = append(p.Segments, s)
	}
	return nil
}

// leavesGap reports whether there are headers between a segment and the next:
// without, the two would be one.
func leavesGap(s, next *headers.Segment) bool {
	return uint64(next.From) > uint64(s.From)+uint64(len(s.Headers))
}

func parseList(data []byte) (SignedList, error) {
	list, note, err := issuer.ParseStatus(data)
	if err != nil {
		return SignedList{}, err
	}
	return SignedList{StatusList: list, Note: note, Data: data}, nil
}

// ParsePack reads a pack. The issuer file in it is signed by its own keys, but
// only the fingerprint says whose file it is: the caller compares it.
func ParsePack(data []byte) (*Pack, error) {
	if len(data) > MaxPack {
		return nil, fmt.Errorf("the file has more than %d bytes, the most that a pack can have", MaxPack)
	}
	var f packJSON
	if err := strictjson.Unmarshal(data, &f); err != nil {
		return nil, fmt.Errorf("not a pack: %w", err)
	}
	if f.Format != packFormat {
		return nil, fmt.Errorf("not a pack: format %q, want %q", f.Format, packFormat)
	}
	if f.Status == nil || f.Headers == nil {
		return nil, fmt.Errorf("not a pack: status or headers is null, want a list")
	}
	lists := make([][]byte, len(f.Status))
	for i, s := range f.Status {
		lists[i] = []byte(s)
	}
	segments := make([][]byte, len(f.Headers))
	for i, s := range f.Headers {
		var err error
		if segments[i], err = decodeBase64(s); err != nil {
			return nil, fmt.Errorf("header segment %d: %w", i+1, err)
		}
	}
	return NewPack([]byte(f.Issuer), lists, segments)
}

// decodeBase64 reads base64 in its canonical spelling. The decoder passes over
// line ends, which the length tells.
func decodeBase64(s string) ([]byte, error) {
	data, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, fmt.Errorf("malformed base64: %w", err)
	}
	if n := base64.StdEncoding.EncodedLen(len(data)); n != len(s) {
		return nil, fmt.Errorf("malformed base64: %d characters, want %d", len(s), n)
	}
	return data, nil
}

// Check verifies that every status list is signed by keys of the issuer file
// that are in force at the time now.
func (p *Pack) Check(now time.Time) error {
	for _, list := range p.Lists {
		if _, err := p.File.CheckSignatures(list.Note, now); err != nil {
			return fmt.Errorf("status list of %s for %s: %w", list.Issuer, list.Network, err)
		}
	}
	return nil
}

// Marshal returns the pack file.
func (p *Pack) Marshal() ([]byte, error) {
	f := packJSON{Format: packFormat, Issuer: string(p.Issuer), Status: []string{}, Headers: []string{}}
	for _, s := range p.Status {
		f.Status = append(f.Status, string(s))
	}
	for _, s := range p.Headers {
		f.Headers = append(f.Headers, base64.StdEncoding.EncodeToString(s))
	}
	data, err := strictjson.Marshal(f)
	if err == nil && len(data) > MaxPack {
		err = fmt.Errorf("the pack has %d bytes, more than the format's %d", len(data), MaxPack)
	}
	return data, err
}
