package headers

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

var (
	// ErrDisagree is the error for a header that differs from the stored one at
	// its height and may not take its place.
	ErrDisagree = errors.New("the stored header chain disagrees")

	// ErrLessWork is the error for headers that leave the stored chain at some
	// block and do not lead to more work than it has. With equal work the first
	// seen stays.
	ErrLessWork = errors.New("the stored header chain has as much work, or more")

	// ErrGap is the error for headers that connect to none that is held.
	ErrGap = errors.New("headers between are missing")
)

const (
	// MaxReplaced is how many headers at the end of a test network's chain a
	// branch from another source than the recorded one may take the place of.
	MaxReplaced = 200
	// maxBranch is how many headers of a branch are kept while it has less work
	// than the stored chain: 84 MB. Where a header costs nothing, as on a test
	// network, a source could go on for ever; no real branch comes near.
	maxBranch = 1 << 20
	// maxExtents and maxDead are how scattered the data file may get, by
	// reorganisations, before it is written anew.
	maxExtents = 1024
	maxDead    = 1 << 20 // bytes, beyond as many as are in use
	// flushAt is how many bytes of headers are collected before they are written.
	flushAt = 1 << 20
)

// writer adds headers to a chain. What it accepts shows to its own reading at
// once, and to others from save on. New headers are written behind everything
// that an index has named, so that nobody sees them before.
type writer struct {
	path   string
	rules  *rules
	source string
	clock  time.Time
	// strict: a stored header is never replaced, whatever the source.
	strict bool
	// named: the owner has just named the source, for this.
	named bool
	// recorded is the source of the chain as it was opened, and lowest the height
	// below which no branch from another one may leave it.
	recorded string
	lowest   uint32
	// volatile: nothing is on disk, and path only names the chain in errors.
	volatile bool
	// maxBranch is the limit of that name; tests have a lower one.
	maxBranch uint32

	chain  *Chain   // what is accepted; nil where there is nothing
	closer []*Chain // that were opened
	number uint32   // of the data file
	file   data     // nil until something is to be written
	moved  bool     // the number is a new one
	size   int64    // bytes of the data file that are accepted
	end    int64    // and with what is not yet
	buf    []byte   // the last bytes before end, not yet written
	dirty  bool     // accepted but not saved
	failed error    // of a write, after which the file may lack what was put

	at     uint32 // height of the block that the next header follows
	branch *branch
}

// branch is a run of checked headers that are not accepted yet.
type branch struct {
	tip    *tip
	from   uint32 // height of the first header
	offset int64  // where that is in the data file
	// base is the range that the branch leaves or lengthens, -1 where it begins
	// a new one; below is the work below that one.
	base  int
	below Work
	fork  bool // it replaces stored headers
	good  *tip // the last point up to which it can be accepted, if there is one
}

func (b *branch) count() uint32 { return b.tip.height + 1 - b.from }

// openWriter opens the chain at path for writing. With replace it leaves what
// is there aside, until save.
func openWriter(path string, r *rules, source string, replace bool) (*writer, error) {
	if err := checkWriter(r, source, replace); err != nil {
		return nil, err
	}
	w := &writer{path: path, rules: r, source: source, maxBranch: maxBranch}
	c, err := openChain(path, r)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if replace && err == nil {
		return w, c.Close()
	}
	if replace && errors.As(err, new(*DamagedError)) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	w.closer = append(w.closer, c)
	w.goOn(c)
	if err := w.openData(); err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

// checkWriter refuses what no chain can be written with.
func checkWriter(r *rules, source string, replace bool) error {
	if err := CheckSource(source); err != nil {
		return err
	}
	if replace && r.network == bitcoin.Mainnet {
		return errors.New("unsupported on mainnet: the chain with most work is taken, no other can replace it")
	}
	return nil
}

// goOn has the writer add to a chain.
func (w *writer) goOn(c *Chain) {
	w.chain, w.recorded = c, c.source
	w.lowest = max(c.main().From+1, c.Height()-min(c.Height(), MaxReplaced))
}

// openData opens the data file of the chain. That of the embedded node has
// none; it gets one when there is something to add.
func (w *writer) openData() error {
	data, err := readIndexFile(w.path)
	if err != nil {
		return err
	}
	if !isIndex(data) {
		return audit(w.chain, func(Report) {})
	}
	x, err := parseIndex(data, w.rules)
	if err != nil {
		return err
	}
	w.number, w.size, w.end = x.Data, x.Size, x.Size
	file, err := os.OpenFile(dataName(w.path, w.number), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	w.file = file
	// What a killed writer has left behind the end is in nobody's way, but is no
	// part of the file either.
	if err := w.file.Truncate(w.size); err != nil {
		return err
	}
	if err := w.removeOld(); err != nil { // what it has left of another file
		return err
	}
	return w.storeTop()
}

// storeTop stores the last listed header, which an older build with a shorter
// list has not. The next build's list may go on, and not have it.
func (w *writer) storeTop() error {
	extents := cut(w.chain.extents, w.chain.ranges)
	top := w.rules.list.top()
	if _, ok := findExtent(extents, top); ok || top == 0 {
		return nil
	}
	if err := w.put(w.rules.list.last); err != nil {
		return err
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.chain = w.with(w.chain.ranges, insert(extents, extent{top, 1, w.size}))
	w.size, w.dirty = w.end, true
	return nil
}

// close closes the files. What is not saved is lost.
func (w *writer) close() error {
	var errs []error
	for _, c := range w.closer {
		errs = append(errs, c.Close())
	}
	if w.file != nil {
		errs = append(errs, w.file.Close())
	}
	if w.moved {
		errs = append(errs, os.Remove(dataName(w.path, w.number)))
	}
	return errors.Join(errs...)
}

// attach says which block the next header follows: the tip of the branch, or
// one that is held.
func (w *writer) attach(height uint32, hash bitcoin.Hash) error {
	if w.branch != nil && w.branch.tip.height == height && w.branch.tip.hash == hash {
		return nil
	}
	w.drop()
	h, err := w.chain.read(height)
	if err != nil {
		return err
	}
	if h.Hash() != hash {
		return w.disagree(height, h.Hash(), hash)
	}
	w.at = height
	return nil
}

func (w *writer) disagree(height uint32, stored, other bitcoin.Hash) error {
	return fmt.Errorf("%s: height %d is block %s (from %s), not %s (from %s): %w", w.path, height, stored, w.chain.source, other, w.source, ErrDisagree)
}

// drop forgets the branch.
func (w *writer) drop() {
	w.branch, w.buf, w.end = nil, w.buf[:0], w.size
}

// begin starts a new range with h at a height that is not held. before is the
// work below it.
func (w *writer) begin(height uint32, h bitcoin.Header, before Work) error {
	w.drop()
	t, err := w.rules.start(height, h, before)
	if err != nil {
		return fmt.Errorf("%s: header for height %d: %w", w.path, height, err)
	}
	if err := w.put(h); err != nil {
		return err
	}
	w.branch = &branch{tip: t, from: height, offset: w.end - bitcoin.HeaderSize, base: -1, below: before}
	w.at = height
	return w.settle()
}

// take takes the next header: it is held already, or it is checked and put
// into the branch. After an error the headers before it can still be accepted.
func (w *writer) take(h bitcoin.Header) error {
	next := w.at + 1
	if w.branch == nil {
		fork := false
		if w.chain.holds(next) {
			stored, err := w.chain.read(next)
			if err != nil {
				return err
			}
			if stored == h {
				w.at = next
				return nil
			}
			if err := w.checkFork(next, h); err != nil {
				return err
			}
			fork = true
		}
		if err := w.openBranch(fork); err != nil {
			return err
		}
	}
	b := w.branch
	if err := w.rules.follow(b.tip, h, w.clock); err != nil {
		return fmt.Errorf("%s: header for height %d: %w", w.path, next, err)
	}
	if b.fork && b.good == nil && b.count() > w.maxBranch {
		return fmt.Errorf("%s: %d headers after height %d: %w", w.path, b.count(), b.from-1, ErrLessWork)
	}
	if err := w.put(h); err != nil {
		return err
	}
	w.at = next
	return w.settle()
}

// checkFork decides whether a branch may leave the chain below a stored block.
func (w *writer) checkFork(height uint32, other bitcoin.Header) error {
	stored, err := w.chain.At(height) // which sees that the disk has not made the difference
	if err != nil {
		return err
	}
	if other.Previous() != stored.Previous() {
		return nil // no fork but a false link, which the rules refuse
	}
	if w.strict || w.rules.network.IsTest() && !w.mayBranch(height-1) {
		return w.disagree(height, stored.Hash(), other.Hash())
	}
	r, _ := w.chain.rangeOf(height)
	if top := w.rules.list.below(r.To); height <= top {
		return fmt.Errorf("%w (block %d is built in)", w.disagree(height, stored.Hash(), other.Hash()), top)
	}
	return nil
}

// mayBranch tells whether a branch may leave the chain of a test network after
// the block at a height. One from the recorded source always may. One from
// another may if its owner has named that source now, as who changes the node
// does, and it leaves the chain near the tip, as reorganisations do: a chain of
// its own leaves at the first block. The embedded node's chain has no other
// source.
func (w *writer) mayBranch(height uint32) bool {
	if w.source == w.recorded {
		return true
	}
	return w.named && w.recorded != Embedded && height >= w.lowest
}

func (w *writer) openBranch(fork bool) error {
	if w.file == nil {
		if w.failed = w.createData(); w.failed != nil {
			return w.failed
		}
	}
	t, err := w.chain.tipAt(w.at)
	if err != nil {
		return err
	}
	i := w.chain.rangeIndex(w.at)
	w.branch = &branch{tip: t, from: w.at + 1, offset: w.end, base: i, below: w.chain.ranges[i].Before, fork: fork}
	return nil
}

// settle looks how far the branch can be accepted. The highest range can grow
// anywhere, and take another branch once that has more work. A range below it
// must end at a listed block, because its own work proves little: it was made
// when work was cheap. Where a branch meets the range above the two are one.
func (w *writer) settle() error {
	b := w.branch
	above := w.above(b.from)
	switch {
	case above == nil:
		if !b.fork || b.tip.work.Cmp(w.chain.Work()) > 0 {
			b.good = b.tip
		}
		return nil
	case b.tip.height+1 == above.From:
		return w.meet(*above)
	}
	if _, _, ok := w.rules.list.at(b.tip.height); ok {
		good := *b.tip
		b.good = &good
	}
	return nil
}

// above is the first range that begins above a height, nil where there is none.
func (w *writer) above(height uint32) *Range {
	if w.chain == nil {
		return nil
	}
	for i, r := range w.chain.ranges {
		if r.From > height {
			return &w.chain.ranges[i]
		}
	}
	return nil
}

// meet joins the branch with the range above it, which begins at the next
// height, and accepts both. The first headers of that range are judged again:
// their time can be now.
func (w *writer) meet(above Range) error {
	b, t := w.branch, *w.branch.tip
	err := w.chain.scan(above.From, min(above.To, above.From+medianOf), func(height uint32, h bitcoin.Header) error {
		if h.Previous() != t.hash && height == above.From {
			return w.disagree(height-1, h.Previous(), t.hash)
		}
		if err := w.rules.follow(&t, h, time.Time{}); err != nil {
			return fmt.Errorf("%s: header at height %d: %w", w.path, height, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if b.tip.work != above.Before && !w.proven(b) {
		return fmt.Errorf("%s: the chainwork at height %d is %s from below and was taken as %s: %w", w.path, b.tip.height, b.tip.work, above.Before, ErrDisagree)
	}
	b.good = b.tip
	if err := w.accept(); err != nil {
		return err
	}
	w.join(above)
	return nil
}

// proven tells whether the work of a branch is known from its start on.
func (w *writer) proven(b *branch) bool {
	from := b.from
	if b.base >= 0 {
		from = w.chain.ranges[b.base].From
	}
	_, _, listed := w.rules.list.at(from)
	return listed || from == 0
}

// join makes one of the range that ends below above and above itself.
func (w *writer) join(above Range) {
	i := w.chain.rangeIndex(above.From)
	ranges := slices.Clone(w.chain.ranges)
	lower := ranges[i-1]
	lower.To, lower.Hash = above.To, above.Hash
	lower.Work = lower.Work.add(above.Work.sub(above.Before))
	w.chain = w.with(slices.Replace(ranges, i-1, i+1, lower), w.chain.extents)
}

// with is the chain with other ranges and extents.
func (w *writer) with(ranges []Range, extents []extent) *Chain {
	c := &Chain{path: w.path, rules: w.rules, source: w.source, ranges: ranges, extents: extents, file: w.file}
	if w.chain != nil && w.rules.network.IsTest() {
		c.source = w.chain.source
	}
	return c
}

// put writes a header behind everything else. After an error nothing is
// accepted or saved any more.
func (w *writer) put(h bitcoin.Header) error {
	if w.file == nil {
		if w.failed = w.createData(); w.failed != nil {
			return w.failed
		}
	}
	w.buf = append(w.buf, h[:]...)
	w.end += bitcoin.HeaderSize
	if len(w.buf) < flushAt {
		return w.failed
	}
	return w.flush()
}

func (w *writer) flush() error {
	_, err := w.file.WriteAt(w.buf, w.end-int64(len(w.buf)))
	w.buf = w.buf[:0]
	if err != nil {
		w.failed = err
	}
	return w.failed
}

// createData makes a new data file and copies all headers into it.
func (w *writer) createData() error {
	old := w.file
	if err := w.emptyData(); err != nil {
		return err
	}
	w.size, w.end = 0, 0
	if w.chain == nil {
		return nil
	}
	var extents []extent
	for _, r := range w.chain.ranges {
		extents = append(extents, extent{r.From, r.To - r.From + 1, w.end})
		if err := w.chain.scan(r.From, r.To, func(_ uint32, h bitcoin.Header) error { return w.put(h) }); err != nil {
			return err
		}
	}
	if err := w.flush(); err != nil {
		return err
	}
	w.size = w.end
	w.chain = w.with(w.chain.ranges, extents)
	if old != nil {
		return old.Close()
	}
	return nil
}

// emptyData makes a data file with nothing in it.
func (w *writer) emptyData() error {
	if w.volatile {
		w.file = new(memory)
		return nil
	}
	if err := atomicfile.MkdirAll(filepath.Dir(w.path), 0o755); err != nil {
		return err
	}
	number, err := nextNumber(w.path)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(dataName(w.path, number), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	w.file, w.number, w.moved = file, number, true
	return nil
}

// accept makes what is good of the branch part of the chain.
func (w *writer) accept() error {
	b := w.branch
	if w.failed != nil {
		return w.failed
	}
	if b == nil || b.good == nil {
		return nil
	}
	if err := w.flush(); err != nil {
		return err
	}
	added := extent{b.from, b.good.height + 1 - b.from, b.offset}
	grown := Range{From: b.from, Before: b.below}
	var ranges []Range
	var extents []extent
	if w.chain != nil {
		ranges, extents = slices.Clone(w.chain.ranges), w.chain.extents
	}
	if b.base >= 0 {
		grown.From = ranges[b.base].From
		ranges[b.base].To = b.from - 1 // what a fork replaces ends here
		extents = cut(extents, ranges)
		ranges = slices.Delete(ranges, b.base, b.base+1)
	}
	grown.To, grown.Hash, grown.Work = b.good.height, b.good.hash, b.good.work
	ranges = append(ranges, grown)
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	w.chain = w.with(ranges, insert(extents, added))
	if b.fork {
		w.chain.source = w.source // a branch makes the chain that of who had it
	}
	w.size = added.Offset + int64(added.Count)*bitcoin.HeaderSize
	w.dirty = true
	if b.good.height == b.tip.height {
		w.branch = nil
		return nil
	}
	w.branch = &branch{tip: b.tip, from: b.good.height + 1, offset: w.size, base: w.chain.rangeIndex(b.good.height), below: b.below}
	return nil
}

// cut is the part of the extents that lies in the ranges.
func cut(extents []extent, ranges []Range) []extent {
	var left []extent
	for _, e := range extents {
		for _, r := range ranges {
			from, end := max(e.Height, r.From), min(e.end(), r.To+1)
			if from < end {
				left = append(left, extent{from, end - from, e.Offset + int64(from-e.Height)*bitcoin.HeaderSize})
			}
		}
	}
	return left
}

// insert adds an extent and makes one of those that follow each other in height
// and in the file.
func insert(extents []extent, added extent) []extent {
	all := append(slices.Clone(extents), added)
	slices.SortFunc(all, func(a, b extent) int { return cmp.Compare(a.Height, b.Height) })
	out := all[:1]
	for _, e := range all[1:] {
		last := &out[len(out)-1]
		if last.end() == e.Height && last.Offset+int64(last.Count)*bitcoin.HeaderSize == e.Offset {
			last.Count += e.Count
			continue
		}
		out = append(out, e)
	}
	return out
}

// save makes what is accepted safe, and then visible to everybody. There is
// nothing to do for what is in memory.
func (w *writer) save() error {
	if w.failed != nil || !w.dirty || w.volatile {
		return w.failed
	}
	if err := w.file.Sync(); err != nil {
		return err
	}
	if w.moved {
		if err := atomicfile.SyncDir(filepath.Dir(w.path)); err != nil {
			return err
		}
	}
	if err := indexOf(w.chain, w.number, w.size).save(w.path); err != nil {
		// The index may be in its place all the same, where its directory could not
		// be synced: the file that it names then has to stay. The next writer removes
		// one that is not named.
		w.moved = false
		return err
	}
	w.dirty = false
	if w.moved {
		w.moved = false
		return w.removeOld()
	}
	return w.tidy()
}

// removeOld removes the data files that no index names any more. One that a
// reader has open may stay, on systems that refuse to remove it.
func (w *writer) removeOld() error {
	names, numbers, err := dataFiles(w.path)
	if err != nil {
		return err
	}
	for i, name := range names {
		if numbers[i] != uint64(w.number) {
			os.Remove(name)
		}
	}
	return nil
}

// tidy writes the data file anew where reorganisations have left it in many
// pieces, or full of what nobody needs.
func (w *writer) tidy() error {
	used := int64(0)
	for _, e := range w.chain.extents {
		used += int64(e.Count) * bitcoin.HeaderSize
	}
	if w.branch != nil || len(w.chain.extents) <= maxExtents && w.size-used <= used+maxDead {
		return nil
	}
	if w.failed = w.createData(); w.failed != nil {
		return w.failed
	}
	w.dirty = true
	return w.save()
}

// finish is an error for a branch that cannot be accepted.
func (w *writer) finish() error {
	b := w.branch
	switch {
	case b == nil || b.good != nil && b.good.height == b.tip.height:
		return nil
	case b.fork:
		return fmt.Errorf("%s: %d headers after height %d, up to work %s: %w", w.path, b.count(), b.from-1, b.tip.work, ErrLessWork)
	}
	from := b.from
	if b.good != nil {
		from = b.good.height + 1
	}
	return fmt.Errorf("%s: headers from height %d to %d lead to no block that is held or built in: %w", w.path, from, b.tip.height, ErrGap)
}
