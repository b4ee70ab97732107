package esplora

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gradseal/anchor"
	"gradseal/bitcoin"
)

// hash asks for the hash of a block.
func (n *Node) hash(ctx context.Context, path string) (bitcoin.Hash, error) {
	body, err := n.get(ctx, path, maxText)
	if err != nil {
		return bitcoin.Hash{}, err
	}
	id, err := bitcoin.ParseHash(strings.TrimSpace(string(body)))
	if err != nil {
		return bitcoin.Hash{}, n.malformed(path, err)
	}
	return id, nil
}

// Header returns the header of a block. A service may not have those of stale
// blocks.
func (n *Node) Header(ctx context.Context, id bitcoin.Hash) (bitcoin.Header, error) {
	path := "/block/" + id.String() + "/header"
	body, err := n.get(ctx, path, maxText)
	if isNotFound(err) {
		err = n.error(fmt.Errorf("%w %s", anchor.ErrUnknownBlock, id))
	}
	if err != nil {
		return bitcoin.Header{}, err
	}
	h, err := anchor.ParseHexHeader(strings.TrimSpace(string(body)))
	if err != nil {
		return bitcoin.Header{}, n.malformed(path, err)
	}
	if got := h.Hash(); got != id {
		return bitcoin.Header{}, n.error(fmt.Errorf("GET %s: unexpected header: its hash is %s", path, got))
	}
	return h, nil
}

// blockStatus is the answer to /block/:hash/status. Of a block that it does not
// know the service says that it is not in the best chain.
type blockStatus struct {
	Best *bool `json:"in_best_chain"`
}

// isBest asks whether a block is in the best chain.
func (n *Node) isBest(ctx context.Context, id bitcoin.Hash) (bool, error) {
	path := "/block/" + id.String() + "/status"
	var status blockStatus
	err := n.object(ctx, path, maxObject, &status)
	if isNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if status.Best == nil {
		return false, n.malformed(path, errors.New("no in_best_chain"))
	}
	return *status.Best, nil
}

// headersPerCall is how many headers one call returns at most. The API gives
// ten at a time: a caller that keeps what it has after each call loses at most
// fifty requests.
const headersPerCall = 500

// pageSize is how many blocks the API describes in one answer. A service that
// describes fewer is asked more often.
const pageSize = 10

// Headers returns at most 500 headers.
func (n *Node) Headers(ctx context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	below, height, err := n.locate(ctx, locator)
	if err != nil {
		return nil, err
	}
	tip, err := n.tipHeight(ctx)
	if err != nil {
		return nil, err
	}
	last := min(uint64(tip), uint64(height)+headersPerCall)
	var hs []bitcoin.Header
	for first := uint64(height) + 1; first <= last; first += pageSize {
		some, err := n.headers(ctx, below, uint32(first), uint32(min(first+pageSize-1, last)))
		if err != nil {
			return nil, err
		}
		hs = append(hs, some...)
		below = hs[len(hs)-1].Hash()
	}
	return hs, nil
}

// locate finds the first block of locator that is in the best chain, and its
// height.
func (n *Node) locate(ctx context.Context, locator []bitcoin.Hash) (bitcoin.Hash, uint32, error) {
	for _, id := range locator {
		if id == n.network.Genesis().Hash() {
			return id, 0, nil
		}
		best, err := n.isBest(ctx, id)
		if err != nil {
			return bitcoin.Hash{}, 0, err
		}
		if !best {
			continue
		}
		var s summary
		path := "/block/" + id.String()
		if err := n.object(ctx, path, maxObject, &s); err != nil {
			return bitcoin.Hash{}, 0, err
		}
		h, err := s.header()
		if err == nil && h.Hash() != id {
			err = fmt.Errorf("unexpected block %s", h.Hash())
		}
		if err != nil {
			return bitcoin.Hash{}, 0, n.malformed(path, err)
		}
		return id, *s.Height, nil
	}
	return bitcoin.Hash{}, 0, n.error(anchor.ErrUnknownBlock)
}

func (n *Node) tipHeight(ctx context.Context) (uint32, error) {
	const path = "/blocks/tip/height"
	body, err := n.get(ctx, path, maxText)
	if err != nil {
		return 0, err
	}
	height, err := strconv.ParseUint(strings.TrimSpace(string(body)), 10, 32)
	if err != nil {
		return 0, n.malformed(path, err)
	}
	return uint32(height), nil
}

// headers returns the headers of the heights first to last, of which the first
// follows the block below.
func (n *Node) headers(ctx context.Context, below bitcoin.Hash, first, last uint32) ([]bitcoin.Header, error) {
	hs := make([]bitcoin.Header, last-first+1)
	for height := last; ; {
		path := "/blocks/" + strconv.FormatUint(uint64(height), 10)
		var page []summary
		if err := n.object(ctx, path, maxList, &page); err != nil {
			return nil, err
		}
		if len(page) == 0 {
			return nil, n.malformed(path, errors.New("no block"))
		}
		for _, s := range page {
			h, err := s.at(height)
			if err == nil && height < last && hs[height+1-first].Previous() != h.Hash() {
				err = fmt.Errorf("block %s does not follow block %s", hs[height+1-first].Hash(), h.Hash())
			}
			if err == nil && height == first && h.Previous() != below {
				err = fmt.Errorf("block %s does not follow block %s", h.Hash(), below)
			}
			if err != nil {
				return nil, n.error(fmt.Errorf("GET %s: unexpected blocks: %w", path, err))
			}
			hs[height-first] = h
			if height == first {
				return hs, nil
			}
			height--
		}
	}
}

// summary is a block as /block/:hash and /blocks describe it, as far as it is
// in the header.
type summary struct {
	ID         string  `json:"id"`
	Height     *uint32 `json:"height"`
	Version    *int64  `json:"version"` // signed, or not
	Timestamp  *uint32 `json:"timestamp"`
	MerkleRoot string  `json:"merkle_root"`
	Previous   *string `json:"previousblockhash"` // none for the first block
	Nonce      *uint32 `json:"nonce"`
	Bits       *uint32 `json:"bits"`
}

// at is the header, which must be said to be at a height.
func (s *summary) at(height uint32) (bitcoin.Header, error) {
	h, err := s.header()
	if err == nil && *s.Height != height {
		err = fmt.Errorf("block %s is at height %d, want %d", h.Hash(), *s.Height, height)
	}
	return h, err
}

// header puts the 80 bytes together. They must have the hash that is the
// block's id.
func (s *summary) header() (bitcoin.Header, error) {
	if s.Height == nil || s.Version == nil || s.Timestamp == nil || s.Nonce == nil || s.Bits == nil {
		return bitcoin.Header{}, errors.New("a block without height, version, timestamp, nonce or bits")
	}
	id, err := bitcoin.ParseHash(s.ID)
	if err != nil {
		return bitcoin.Header{}, err
	}
	root, err := bitcoin.ParseHash(s.MerkleRoot)
	if err != nil {
		return bitcoin.Header{}, err
	}
	var previous bitcoin.Hash
	if s.Previous != nil {
		if previous, err = bitcoin.ParseHash(*s.Previous); err != nil {
			return bitcoin.Header{}, err
		}
	}
	var h bitcoin.Header
	b := binary.LittleEndian.AppendUint32(h[:0], uint32(*s.Version))
	b = append(b, previous[:]...)
	b = append(b, root[:]...)
	b = binary.LittleEndian.AppendUint32(b, *s.Timestamp)
	b = binary.LittleEndian.AppendUint32(b, *s.Bits)
	binary.LittleEndian.AppendUint32(b, *s.Nonce)
	if got := h.Hash(); got != id {
		return bitcoin.Header{}, fmt.Errorf("a block with hash %s is called %s", got, id)
	}
	return h, nil
}

// Tip returns the height of the best chain.
func (n *Node) Tip(ctx context.Context) (uint32, error) { return n.tipHeight(ctx) }

// HeaderAt returns the header at a height of the best chain.
func (n *Node) HeaderAt(ctx context.Context, height uint32) (bitcoin.Header, error) {
	id, err := n.hash(ctx, fmt.Sprintf("/block-height/%d", height))
	if err != nil {
		return bitcoin.Header{}, err
	}
	return n.Header(ctx, id)
}
