package headers

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"gradseal/bitcoin"
)

// Embedded is the source of the embedded node's chain.
const Embedded = "embedded node"

// openPlain opens the plain file in which the embedded node keeps its headers:
// those of regtest, 80 bytes each from genesis on, and nothing else. It needs
// no index, because its source is known and it only grows at its end. The chain
// ends before the first header that does not link to the one before it, and the
// tip must have the work for its target: what follows is what a process killed
// in Extend or a power cut can leave.
func openPlain(path string, r *rules) (*Chain, error) {
	return openPlainFile(path, r, os.O_RDONLY)
}

func openPlainFile(path string, r *rules, flag int) (*Chain, error) {
	if _, err := regular(path); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	c := &Chain{path: path, rules: r, source: Embedded, file: file}
	err = c.checkGenesis()
	if err == nil {
		err = c.findTip()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return c, nil
}

func (c *Chain) checkGenesis() error {
	var first bitcoin.Header
	_, err := c.file.ReadAt(first[:], 0)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: malformed header file: shorter than one header of %d bytes", c.path, bitcoin.HeaderSize)
	}
	if err != nil {
		return err
	}
	if first == c.rules.genesis {
		return nil
	}
	for _, n := range bitcoin.Networks() {
		if first == n.Genesis() {
			return fmt.Errorf("%s: unexpected header file: the headers are those of %s, want %s", c.path, n, c.rules.network)
		}
	}
	return fmt.Errorf("%s: malformed header file: the first header is %s, want the genesis header of %s, %s", c.path, first.Hash(), c.rules.network, c.rules.genesis.Hash())
}

// findTip reads the file from the start, as far as every header links to the
// one before. The last of them has no other to confirm its bytes and must have
// its work.
func (c *Chain) findTip() error {
	r := bufio.NewReaderSize(io.NewSectionReader(c.file, 0, math.MaxInt64), 1<<16)
	var h, tip bitcoin.Header
	var count uint32
	var last, before bitcoin.Hash // of the tip and of the one before it
	for count <= MaxHeight {
		_, err := io.ReadFull(r, h[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: header at height %d: %w", c.path, count, err)
		}
		if count > 0 && h.Previous() != last {
			break
		}
		tip, before, last = h, last, h.Hash()
		count++
	}
	if count > 1 && tip.CheckWork() != nil {
		last, count = before, count-1
	}
	c.extents = []extent{{Height: 0, Count: count}}
	c.ranges = []Range{{From: 0, To: count - 1, Hash: last}}
	each, err := expand(c.rules.limit) // regtest has no other
	for range count {
		c.ranges[0].Work = c.ranges[0].Work.add(each.work)
	}
	return err
}
