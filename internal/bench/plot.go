package main

import (
	"cmp"
	"slices"

	"gradseal/internal/figures"
)

// maxPlotted is the largest size of documents in the plot, in bytes: of large ones,
// hashing hides everything else.
const maxPlotted = 4_000

// plot is the picture of how time and memory grow with the number of documents.
func (b *bench) plot() []byte {
	points := slices.DeleteFunc(slices.Clone(b.measured), func(m *batch) bool { return m.size > maxPlotted || m.n == 1 || m.archive })
	slices.SortStableFunc(points, func(x, y *batch) int { return cmp.Compare(x.n, y.n) })
	series := func(name, colour, dash string, of func(*batch) float64) figures.Series {
		s := figures.Series{Name: name, Colour: colour, Dash: dash}
		for _, m := range points {
			s.Points = append(s.Points, figures.Point{Documents: float64(m.n), Value: of(m)})
		}
		return s
	}
	const x = "documents (of 2 or 4 kB)"
	return figures.Plot(figures.Panel{Title: "Time of the whole command, in seconds", X: x, Series: []figures.Series{
		series("anchor", figures.Blue, "", func(m *batch) float64 { return median(m.anchor).Seconds() }),
		series("floor of anchor: hashing, and making files", figures.Blue, figures.Dashed, func(m *batch) float64 { return m.anchorFloor().Seconds() }),
		series("verify", figures.Orange, "", func(m *batch) float64 { return median(m.verify).Seconds() }),
		series("floor of verify: hashing, and reading proofs", figures.Orange, figures.Dashed, func(m *batch) float64 { return m.verifyFloor().Seconds() }),
	}}, figures.Panel{Title: "Memory at most, in MB", X: x, Series: []figures.Series{
		series("anchor", figures.Blue, "", func(m *batch) float64 { return float64(median(m.anchorPeak)) / 1e6 }),
		series("verify", figures.Orange, "", func(m *batch) float64 { return float64(median(m.verifyPeak)) / 1e6 }),
	}})
}
