// Package inside is what the offline page does, without the browser: it holds
// the packs that the page's maker put in and what the visitor adds, and judges
// files with package verify as the command line does. Package page/wasm joins it
// to the browser; page.Write uses it to check a page before it is written.
//
// It trusts the packs that Open is given, as whoever made the page speaks for
// them. Everything else comes from the visitor's files and is judged: a newer
// status list by its signature, another pack by a fingerprint that was typed,
// headers by the rules of package headers. Nothing replaces what is known by
// something older. It opens nothing, and is for one goroutine at a time.
package inside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/qr"
	"gradseal/trust"
	"gradseal/verify"
	"gradseal/words"
)

// Options are what a page is opened with.
type Options struct {
	Network       string `json:"network"`       // the one that counts
	Confirmations uint32 `json:"confirmations"` // at least 1
	Language      string `json:"language"`      // tag; one that is not there is taken for words.Default
	Built         string `json:"built"`         // version of the program that made the page
	Now           string `json:"now"`           // a time as in RFC 3339, in place of the clock; "" for the clock
}

// ParseOptions reads options from JSON.
func ParseOptions(data []byte) (Options, error) {
	var o Options
	if err := json.Unmarshal(data, &o); err != nil {
		return Options{}, fmt.Errorf("malformed options: %w", err)
	}
	return o, nil
}

// Page is an open page.
type Page struct {
	policy   verify.Policy // without the time
	now      func() time.Time
	shelf    *shelf
	headers  *headers.Memory
	language *words.Language
	built    string
	codes    qr.Parts
	// chain is the header chain to judge by, nil where there is none.
	chain func() verify.Chain
}

// Open opens a page with the packs and header segments that its maker put in. An
// error means that the page is damaged, or the options name no network or no
// confirmations.
func Open(o Options, packs [][]byte) (*Page, error) {
	network, err := bitcoin.ParseNetwork(o.Network)
	if err != nil {
		return nil, err
	}
	if o.Confirmations == 0 {
		return nil, errors.New("the options must ask for at least 1 confirmation")
	}
	p := &Page{
		policy: verify.Policy{Network: network, Confirmations: o.Confirmations},
		now:    time.Now, shelf: newShelf(), built: o.Built,
	}
	p.chain = p.held
	if o.Now != "" {
		fixed, err := time.Parse(time.RFC3339, o.Now)
		if err != nil {
			return nil, fmt.Errorf("malformed options: %w", err)
		}
		p.now = func() time.Time { return fixed }
	}
	if p.headers, err = headers.NewMemory(network); err != nil {
		return nil, err
	}
	for i, data := range packs {
		if err := p.place(data); err != nil {
			return nil, fmt.Errorf("pack %d of this page: %w", i+1, err)
		}
	}
	if err := p.SetLanguage(o.Language); err != nil {
		return p, p.SetLanguage(words.Default)
	}
	return p, nil
}

// place takes in what the page's maker put in: a pack, or a header segment by
// itself, which is read in half the time. Lists and headers were judged when the
// page was made, and headers are again; but not by the clock, which on the
// visitor's machine may be slow.
func (p *Page) place(data []byte) error {
	if bytes.HasPrefix(data, []byte(segmentStart)) {
		s, err := headers.ParseSegment(data)
		if err != nil {
			return err
		}
		return p.takeSegment(s, headers.Options{})
	}
	pack, err := trust.ParsePack(data)
	if err != nil {
		return err
	}
	if err := p.shelf.place(pack); err != nil {
		return err
	}
	for _, s := range pack.Segments {
		if s.Network != p.policy.Network {
			continue
		}
		if err := p.takeSegment(s, headers.Options{}); err != nil {
			return err
		}
	}
	return nil
}

// segmentStart begins every header segment (docs/format.md, 15.3), and no pack.
const segmentStart = "gradseal-headers-"

// Headers returns the header chain of the page, nil where it has none.
func (p *Page) Headers() *headers.Chain { return p.headers.Chain() }

// held is Headers for package verify, whose nil is another.
func (p *Page) held() verify.Chain {
	if c := p.headers.Chain(); c != nil {
		return c
	}
	return nil
}

// SetLanguage has the page speak the language of a tag.
func (p *Page) SetLanguage(tag string) error {
	l, err := words.Load(tag)
	if err == nil {
		p.language = l
	}
	return err
}

// say is a text of the page's own.
func (p *Page) say(key string, args map[string]string) string {
	return p.language.Text("page."+key, args)
}

// Info is what the page says of itself.
type Info struct {
	Network     string            `json:"network"`
	TestNetwork bool              `json:"test_network"`
	Issuers     []IssuerInfo      `json:"issuers"`
	Headers     *HeadersInfo      `json:"headers"` // nil: none
	Languages   []LanguageInfo    `json:"languages"`
	Language    string            `json:"language"` // tag
	Text        map[string]string `json:"text"`     // of the page itself, in the language, by key
	Built       string            `json:"built"`
}

// IssuerInfo is an issuer whose documents the page recognises. Days are in
// words, "" where there is no list, or no day named.
type IssuerInfo struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Fingerprint string `json:"fingerprint"`
	StatusAsOf  string `json:"status_as_of"`
	StatusNext  string `json:"status_next"`
	StatusDate  string `json:"status_date"` // StatusAsOf as 2006-01-02
	StatusPast  bool   `json:"status_past"` // the day named is over
	Forked      bool   `json:"forked"`      // two lists contradict each other
}

// HeadersInfo is how far the page's header chain goes.
type HeadersInfo struct {
	Height uint32 `json:"height"`
	Time   string `json:"time"` // a day in words
}

// LanguageInfo is a language that the page can speak.
type LanguageInfo struct {
	Tag  string `json:"tag"`
	Name string `json:"name"` // in itself
}

// Info returns what the page says of itself now.
func (p *Page) Info() (*Info, error) {
	info := &Info{
		Network: p.policy.Network.String(), TestNetwork: p.policy.Network.IsTest(),
		Issuers: []IssuerInfo{}, Languages: []LanguageInfo{},
		Language: p.language.Tag(), Text: p.language.Texts("ui."), Built: p.built,
	}
	for _, e := range p.shelf.sorted() {
		info.Issuers = append(info.Issuers, p.issuerInfo(e))
	}
	if c := p.headers.Chain(); c != nil {
		tip, err := c.At(c.Height())
		if err != nil {
			return nil, err
		}
		info.Headers = &HeadersInfo{Height: c.Height(), Time: p.language.Day(tip.Time())}
	}
	for _, tag := range words.Languages() {
		l, err := words.Load(tag)
		if err != nil {
			return nil, err
		}
		info.Languages = append(info.Languages, LanguageInfo{Tag: tag, Name: l.Name()})
	}
	return info, nil
}

func (p *Page) issuerInfo(e *entry) IssuerInfo {
	i := IssuerInfo{ID: e.file.ID, Name: words.Safe(e.file.Name), Fingerprint: e.file.Fingerprint().String()}
	if l := e.lists[p.policy.Network]; l != nil {
		i.StatusAsOf, i.StatusNext, i.Forked = p.language.Day(l.AsOf), p.language.Day(l.Next), l.forked()
		i.StatusDate = l.AsOf.UTC().Format(time.DateOnly)
		i.StatusPast = !l.Next.IsZero() && l.Next.Before(p.now())
	}
	return i
}
