package jsonrpc

import (
	"encoding/json"
	"fmt"
	"math"

	"gradseal/anchor"
)

// satoshis are in one bitcoin.
const satoshis = 100_000_000

// ParseFeeRate reads an estimate in bitcoin per 1,000 virtual bytes. What is
// below the least that anchors pay is raised to it; zero or less is
// anchor.ErrNoFeeRate, more than a bitcoin nothing that anybody means.
func ParseFeeRate(text json.Number) (anchor.FeeRate, error) {
	value, err := text.Float64()
	if err != nil || !(value <= 1) { // not a number is neither
		return 0, fmt.Errorf("invalid fee rate of %q bitcoin for 1,000 virtual bytes", shorten(text.String()))
	}
	if value <= 0 {
		return 0, anchor.ErrNoFeeRate
	}
	return max(anchor.FeeRate(math.Round(value*satoshis)), anchor.SatPerVByte), nil
}
