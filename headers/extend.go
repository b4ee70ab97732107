package headers

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// Extend adds headers of the embedded node to the file at path: hs[0] at height
// from, hs[1] at from+1 and so on, from >= 1. Where the file has a header
// already, the two must be equal (else ErrDisagree) and nothing is written, so
// that the same call twice is no error. Each new header must keep the rules of
// the network. Only the clock is not asked: the node has asked it, and a clock
// that was set back since must not stop the node. On an error of these kinds
// the file is not touched.
//
// A file that is missing is created in one step, genesis header first, and its
// directory before it. When Extend returns nil, all of it is synced. At most
// one process at a time may call it for a path.
//
// The file stays a plain one until Sync or Import add to it. One that holds a
// chain from another source is an error.
func Extend(path string, network bitcoin.Network, from uint32, hs []bitcoin.Header) error {
	r, err := rulesOf(network)
	if err != nil {
		return err
	}
	if network != bitcoin.Regtest {
		return fmt.Errorf("unsupported network: the embedded node has no headers of %s", network)
	}
	if from == 0 {
		return errors.New("headers cannot be added at height 0, the genesis header is built in")
	}
	if uint64(from)+uint64(len(hs)) > MaxHeight+1 {
		return fmt.Errorf("headers cannot be added above height %d", MaxHeight)
	}
	first, err := readIndexFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return create(path, r, from, hs)
	case err != nil:
		return err
	case isIndex(first):
		return extendIndexed(path, r, from, hs)
	}
	c, err := openPlainFile(path, r, os.O_RDWR)
	if err != nil {
		return err
	}
	added, err := c.missing(from, hs)
	if err == nil {
		err = c.append(added)
	}
	return errors.Join(err, c.Close())
}

// create writes a new file with the genesis header and hs.
func create(path string, r *rules, from uint32, hs []bitcoin.Header) error {
	if from > 1 {
		return leavesGap(path, from, 0)
	}
	t, err := r.start(0, r.genesis, Work{})
	if err != nil {
		return err
	}
	if err := r.checkAll(path, t, hs); err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteNew(path, join(append([]bitcoin.Header{r.genesis}, hs...)), 0o644)
}

// missing compares hs with what is stored, checks what is not, and returns the
// latter.
func (c *Chain) missing(from uint32, hs []bitcoin.Header) ([]bitcoin.Header, error) {
	if from > c.Height()+1 {
		return nil, leavesGap(c.path, from, c.Height())
	}
	known := int(min(uint64(len(hs)), uint64(c.Height()+1-from)))
	for i, h := range hs[:known] {
		stored, err := c.read(from + uint32(i))
		if err != nil {
			return nil, err
		}
		if stored != h {
			return nil, fmt.Errorf("%s: height %d is block %s, not %s: %w", c.path, from+uint32(i), stored.Hash(), h.Hash(), ErrDisagree)
		}
	}
	if known == len(hs) {
		return nil, nil
	}
	t, err := c.tipAt(c.Height())
	if err != nil {
		return nil, err
	}
	return hs[known:], c.rules.checkAll(c.path, t, hs[known:])
}

// checkAll checks headers that are to follow t.
func (r *rules) checkAll(path string, t *tip, hs []bitcoin.Header) error {
	for _, h := range hs {
		if err := r.follow(t, h, time.Time{}); err != nil {
			return fmt.Errorf("%s: header for height %d: %w", path, t.height+1, err)
		}
	}
	return nil
}

// append cuts off what Open ignores, writes hs after the tip and syncs. It
// syncs the file and its name without hs too: an earlier call may have been
// killed before it did, and what it wrote be seen but not yet safe.
func (c *Chain) append(hs []bitcoin.Header) error {
	end := int64(c.Height()+1) * bitcoin.HeaderSize
	if err := c.file.Truncate(end); err != nil {
		return err
	}
	_, err := c.file.WriteAt(join(hs), end)
	if err == nil {
		err = c.file.Sync()
	}
	if err != nil {
		return errors.Join(err, c.file.Truncate(end))
	}
	return atomicfile.SyncDir(filepath.Dir(c.path))
}

// extendIndexed is Extend for a file that Sync or Import have added to.
func extendIndexed(path string, r *rules, from uint32, hs []bitcoin.Header) (err error) {
	w, err := openWriter(path, r, Embedded, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	if w.chain.source != Embedded {
		return fmt.Errorf("%s: holds the chain from %s, not that of the embedded node: move it away to go on with the embedded node: %w", path, w.chain.source, ErrDisagree)
	}
	w.strict = true
	if from > w.chain.Height()+1 {
		return leavesGap(path, from, w.chain.Height())
	}
	if len(hs) == 0 {
		return nil
	}
	if err := w.attach(from-1, hs[0].Previous()); err != nil {
		return err
	}
	for _, h := range hs {
		if err := w.take(h); err != nil {
			return err
		}
	}
	if err := w.accept(); err != nil {
		return err
	}
	return w.save()
}

func leavesGap(path string, from, tip uint32) error {
	return fmt.Errorf("%s: headers from height %d leave a gap, the tip is at %d", path, from, tip)
}

func join(hs []bitcoin.Header) []byte {
	b := make([]byte, 0, len(hs)*bitcoin.HeaderSize)
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return b
}
