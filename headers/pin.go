package headers

import (
	"fmt"
	"strconv"
	"strings"

	"gradseal/bitcoin"
)

// Pin is a block at which a chain begins because its owner says so. Height is a
// multiple of 2016, so that the rules find what they need above it. Work is
// that of all headers up to the block; nothing proves it.
type Pin struct {
	Height uint32
	Hash   bitcoin.Hash
	Work   Work
}

// ParsePin reads HEIGHT:HASH:CHAINWORK: a decimal number, the hash as Bitcoin
// prints it, and 1 to 64 lower-case hex digits.
func ParsePin(s string) (Pin, error) {
	fields := strings.Split(s, ":")
	if len(fields) != 3 {
		return Pin{}, fmt.Errorf("malformed checkpoint %.200q: want HEIGHT:HASH:CHAINWORK", s)
	}
	height, err := strconv.ParseUint(fields[0], 10, 32)
	if err != nil || strconv.FormatUint(height, 10) != fields[0] {
		return Pin{}, fmt.Errorf("malformed checkpoint height %.20q: want a number without leading zeros", fields[0])
	}
	p := Pin{Height: uint32(height)}
	if p.Height%period != 0 || p.Height > MaxHeight {
		return Pin{}, fmt.Errorf("invalid checkpoint height %d: want a multiple of %d, at most %d", height, period, MaxHeight)
	}
	if p.Hash, err = bitcoin.ParseHash(fields[1]); err != nil {
		return Pin{}, fmt.Errorf("checkpoint: %w", err)
	}
	if p.Work, err = ParseWork(fields[2]); err != nil {
		return Pin{}, fmt.Errorf("checkpoint: %w", err)
	}
	return p, nil
}

// String is what ParsePin reads.
func (p Pin) String() string { return fmt.Sprintf("%d:%s:%s", p.Height, p.Hash, p.Work) }

// Genesis is the first block of a network as a pin, the one of which the work
// is proven.
func Genesis(network bitcoin.Network) (Pin, error) {
	r, err := rulesOf(network)
	if err != nil {
		return Pin{}, err
	}
	return r.genesisPin(), nil
}

func (r *rules) genesisPin() Pin {
	return Pin{Hash: r.genesis.Hash(), Work: mustExpand(r.genesis.Bits()).work}
}

// PinAt is a block as a pin of which nothing is known but its header: Work is
// that of the block alone. It is for a chain whose work is compared with no
// other's, on a test network.
func PinAt(height uint32, h bitcoin.Header) (Pin, error) {
	own, err := expand(h.Bits())
	if err != nil {
		return Pin{}, err
	}
	return ParsePin(Pin{Height: height, Hash: h.Hash(), Work: own.work}.String())
}

// PinBelow is the greatest height at which a chain may begin that is at least
// 2016 below the given one; 0 where there is none.
func PinBelow(height uint32) uint32 {
	if height < 2*period {
		return 0
	}
	return (height/period - 1) * period
}
