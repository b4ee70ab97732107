package cmd

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/atomicfile"
	"gradseal/trust"
)

// span is a run of heights, both ends included.
type span struct{ from, to uint32 }

func (s span) String() string {
	return fmt.Sprintf("%s to %s", number(uint64(s.from)), number(uint64(s.to)))
}

// retargetPeriod is how far apart the blocks are at which a header chain can
// begin.
const retargetPeriod = 2016

// packHeaders returns the header segments that verifiers need for the proofs
// of an issuer that this home has anchored, as far as it holds them.
func (a *app) packHeaders(id string) ([][]byte, error) {
	batches, err := a.home.batches().List()
	if err != nil {
		return nil, err
	}
	anchors := make(map[bitcoin.Network][]uint32)
	for _, b := range batches {
		if b.Issuer == id && b.Attestation != nil {
			anchors[b.Network] = append(anchors[b.Network], b.Attestation.Height)
		}
		if b.Issuer == id && b.Timestamp != nil {
			anchors[b.Network] = append(anchors[b.Network], b.Timestamp.Height)
		}
	}
	networks := slices.DeleteFunc(bitcoin.Networks(), func(n bitcoin.Network) bool { return len(anchors[n]) == 0 })
	return a.segments(id, networks, func(c *headers.Chain) []span { return needed(c, anchors[c.Network()]) })
}

// exportHeaders returns the header segments that this home holds of the
// networks for which there is a status list of the issuer.
func (a *app) exportHeaders(id string) ([][]byte, error) {
	var networks []bitcoin.Network
	for _, n := range bitcoin.Networks() {
		list, _, err := a.home.trust().Status(id, n)
		if err != nil {
			return nil, err
		}
		if list != nil {
			networks = append(networks, n)
		}
	}
	return a.segments(id, networks, held)
}

// segments cuts the wanted heights out of the header chains of networks, for a
// pack of the issuer.
func (a *app) segments(id string, networks []bitcoin.Network, want func(*headers.Chain) []span) ([][]byte, error) {
	var all [][]byte
	for _, n := range networks {
		c, err := a.openHeaders(n)
		if errors.Is(err, fs.ErrNotExist) {
			a.ui.warn("the pack has no headers of %s, because this home has none: verifiers must fetch them themselves (gradseal headers sync --network %s …)", n, n)
			continue
		}
		if err != nil {
			return nil, err
		}
		// A rehearsal inside the program is nobody else's network.
		if c.Source() != headers.Embedded {
			all, err = a.cut(all, c, id, want(c))
		}
		if err := errors.Join(err, c.Close()); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// packSource is the source of headers from a pack of an issuer.
func packSource(id string) string { return "pack of " + id }

// cut appends the segments of a chain, without the heights that it lacks. They
// do not name the node that they came from: a pack is public.
func (a *app) cut(all [][]byte, c *headers.Chain, id string, spans []span) ([][]byte, error) {
	for _, s := range spans {
		for _, r := range c.Ranges() {
			from, to := max(s.from, r.From), min(s.to, r.To)
			if from > to {
				continue
			}
			segment, err := c.Segment(from, to)
			if err != nil {
				return nil, err
			}
			segment.Source = packSource(id)
			data, err := segment.Marshal()
			if err != nil {
				return nil, fmt.Errorf("headers of %s, heights %s: %w", c.Network(), span{from, to}, err)
			}
			all = append(all, data)
		}
		if !holds(c, s.from) {
			a.ui.warn("the pack lacks headers of %s below height %s, because this home does not hold them: run gradseal headers sync", c.Network(), s)
		}
	}
	return all, nil
}

func holds(c *headers.Chain, height uint32) bool {
	return slices.ContainsFunc(c.Ranges(), func(r headers.Range) bool { return r.From <= height && height <= r.To })
}

// needed are the heights that a verifier needs who has nothing but what is
// built in: for an anchor between two listed blocks all from one to the other,
// for those above the last listed one everything to the tip: on mainnet from
// that block, on a test network from the last multiple of 2,016 that is not
// above the first anchor.
func needed(c *headers.Chain, anchors []uint32) []span {
	slices.Sort(anchors)
	listed, _ := headers.LastListed(c.Network())
	var spans []span
	for _, height := range anchors {
		below := height / retargetPeriod * retargetPeriod
		if below < listed {
			spans = append(spans, span{below, below + retargetPeriod})
		} else {
			spans = append(spans, span{below, max(below, c.Height())})
		}
	}
	// A chain that begins below the last listed block goes on from there.
	if (len(spans) > 0 && spans[0].from < listed || c.Network() == bitcoin.Mainnet) && c.Height() > listed {
		spans = append(spans, span{listed, c.Height()})
	}
	return merge(spans)
}

// held are the heights that a chain holds. Of mainnet, what is below the last
// listed block and not a segment of its own is left out: everybody can get it,
// and it is far more than a pack can take.
func held(c *headers.Chain) []span {
	listed, _ := headers.LastListed(c.Network())
	var spans []span
	for _, r := range c.Ranges() {
		from := r.From
		if c.Network() == bitcoin.Mainnet && r.To > listed {
			from = max(from, listed)
		}
		spans = append(spans, span{from, r.To})
	}
	return merge(spans)
}

// merge joins spans that overlap or touch.
func merge(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var out []span
	for _, s := range spans {
		if n := len(out); n > 0 && uint64(s.from) <= uint64(out[n-1].to)+1 {
			out[n-1].to = max(out[n-1].to, s.to)
			continue
		}
		out = append(out, s)
	}
	return out
}

// writePack writes a pack to a file, or to standard output for "-".
func (a *app) writePack(pack *trust.Pack, out string) error {
	data, err := pack.Marshal()
	if err != nil {
		return err
	}
	if out == "-" {
		_, err := a.ui.Out.Write(data)
		return err
	}
	if err := mayReplacePack(out, pack.File.ID); err != nil {
		return err
	}
	return atomicfile.WriteFile(out, data, 0o644)
}

// contents says in words what is in a pack besides the issuer.
func contents(p *trust.Pack) string {
	parts := []string{count(len(p.Lists), "status list")}
	for _, s := range p.Segments {
		parts = append(parts, fmt.Sprintf("headers of %s %s", s.Network, spanOf(s)))
	}
	if len(p.Segments) == 0 {
		parts = append(parts, "no headers")
	}
	return strings.Join(parts, ", ")
}

func spanOf(s *headers.Segment) span {
	return span{s.From, s.From + uint32(len(s.Headers)) - 1}
}

// What became of a segment.
const (
	headersTaken   = "taken"
	headersSame    = "same"
	headersRefused = "refused"
)

// headersJSON is a header segment of a pack under --json.
type headersJSON struct {
	Network string `json:"network"`
	From    uint32 `json:"from"`
	To      uint32 `json:"to"`
	Change  string `json:"change"`
}

// takeHeaders takes in the headers of a pack whose issuer was confirmed. False
// ones are an error. Those that a chain of another origin here contradicts, or
// that do not reach it, stay out and are no error: what this machine has goes
// before what somebody gave it.
func (a *app) takeHeaders(pack *trust.Pack, replace bool) ([]headersJSON, error) {
	var all []headersJSON
	for i, s := range pack.Segments {
		// What a second segment of a network would replace is the first.
		first := i == 0 || pack.Segments[i-1].Network != s.Network
		change, err := a.takeSegment(pack, s, replace && first)
		if err != nil {
			return nil, fmt.Errorf("headers of %s: %w", s.Network, err)
		}
		at := spanOf(s)
		all = append(all, headersJSON{s.Network.String(), at.from, at.to, change})
	}
	return all, nil
}

func (a *app) takeSegment(pack *trust.Pack, s *headers.Segment, replace bool) (string, error) {
	path := a.home.headerFile(s.Network)
	replace = replace && s.Network.IsTest()
	before, err := heldRanges(path, s.Network)
	if replace && errors.As(err, new(*headers.DamagedError)) {
		err = nil // it goes away
	}
	if err != nil {
		return "", repairable(err, s.Network)
	}
	if s.Network.IsTest() && !replace {
		err = checkAgainst(path, s)
	}
	if err == nil {
		err = headers.Import(path, s, headers.Options{Name: packSource(pack.File.ID), Replace: replace, Now: time.Now()})
	}
	switch {
	case errors.Is(err, headers.ErrDisagree), errors.Is(err, headers.ErrLessWork):
		a.ui.warn("the headers of %s in this pack are not those of the chain here, which stays: %v", s.Network, err)
		if s.Network.IsTest() {
			a.ui.warn("if the pack is right and the chain here is not, as after a reorganisation, replace it: gradseal trust add --replace-headers FILE. Rehearsals of this home are better left alone: keep the pack in a home of its own, with --home DIR")
		}
		return headersRefused, nil
	case errors.Is(err, headers.ErrGap):
		a.ui.warn("the headers of %s in this pack do not reach those that are here: %v. Bring the chain up to date: gradseal headers sync --network %s …", s.Network, err, s.Network)
		return headersRefused, nil
	case errors.Is(err, headers.ErrFuture):
		a.ui.warn("the headers of %s in this pack were not taken in: %v. Is the clock of this machine right? Set it, and run the same command again", s.Network, err)
		return headersRefused, nil
	case err != nil:
		return "", repairable(err, s.Network)
	}
	after, err := heldRanges(path, s.Network)
	if err != nil {
		return "", err
	}
	if reflect.DeepEqual(before, after) {
		return headersSame, nil
	}
	a.ui.note("Headers of %s: heights %s.", s.Network, spanOf(s))
	if s.Network.IsTest() {
		a.ui.note("  They are what this file says: nothing signs them, and on a test network they prove nothing to anyone.")
	}
	return headersTaken, nil
}

// checkAgainst holds the headers of a test network against those that are here.
// Package headers would take a branch with more work from the same source; but
// a pack can come from anyone, and there work costs nothing.
func checkAgainst(path string, s *headers.Segment) error {
	c, err := headers.Open(path, s.Network)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Agrees(s)
}

// heldRanges are the headers of a network that this home holds; none where
// there is no file.
func heldRanges(path string, n bitcoin.Network) ([]headers.Range, error) {
	c, err := headers.Open(path, n)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return c.Ranges(), c.Close()
}
