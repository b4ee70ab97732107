package esplora

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"gradseal/anchor"
)

// maxRate in sat/vB is more than anybody has paid.
const maxRate = 1_000_000

// FeeRate asks for the service's estimates and takes the one for the most
// blocks up to target. Many services have none for a single block: two are the
// nearest then. What is below the least that anchors pay is raised to it.
func (n *Node) FeeRate(ctx context.Context, target int) (anchor.FeeRate, error) {
	const path = "/fee-estimates"
	var rates map[string]float64
	if err := n.object(ctx, path, maxObject, &rates); err != nil {
		return 0, err
	}
	rate, ok := rates[strconv.Itoa(nearest(rates, target))]
	if !ok {
		return 0, n.error(&anchor.Remedy{Err: anchor.ErrNoFeeRate, Text: "give the rate with --fee-rate"})
	}
	if rate <= 0 || rate > maxRate {
		return 0, n.error(fmt.Errorf("GET %s: invalid fee rate of %g sat/vB", path, rate))
	}
	// Rounded up to 1/1,000, but not for what a float64 is off.
	rounded := math.Ceil(math.Round(rate*1e6) / 1e3)
	return max(anchor.FeeRate(rounded), anchor.SatPerVByte), nil
}

// nearest is the number of blocks whose rate is taken; 0 where there is none.
func nearest(rates map[string]float64, target int) int {
	best := 0
	for key := range rates {
		if blocks, err := strconv.Atoi(key); err == nil && blocks <= target {
			best = max(best, blocks)
		}
	}
	if best == 0 && target == 1 {
		return 2
	}
	return best
}
