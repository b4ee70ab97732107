package inside

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/trust"
	"gradseal/verify"
)

// This file is built into the program of the page for TestBrowserVectors alone.

// verdictInput is what a verdict vector says that a verifier believes.
type verdictInput struct {
	Issuers []string
	Status  []struct {
		List   string
		Forked bool
	}
	Chain *struct {
		FirstHeight uint32 `json:"first_height"`
		Headers     []string
	}
	Policy struct {
		Network            string
		Confirmations      uint32
		AllowUnknownStatus bool                         `json:"allow_unknown_status"`
		CarriedWork        *struct{ Bits, Time string } `json:"carried_work"`
		Now                string
	}
}

// window is the part of a header chain that a vector has.
type window struct {
	network bitcoin.Network
	first   uint32
	headers []bitcoin.Header
}

func (w *window) Network() bitcoin.Network { return w.network }
func (w *window) Height() uint32           { return w.first + uint32(len(w.headers)) - 1 }

func (w *window) At(height uint32) (bitcoin.Header, error) {
	if height < w.first || height > w.Height() {
		return bitcoin.Header{}, fmt.Errorf("no header at height %d", height)
	}
	return w.headers[height-w.first], nil
}

// OpenVector opens a page that believes what a vector says, in place of packs:
// such headers and wrong signatures no pack could bring in.
func OpenVector(data []byte) (*Page, error) {
	var v verdictInput
	if err := json.Unmarshal(data, &v); err != nil {
		return nil, err
	}
	p, err := Open(Options{Network: v.Policy.Network, Confirmations: v.Policy.Confirmations, Language: "en", Now: v.Policy.Now}, nil)
	if err != nil {
		return nil, err
	}
	p.policy.AllowUnknownStatus = v.Policy.AllowUnknownStatus
	if y := v.Policy.CarriedWork; y != nil {
		bits, err := strconv.ParseUint(y.Bits, 16, 32)
		if err != nil {
			return nil, err
		}
		at, err := time.Parse(time.RFC3339, y.Time)
		if err != nil {
			return nil, err
		}
		p.policy.UnsafeCarriedWork = &verify.Yardstick{Bits: uint32(bits), Time: at}
	}
	if err := p.believe(&v); err != nil || v.Chain == nil {
		return p, err
	}
	chain := &window{network: p.policy.Network, first: v.Chain.FirstHeight}
	for _, h := range v.Chain.Headers {
		raw, err := hex.DecodeString(h)
		if err != nil {
			return nil, err
		}
		header, err := bitcoin.ParseHeader(raw)
		if err != nil {
			return nil, err
		}
		chain.headers = append(chain.headers, header)
	}
	p.chain = func() verify.Chain { return chain }
	return p, nil
}

// believe takes in issuers and status lists.
func (p *Page) believe(v *verdictInput) error {
	for _, data := range v.Issuers {
		pack, err := trust.NewPack([]byte(data), nil, nil)
		if err != nil {
			return err
		}
		if err := p.shelf.place(pack); err != nil {
			return err
		}
	}
	for _, s := range v.Status {
		l, note, err := issuer.ParseStatus([]byte(s.List))
		if err != nil {
			return err
		}
		known := &list{SignedList: trust.SignedList{StatusList: l, Note: note}}
		if s.Forked {
			known.fork = &known.SignedList
		}
		if e := p.shelf.entries[l.Issuer]; e != nil {
			e.lists[l.Network] = known
		}
	}
	return nil
}
