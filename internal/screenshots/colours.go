package main

import (
	"cmp"
	"image"
	"image/color"
	"slices"
)

// most is how many colours a picture of one byte a dot can have.
const most = 256

// reduced is the image in at most 256 colours: those that it has most often, once
// colours that nobody can tell apart count as one. Each dot gets the nearest.
func reduced(full image.Image) *image.Paletted {
	bounds := full.Bounds()
	count := make(map[color.RGBA]int)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[opaque(full.At(x, y))]++
		}
	}
	palette := chosen(count)
	nearest := make(map[color.RGBA]uint8, len(count))
	for c := range count {
		nearest[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[opaque(full.At(x, y))])
		}
	}
	return small
}

func opaque(c color.Color) color.RGBA {
	r, g, b, _ := c.RGBA()
	return color.RGBA{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), 255}
}

// chosen are the most frequent colours, of which no two differ by less than near
// in each of red, green and blue.
func chosen(count map[color.RGBA]int) color.Palette {
	const near = 6
	colours := make([]color.RGBA, 0, len(count))
	for c := range count {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	var palette color.Palette
	for _, c := range colours {
		if len(palette) == most {
			break
		}
		if !slices.ContainsFunc(palette, func(p color.Color) bool { return differs(c, p.(color.RGBA)) < near }) {
			palette = append(palette, c)
		}
	}
	return palette
}

// differs is by how much two colours differ, at most, in one of their parts.
func differs(a, b color.RGBA) int {
	d := func(a, b uint8) int { return max(int(a), int(b)) - min(int(a), int(b)) }
	return max(d(a.R, b.R), d(a.G, b.G), d(a.B, b.B))
}
