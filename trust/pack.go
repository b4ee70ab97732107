package trust

import (
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/strictjson"
	"gradseal/issuer"
)

const (
	packFormat = "gradseal-pack/1"
	// MaxPack is the most bytes that a pack can have.
	MaxPack = 32 << 20
	// maxLists is one status list for each of Bitcoin's networks.
	maxLists = 5
)

// Pack is what an issuer publishes and a verifier adds in one step: the issuer
// file, and its newest status list for each network that it issues on.
type Pack struct {
	Issuer []byte   // the signed issuer file
	Status [][]byte // signed status lists, in the order of the networks

	// File and Lists are what was read from the above.
	File  *issuer.File
	Lists []SignedList
}

// SignedList is a status list with its envelope and its exact bytes.
type SignedList struct {
	*issuer.StatusList
	Note *issuer.Note
	Data []byte
}

type packJSON struct {
	Format string   `json:"format"`
	Issuer string   `json:"issuer"`
	Status []string `json:"status"`
}

// NewPack joins an issuer file and status lists. The lists must be the
// issuer's, one for a network.
func NewPack(file []byte, lists ...[]byte) (*Pack, error) {
	f, err := issuer.ParseFile(file)
	if err != nil {
		return nil, fmt.Errorf("issuer file: %w", err)
	}
	p := &Pack{Issuer: file, Status: lists, File: f}
	if len(lists) > maxLists {
		return nil, fmt.Errorf("%d status lists, want at most %d", len(lists), maxLists)
	}
	var last bitcoin.Network
	for i, data := range lists {
		list, err := parseList(data)
		if err != nil {
			return nil, fmt.Errorf("status list %d: %w", i+1, err)
		}
		if list.Issuer != f.ID {
			return nil, fmt.Errorf("status list %d is of %s, the issuer file of %s", i+1, list.Issuer, f.ID)
		}
		if list.Network <= last {
			return nil, fmt.Errorf("status list %d, for %s, is out of order", i+1, list.Network)
		}
		last = list.Network
		p.Lists = append(p.Lists, list)
	}
	return p, nil
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
	if f.Status == nil {
		return nil, fmt.Errorf("not a pack: status is null, want a list")
	}
	lists := make([][]byte, len(f.Status))
	for i, s := range f.Status {
		lists[i] = []byte(s)
	}
	return NewPack([]byte(f.Issuer), lists...)
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
	f := packJSON{Format: packFormat, Issuer: string(p.Issuer), Status: []string{}}
	for _, s := range p.Status {
		f.Status = append(f.Status, string(s))
	}
	data, err := strictjson.Marshal(f)
	if err == nil && len(data) > MaxPack {
		err = fmt.Errorf("the pack has %d bytes, more than the format's %d", len(data), MaxPack)
	}
	return data, err
}
