// Package headers keeps the header chain of one Bitcoin network, on disk or in
// memory, and answers which header is at a height. Every header is checked when it is
// added: link, proof of work, exact bits, time, version, and the blocks that
// this build has built in (section 15 of docs/format.md). What headers cannot
// show is not checked: transactions, and the signatures of signet's blocks.
//
// On mainnet the chain with most work is kept, whoever it came from. On a test
// network work proves nothing to anyone: the chain there is the one from the
// source that its owner named, and headers of another source that disagree are
// refused until the owner says to replace it. Only the last 200 may be replaced
// by a branch with more work of a node that the owner names later: nodes are
// changed, and blocks reorganised in between.
//
// The package opens no socket. It trusts the files, which is why whoever can
// write them decides what verifies. Writing is for one process at a time, and
// the caller holds the lock for it. Readers need none: what a file says is
// committed is never written over.
package headers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync/atomic"

	"gradseal/bitcoin"
)

// ErrNotHeld is the error for a height at which there may be a header, but not
// in the file.
var ErrNotHeld = errors.New("the header is not held")

// Chain is a read-only view of a header chain as it was when it was opened:
// headers added later do not show, and those that a reorganisation has replaced
// since stay. It may be used by several goroutines at once.
type Chain struct {
	path    string
	rules   *rules
	source  string
	ranges  []Range  // by height, disjoint, with gaps between them
	extents []extent // by height, disjoint
	file    data     // nil where there are no extents

	// found are headers that were read and found in order, each at its height
	// modulo their number: all documents of a batch ask for the same two.
	found [8]atomic.Pointer[located]
}

// located is a header with its height.
type located struct {
	height uint32
	header bitcoin.Header
}

// Range is a run of headers without a gap. The highest range of a chain is the
// one that grows. Those below it are of networks with a built-in list, and end
// at a listed block.
type Range struct {
	From, To uint32
	// Before is the work of all headers below From: known where From is 0 or
	// listed, otherwise a claim of whoever gave the pin.
	Before Work
	Hash   bitcoin.Hash // of the block at To
	Work   Work         // of all headers up to To
}

// extent says where a run of headers is in the data file.
type extent struct {
	Height uint32 `json:"height"` // of the first header
	Count  uint32 `json:"count"`
	Offset int64  `json:"offset"` // bytes
}

func (e extent) end() uint32 { return e.Height + e.Count } // the height after the last

// Open opens the header chain of a network. The error is fs.ErrNotExist where
// there is no file, and a *DamagedError where it cannot be what was written. It does not check the headers again, which Audit does: it
// checks that they are there, that the newest and the listed ones are those
// that were checked.
func Open(path string, network bitcoin.Network) (*Chain, error) {
	r, err := rulesOf(network)
	if err != nil {
		return nil, err
	}
	return openChain(path, r)
}

func openChain(path string, r *rules) (*Chain, error) {
	// The data file is read after the index that names it. Where a writer has
	// put another in its place in between, there is a newer index too.
	for attempt := 0; ; attempt++ {
		c, err := openOnce(path, r)
		if errors.Is(err, errNoData) && attempt < 100 {
			continue
		}
		return c, damagedAt(path, err)
	}
}

func openOnce(path string, r *rules) (*Chain, error) {
	first, err := readIndexFile(path)
	if err != nil {
		return nil, err
	}
	if r.network == bitcoin.Regtest && !isIndex(first) {
		return openPlain(path, r)
	}
	x, err := parseIndex(first, r)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return x.open(path, r)
}

// Network is the network that the chain was opened for.
func (c *Chain) Network() bitcoin.Network { return c.rules.network }

// Source is where the chain comes from, in the words that were recorded.
func (c *Chain) Source() string { return c.source }

// Height is the height of the tip. It is the number of the last block, not of
// the headers that are held.
func (c *Chain) Height() uint32 { return c.main().To }

// Work is the work of the chain up to the tip. It includes that of the headers
// below the first one that is held, which is listed or taken from a pin.
func (c *Chain) Work() Work { return c.main().Work }

// Ranges are the headers that are held, lowest first; there is at least one.
func (c *Chain) Ranges() []Range { return slices.Clone(c.ranges) }

// At reads the header at a height. Where the chain does not have it the error
// is ErrNotHeld; where it is not what was written, a *DamagedError.
func (c *Chain) At(height uint32) (bitcoin.Header, error) {
	r, ok := c.rangeOf(height)
	if !ok {
		if height > c.Height() {
			return bitcoin.Header{}, fmt.Errorf("%s: no header at height %d, the tip is at %d: %w", c.path, height, c.Height(), ErrNotHeld)
		}
		return bitcoin.Header{}, fmt.Errorf("%s: no header at height %d: %w", c.path, height, ErrNotHeld)
	}
	found := &c.found[height%uint32(len(c.found))]
	if f := found.Load(); f != nil && f.height == height {
		return f.header, nil
	}
	h, err := c.read(height)
	if err != nil {
		return bitcoin.Header{}, err
	}
	// What the chain says the hash is: one more read, but a flipped bit on the
	// disk does not become another block.
	want := r.Hash
	if height < r.To {
		next, err := c.read(height + 1)
		if err != nil {
			return bitcoin.Header{}, err
		}
		want = next.Previous()
	}
	if got := h.Hash(); got != want {
		return bitcoin.Header{}, c.damaged(height, got, want)
	}
	found.Store(&located{height, h})
	return h, nil
}

// Agrees holds the headers of a segment against those that the chain has: the
// error is ErrDisagree where one is another. Import would take a branch with more
// work that is said to be from the same source; but on a test network work costs
// nothing, and a segment can come from anyone.
func (c *Chain) Agrees(s *Segment) error {
	for i, h := range s.Headers {
		height := s.From + uint32(i)
		if height > c.Height() {
			break
		}
		stored, err := c.At(height)
		switch {
		case errors.Is(err, ErrNotHeld):
		case err != nil:
			return err
		case stored != h:
			return fmt.Errorf("height %d is block %s (from %s), not %s: %w", height, stored.Hash(), c.source, h.Hash(), ErrDisagree)
		}
	}
	return nil
}

// Close closes the files.
func (c *Chain) Close() error {
	if c.file == nil {
		return nil
	}
	return c.file.Close()
}

func (c *Chain) damaged(height uint32, got, want bitcoin.Hash) error {
	return damagedAt(c.path, fmt.Errorf("%s: damaged: header at height %d is that of block %s, want %s", c.path, height, got, want))
}

// main is the range that grows.
func (c *Chain) main() Range { return c.ranges[len(c.ranges)-1] }

// rangeOf is the range that holds a height.
func (c *Chain) rangeOf(height uint32) (Range, bool) {
	i := c.rangeIndex(height)
	if i == len(c.ranges) || height < c.ranges[i].From {
		return Range{}, false
	}
	return c.ranges[i], true
}

// rangeIndex is the index of the first range that does not end below height.
func (c *Chain) rangeIndex(height uint32) int {
	i, _ := slices.BinarySearchFunc(c.ranges, height, func(r Range, height uint32) int { return cmp.Compare(r.To, height) })
	return i
}

// holds tells whether the header at a height is held.
func (c *Chain) holds(height uint32) bool {
	_, ok := c.rangeOf(height)
	return ok
}

// read reads a header without checking it.
func (c *Chain) read(height uint32) (bitcoin.Header, error) {
	var h bitcoin.Header
	e, ok := findExtent(c.extents, height)
	if !ok {
		if l := c.rules.list; l != nil && height == l.top() {
			return l.last, nil // built in, whether stored or not
		}
		return h, damagedAt(c.path, fmt.Errorf("%s: damaged: header at height %d is not in the file", c.path, height))
	}
	if _, err := c.file.ReadAt(h[:], e.Offset+int64(height-e.Height)*bitcoin.HeaderSize); err != nil {
		return bitcoin.Header{}, damagedAt(c.path, fmt.Errorf("%s: header at height %d: %w", c.path, height, err))
	}
	return h, nil
}

func findExtent(extents []extent, height uint32) (extent, bool) {
	i, _ := slices.BinarySearchFunc(extents, height, func(e extent, height uint32) int { return cmp.Compare(e.end(), height+1) })
	if i == len(extents) || height < extents[i].Height {
		return extent{}, false
	}
	return extents[i], true
}

// scan reads the headers from one height to another, both included and held.
func (c *Chain) scan(from, to uint32, each func(height uint32, h bitcoin.Header) error) error {
	buf := make([]byte, 0, 4096*bitcoin.HeaderSize)
	for height := from; height <= to; {
		e, ok := findExtent(c.extents, height)
		if !ok {
			h, err := c.read(height)
			if err == nil {
				err = each(height, h)
			}
			if err != nil {
				return err
			}
			height++
			continue
		}
		n := min(e.end()-height, to-height+1, 4096)
		buf = buf[:int(n)*bitcoin.HeaderSize]
		if _, err := c.file.ReadAt(buf, e.Offset+int64(height-e.Height)*bitcoin.HeaderSize); err != nil {
			return damagedAt(c.path, fmt.Errorf("%s: headers from height %d: %w", c.path, height, err))
		}
		for i := range n {
			if err := each(height+i, bitcoin.Header(buf[i*bitcoin.HeaderSize:][:bitcoin.HeaderSize])); err != nil {
				return err
			}
		}
		height += n
	}
	return nil
}

// tipAt is the chain that ends at a height that is held.
func (c *Chain) tipAt(height uint32) (*tip, error) {
	r, ok := c.rangeOf(height)
	if !ok {
		return nil, fmt.Errorf("%s: header at height %d: %w", c.path, height, ErrNotHeld)
	}
	// From the first block of the period on, and the last eleven.
	low := min(height/period*period, height-min(height, medianOf-1))
	t := new(tip)
	err := c.scan(max(low, r.From), height, func(at uint32, h bitcoin.Header) error {
		t.observe(c.rules, at, h)
		if at == height {
			t.hash = h.Hash()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if t.last, err = expand(t.bits); err != nil {
		return nil, damagedAt(c.path, fmt.Errorf("%s: damaged: header at height %d: %w", c.path, height, err))
	}
	t.work, err = c.workAt(height)
	return t, err
}

// workAt is the work up to a height that is held, reckoned from the nearer end
// of its range.
func (c *Chain) workAt(height uint32) (Work, error) {
	r, ok := c.rangeOf(height)
	if !ok {
		return Work{}, fmt.Errorf("%s: header at height %d: %w", c.path, height, ErrNotHeld)
	}
	if height == r.To {
		return r.Work, nil
	}
	if height-r.From < r.To-height {
		sum, err := c.sum(r.From, height)
		return r.Before.add(sum), err
	}
	sum, err := c.sum(height+1, r.To)
	return r.Work.sub(sum), err
}

// sum is the work of the headers from one height to another.
func (c *Chain) sum(from, to uint32) (Work, error) {
	var total Work
	var last compact
	err := c.scan(from, to, func(height uint32, h bitcoin.Header) error {
		if h.Bits() != last.bits {
			var err error
			if last, err = expand(h.Bits()); err != nil {
				return damagedAt(c.path, fmt.Errorf("%s: damaged: header at height %d: %w", c.path, height, err))
			}
		}
		total = total.add(last.work)
		return nil
	})
	return total, err
}

// regular is an error for what is no regular file. It is asked before a file
// is opened: opening a named pipe would wait for its other end.
func regular(path string) (fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	return info, nil
}
