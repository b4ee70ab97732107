package qr

import (
	"cmp"
	"errors"
	"image"
	"iter"
	"math"
	"slices"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode/decoder"
	"github.com/makiuchi-d/gozxing/qrcode/detector"
)

const (
	// MaxPixels is how large a picture may be: what telephones save, 50 megapixels.
	MaxPixels = 50_000_000

	// What a picture can make the reader do, whatever is in it.
	maxFinders = 60    // corner marks that are looked at in one view: 20 codes
	maxMarks   = 4000  // corner marks, most of them false, before the search ends
	maxTriples = 240   // places where a code may be that are read in one view
	maxFits    = 150   // grids that are fitted in one picture, of some 10 ms each
	maxSide    = 4_096 // pixels of the longer side of a view
)

// errNotDone answers what the decoder of QR codes never asks for.
var errNotDone = errors.New("not supported")

// ErrNoCode says that no QR code could be read in a picture.
var ErrNoCode = errors.New("no QR code could be read")

// Read returns the texts of the QR codes in a picture, each once. It looks at the
// picture in several sizes and by several thresholds, and ends early when it has
// all the parts of a proof.
func Read(img image.Image) ([][]byte, error) {
	b := img.Bounds()
	if b.Empty() || b.Dx() > MaxPixels/b.Dy() {
		return nil, errors.New("the picture is empty, or has more than 50 megapixels")
	}
	f := &found{}
	for v := range views(grayOf(img)) {
		v.read(f)
		if f.complete() {
			break
		}
	}
	if len(f.texts) == 0 {
		return nil, ErrNoCode
	}
	return f.texts, nil
}

// found are the texts that were read.
type found struct {
	texts [][]byte
	parts Parts
	fits  int // of grids, so far
}

func (f *found) add(text []byte) {
	if slices.ContainsFunc(f.texts, func(t []byte) bool { return string(t) == string(text) }) {
		return
	}
	f.texts = append(f.texts, text)
	f.parts.Add(text) // what it refuses is for the caller to refuse
}

func (f *found) complete() bool {
	_, done := f.parts.Done()
	return done
}

// view is a picture in one size, with its threshold.
type view struct {
	*gray
	binarizer func(gozxing.LuminanceSource) gozxing.Binarizer
}

// views are the ways to look at a picture, the most promising first. Modules of
// three to six pixels are read best: fewer are lost in blur, and with more the
// noise within one is taken for modules.
func views(full *gray) iter.Seq[view] {
	longest := max(full.width, full.height)
	var sides []int
	for _, side := range []int{1600, maxSide, 2400, 1000, 3200, 700} {
		if side = min(side, longest); !slices.Contains(sides, side) {
			sides = append(sides, side)
		}
	}
	return func(yield func(view) bool) {
		for _, side := range sides {
			if !yield(view{full.shrunkTo(side), gozxing.NewHybridBinarizer}) {
				return
			}
		}
		if longest <= maxSide/2 && !yield(view{full.doubled(), gozxing.NewHybridBinarizer}) { // small modules
			return
		}
		for _, side := range sides[:min(2, len(sides))] {
			if !yield(view{full.shrunkTo(side), gozxing.NewGlobalHistgramBinarizer}) {
				return
			}
		}
	}
}

// read finds the codes of a view.
func (v view) read(f *found) {
	bits, err := v.binarizer(v.gray).GetBlackMatrix()
	if err != nil {
		return
	}
	used := make(map[*detector.FinderPattern]bool)
	for _, t := range v.likely(triples(finders(bits))) {
		if used[t.topLeft] || used[t.topRight] || used[t.bottomLeft] {
			continue
		}
		text, ok := v.readCode(bits, t, f)
		if !ok {
			continue
		}
		used[t.topLeft], used[t.topRight], used[t.bottomLeft] = true, true, true
		f.add(text)
		if f.complete() {
			return
		}
	}
}

// readCode reads the code between three marks: first as the decoder's own
// detector sees it, then with the grid fitted to the picture.
func (v view) readCode(bits *gozxing.BitMatrix, t triple, f *found) ([]byte, bool) {
	dec := decoder.NewDecoder()
	info := detector.NewFinderPatternInfo(t.bottomLeft, t.topLeft, t.topRight)
	where, err := detector.NewDetector(bits).ProcessFinderPatternInfo(info)
	if err == nil {
		if code, err := dec.Decode(where.GetBits(), nil); err == nil {
			return []byte(code.GetText()), true
		}
	}
	for _, size := range t.likely {
		version, err := decoder.Version_GetProvisionalVersionForDimension(size)
		if err != nil || f.fits >= maxFits {
			continue
		}
		f.fits++
		g := newGrid(t, size)
		if g.fit(v.gray, fixedSquares(version)) < leastFit {
			continue
		}
		shades := g.shades(v.gray)
		for _, sharpen := range []float64{0, 0.2, 0.4} {
			if code, err := dec.Decode(g.bits(shades, sharpen), nil); err == nil {
				return []byte(code.GetText()), true
			}
		}
	}
	return nil, false
}

// likely are the triples of which all three marks look as if they were those of
// one code, the best first.
func (v view) likely(all []triple) []triple {
	const leastMarks = 0.75
	for i := range all {
		t := &all[i]
		seen := make(map[int]float64)
		for _, size := range t.sizes() {
			g := newGrid(*t, size)
			seen[size] = g.seen(v.gray, marks(size))
			t.seen = max(t.seen, seen[size])
			t.likely = append(t.likely, size)
		}
		slices.SortStableFunc(t.likely, func(a, b int) int { return cmp.Compare(seen[b], seen[a]) })
		t.likely = t.likely[:min(3, len(t.likely))]
	}
	slices.SortStableFunc(all, func(a, b triple) int { return cmp.Compare(b.seen, a.seen) })
	end := slices.IndexFunc(all, func(t triple) bool { return t.seen < leastMarks })
	if end < 0 {
		end = len(all)
	}
	return all[:end]
}

// leastFit is how many, of 1, of the squares that every code has must be seen for
// it to be read.
const leastFit = 0.8

// sizes are the numbers of squares that the code may have each way.
func (t triple) sizes() []int {
	version := int(math.Round((t.modules + 7 - 17) / 4))
	var all []int
	for v := max(1, version-2); v <= min(40, version+2); v++ {
		all = append(all, 17+4*v)
	}
	return all
}

// finders looks for the marks in the corners of codes: dark and light runs in the
// ratio 1:1:3:1:1, in both directions.
func finders(bits *gozxing.BitMatrix) []*detector.FinderPattern {
	f := detector.NewFinderPatternFinder(bits, nil)
	for y := 2; y < bits.GetHeight() && len(f.GetPossibleCenters()) < maxMarks; y += 3 {
		findersInRow(f, bits, y)
	}
	all := slices.DeleteFunc(f.GetPossibleCenters(), func(p *detector.FinderPattern) bool {
		return p.GetCount() < detector.FinderPatternFinder_CENTER_QUORUM
	})
	// A mark that is one is seen in more rows than what is there by chance.
	slices.SortStableFunc(all, func(a, b *detector.FinderPattern) int { return b.GetCount() - a.GetCount() })
	return all[:min(len(all), maxFinders)]
}

func findersInRow(f *detector.FinderPatternFinder, bits *gozxing.BitMatrix, y int) {
	runs := make([]int, 5) // dark, light, dark, light, dark
	state := 0
	for x := range bits.GetWidth() {
		switch dark := bits.Get(x, y); {
		case dark == (state%2 == 0):
			runs[state]++
		case state < 4:
			state++
			runs[state]++
		case detector.FinderPatternFinder_foundPatternCross(runs) && f.HandlePossibleCenter(runs, y, x):
			clear(runs)
			state = 0
		default:
			copy(runs, []int{runs[2], runs[3], runs[4], 1, 0})
			state = 3
		}
	}
	if detector.FinderPatternFinder_foundPatternCross(runs) {
		f.HandlePossibleCenter(runs, y, bits.GetWidth())
	}
}

// triple is three marks that may be those of one code.
type triple struct {
	topLeft, topRight, bottomLeft *detector.FinderPattern
	bent                          float64 // how far it is from half a square, from 0
	modules                       float64 // about, from mark to mark
	seen                          float64 // how many squares of the marks are as they must be, of 1
	likely                        []int   // squares that the code may have each way, the likeliest first
}

// triples returns the likeliest first.
func triples(marks []*detector.FinderPattern) []triple {
	var all []triple
	for i, a := range marks {
		for j, b := range marks {
			for k, c := range marks {
				if i == j || k <= j || k == i {
					continue
				}
				if t, ok := newTriple(a, b, c); ok {
					all = append(all, t)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b triple) int { return cmp.Compare(a.bent, b.bent) })
	return all[:min(len(all), maxTriples)]
}

// newTriple takes corner for the mark between the two others, and reports
// whether that is half of a square, seen from an angle.
func newTriple(corner, a, b *detector.FinderPattern) (triple, bool) {
	const (
		leastModules, mostModules = 14, 170 // between two marks: versions 1 and 40
		mostBent                  = 0.45
	)
	ax, ay := a.GetX()-corner.GetX(), a.GetY()-corner.GetY()
	bx, by := b.GetX()-corner.GetX(), b.GetY()-corner.GetY()
	la, lb := math.Hypot(ax, ay), math.Hypot(bx, by)
	if la == 0 || lb == 0 {
		return triple{}, false
	}
	least := min(corner.GetEstimatedModuleSize(), a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize())
	most := max(corner.GetEstimatedModuleSize(), a.GetEstimatedModuleSize(), b.GetEstimatedModuleSize())
	// A mark was measured along a row and a column of the picture, in which one
	// that is turned is wider than it is.
	modules := (la + lb) / (least + most) * la / max(math.Abs(ax), math.Abs(ay))
	bent := math.Abs((ax*bx+ay*by)/(la*lb)) + math.Abs(la-lb)/max(la, lb)
	if modules < leastModules*0.8 || modules > mostModules*1.2 || most > 1.7*least || bent > mostBent {
		return triple{}, false
	}
	if ax*by-ay*bx < 0 { // seen from the front, the way round is the same
		a, b = b, a
	}
	return triple{topLeft: corner, topRight: a, bottomLeft: b, bent: bent + (most-least)/most, modules: modules}, true
}
