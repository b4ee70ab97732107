package headers

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
)

// ErrDisagree is the error of Extend for a header that differs from the stored
// one at its height: the two come from different chains, or the block was
// reorganised away.
var ErrDisagree = errors.New("the stored header chain disagrees")

// regtestBits is the compact target of every regtest block: that network never
// changes its difficulty.
const regtestBits = 0x207fffff

// Extend adds headers to the file at path: hs[0] at height from, hs[1] at
// from+1 and so on, from >= 1. Where the file has a header already, the two
// must be equal (else ErrDisagree) and nothing is written, so that the same
// call twice is no error. Each new header must link to the one before it, have
// the bits of the network and the work for them. On an error of these kinds
// the file is not touched.
//
// A file that is missing is created in one step, genesis header first, and its
// directory before it. When Extend returns nil, all of it is synced. At most
// one process at a time may call it for a path.
//
// This version adds headers of regtest only; other networks are an error.
func Extend(path string, network bitcoin.Network, from uint32, hs []bitcoin.Header) error {
	if _, err := genesis(network); err != nil {
		return err
	}
	if network != bitcoin.Regtest {
		return fmt.Errorf("unsupported network: headers of %s cannot be added yet", network)
	}
	if from == 0 {
		return errors.New("headers cannot be added at height 0, the genesis header is built in")
	}
	if uint64(from)+uint64(len(hs)) > math.MaxUint32 {
		return fmt.Errorf("headers cannot be added above height %d", uint32(math.MaxUint32)-1)
	}
	c, err := openFile(path, network, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path, network, from, hs)
	}
	if err != nil {
		return err
	}
	added, err := c.missing(from, hs)
	if err == nil {
		err = c.write(added)
	}
	return errors.Join(err, c.Close())
}

// create writes a new file with the genesis header and hs.
func create(path string, network bitcoin.Network, from uint32, hs []bitcoin.Header) error {
	if from > 1 {
		return gap(path, from, 0)
	}
	first := network.Genesis()
	if err := checkLinks(path, first, from, hs); err != nil {
		return err
	}
	if err := atomicfile.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return atomicfile.WriteNew(path, join(append([]bitcoin.Header{first}, hs...)), 0o644)
}

// missing compares hs with what is stored, checks what is not, and returns the
// latter.
func (c *Chain) missing(from uint32, hs []bitcoin.Header) ([]bitcoin.Header, error) {
	if from > c.height+1 {
		return nil, gap(c.file.Name(), from, c.height)
	}
	known := int(min(uint64(len(hs)), uint64(c.height+1-from)))
	for i, h := range hs[:known] {
		stored, err := c.read(from + uint32(i))
		if err != nil {
			return nil, err
		}
		if stored != h {
			return nil, fmt.Errorf("%s: height %d is block %s, not %s: %w", c.file.Name(), from+uint32(i), stored.Hash(), h.Hash(), ErrDisagree)
		}
	}
	if known == len(hs) {
		return nil, nil
	}
	tip, err := c.read(c.height)
	if err != nil {
		return nil, err
	}
	if err := checkLinks(c.file.Name(), tip, c.height+1, hs[known:]); err != nil {
		return nil, err
	}
	return hs[known:], nil
}

// write cuts off what Open ignores, writes hs after the tip and syncs. It syncs
// the file and its name without hs too: an earlier call may have been killed
// before it did, and what it wrote be seen but not yet safe.
func (c *Chain) write(hs []bitcoin.Header) error {
	end := offset(c.height) + bitcoin.HeaderSize
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
	return atomicfile.SyncDir(filepath.Dir(c.file.Name()))
}

// checkLinks checks headers that are to follow below, the first of them at
// height from.
func checkLinks(path string, below bitcoin.Header, from uint32, hs []bitcoin.Header) error {
	for i, h := range hs {
		if err := check(below, h); err != nil {
			return fmt.Errorf("%s: header for height %d: %w", path, from+uint32(i), err)
		}
		below = h
	}
	return nil
}

func check(below, h bitcoin.Header) error {
	if h.Previous() != below.Hash() {
		return fmt.Errorf("invalid link: it follows block %s, want %s", h.Previous(), below.Hash())
	}
	if h.Bits() != regtestBits {
		return fmt.Errorf("invalid bits %08x, want %08x", h.Bits(), uint32(regtestBits))
	}
	return h.CheckWork()
}

func gap(path string, from, tip uint32) error {
	return fmt.Errorf("%s: headers from height %d leave a gap, the tip is at %d", path, from, tip)
}

func join(hs []bitcoin.Header) []byte {
	b := make([]byte, 0, len(hs)*bitcoin.HeaderSize)
	for _, h := range hs {
		b = append(b, h[:]...)
	}
	return b
}
