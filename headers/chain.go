// Package headers keeps the header chain of one Bitcoin network in a flat file
// and answers which header is at a height. The file is the 80-byte headers one
// after the other, the genesis header (height 0) first, and nothing else.
//
// The chain is the one that its owner named as a source: on a test network
// work proves nothing to anyone, so nothing here chooses between two chains,
// and a header that disagrees with a stored one is refused. What is checked is
// that every added header links to the one before, has the bits that its
// network asks for and the work for them. The package opens no socket; it
// trusts the file, which is why whoever can write the file decides what
// verifies.
//
// Adding is for one process at a time, and the caller holds the lock for it.
// Readers need none.
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

// Chain is a read-only view of a header file, as high as the file was when it
// was opened: headers added later do not show. It may be used by several
// goroutines at once.
type Chain struct {
	file    *os.File
	network bitcoin.Network
	height  uint32
}

// Open opens the header file of a network. The error is fs.ErrNotExist where
// there is no file. A file that does not start with the network's genesis
// header is refused. The chain ends before the first header that does not link
// to the one before it, and the tip must have the work for its target: what
// follows is what a process killed in Extend or a power cut can leave.
func Open(path string, network bitcoin.Network) (*Chain, error) {
	return openFile(path, network, os.O_RDONLY)
}

// Network is the network that the chain was opened for.
func (c *Chain) Network() bitcoin.Network { return c.network }

// Height is the height of the tip; 0 is the genesis header.
func (c *Chain) Height() uint32 { return c.height }

// At reads the header at a height. A height above the tip is an error.
func (c *Chain) At(height uint32) (bitcoin.Header, error) {
	if height > c.height {
		return bitcoin.Header{}, fmt.Errorf("%s: no header at height %d, the tip is at %d", c.file.Name(), height, c.height)
	}
	return c.read(height)
}

// Close closes the file.
func (c *Chain) Close() error { return c.file.Close() }

func (c *Chain) read(height uint32) (bitcoin.Header, error) {
	var h bitcoin.Header
	if _, err := c.file.ReadAt(h[:], offset(height)); err != nil {
		return bitcoin.Header{}, fmt.Errorf("%s: header at height %d: %w", c.file.Name(), height, err)
	}
	return h, nil
}

// offset is where in the file the header at a height starts.
func offset(height uint32) int64 { return int64(height) * bitcoin.HeaderSize }

func openFile(path string, network bitcoin.Network, flag int) (*Chain, error) {
	// Looked at before it is opened: opening a named pipe would wait for its
	// other end.
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path)
	}
	file, err := os.OpenFile(path, flag, 0)
	if err != nil {
		return nil, err
	}
	c := &Chain{file: file, network: network}
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
	want, err := genesis(c.network)
	if err != nil {
		return err
	}
	first, err := c.read(0)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: malformed header file: shorter than one header of %d bytes", c.file.Name(), bitcoin.HeaderSize)
	}
	if err != nil {
		return err
	}
	if first == want {
		return nil
	}
	for n := bitcoin.Mainnet; n <= bitcoin.Regtest; n++ {
		if first == n.Genesis() {
			return fmt.Errorf("%s: unexpected header file: the headers are those of %s, want %s", c.file.Name(), n, c.network)
		}
	}
	return fmt.Errorf("%s: malformed header file: the first header is %s, want the genesis header of %s, %s", c.file.Name(), first.Hash(), c.network, want.Hash())
}

// findTip reads the file from the start, as far as every header links to the
// one before. The last of them has no other to confirm its bytes and must have
// its work.
func (c *Chain) findTip() error {
	r := bufio.NewReaderSize(io.NewSectionReader(c.file, 0, math.MaxInt64), 1<<16)
	var tip, h bitcoin.Header
	for n := uint32(0); n < math.MaxUint32; n++ {
		_, err := io.ReadFull(r, h[:])
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: header at height %d: %w", c.file.Name(), n, err)
		}
		if n > 0 && h.Previous() != tip.Hash() {
			break
		}
		tip, c.height = h, n
	}
	if c.height > 0 && tip.CheckWork() != nil {
		c.height--
	}
	return nil
}

// genesis is the network's genesis header, and an error for the zero Network,
// which must not match a file of zeros.
func genesis(network bitcoin.Network) (bitcoin.Header, error) {
	h := network.Genesis()
	if h == (bitcoin.Header{}) {
		return h, errors.New(network.String())
	}
	return h, nil
}
