package page

import (
	"errors"
	"fmt"
	"slices"

	"gradseal/headers"
	"gradseal/trust"
)

// packs are the packs as the page has them, every list signed by keys in force
// now, and after them the headers of the page's network, checked and once.
func (o Options) packs() ([][]byte, error) {
	if len(o.Packs) == 0 {
		return nil, errors.New("a page needs the pack of an issuer")
	}
	for i, p := range o.Packs {
		if slices.ContainsFunc(o.Packs[:i], func(q *trust.Pack) bool { return q.File.ID == p.File.ID }) {
			return nil, fmt.Errorf("two packs of %s", p.File.ID)
		}
		if err := p.Check(o.Now); err != nil {
			return nil, err
		}
	}
	var all [][]byte
	for _, p := range o.Packs {
		slim, err := trust.NewPack(p.Issuer, p.Status, nil)
		if err != nil {
			return nil, err
		}
		data, err := slim.Marshal()
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	segments, err := o.segments()
	return append(all, segments...), err
}

// segments are the headers of all packs, as one chain. Packs that contradict each
// other on a test network are an error: there nothing but the maker of the page
// says which is right.
func (o Options) segments() ([][]byte, error) {
	chain, err := headers.NewMemory(o.Network)
	if err != nil {
		return nil, err
	}
	for _, p := range o.Packs {
		for _, s := range p.Segments {
			if s.Network != o.Network {
				continue
			}
			if c := chain.Chain(); c != nil && o.Network.IsTest() {
				err = c.Agrees(s)
			}
			if err == nil {
				err = chain.Import(s, headers.Options{Now: o.Now})
			}
			if err != nil {
				return nil, fmt.Errorf("pack of %s: %w", p.File.ID, err)
			}
		}
	}
	return cut(chain.Chain())
}

// cut are the ranges of a chain as segments, without what is built in anyway.
func cut(c *headers.Chain) ([][]byte, error) {
	if c == nil {
		return nil, nil
	}
	listed, _ := headers.LastListed(c.Network())
	var all [][]byte
	for _, r := range c.Ranges() {
		if r.From == r.To && r.To == listed && listed > 0 {
			continue
		}
		s, err := c.Segment(r.From, r.To)
		if err != nil {
			return nil, err
		}
		data, err := s.Marshal()
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}
