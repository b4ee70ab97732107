package headers

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/internal/strictjson"
)

const (
	indexFormat = "gradseal-headers/1"
	// maxIndex is how large an index may be, in bytes.
	maxIndex = 4 << 20
	// MaxSource is how long the name of a source may be, in bytes.
	MaxSource = 200
)

var (
	// errNoData says that an index names a data file that is not there.
	errNoData = errors.New("the data file is missing")
	// errFormat says that an index was written by another version.
	errFormat = errors.New("unknown header file format")
)

// index is the file at a chain's path. It says which headers are held, and
// where they are in the data file beside it. It is replaced as a whole, after
// the headers that it names are on disk: this is what commits them.
type index struct {
	Format  string       `json:"format"`
	Network string       `json:"network"`
	Source  string       `json:"source"`
	Data    uint32       `json:"data"` // the data file has this number
	Size    int64        `json:"size"` // bytes of it that are in use
	Ranges  []indexRange `json:"ranges"`
	Extents []extent     `json:"extents"`
}

type indexRange struct {
	From   uint32 `json:"from"`
	To     uint32 `json:"to"`
	Before string `json:"before"` // chainwork, 64 hex digits
	Block  string `json:"block"`  // hash of the block at To
	Work   string `json:"work"`
}

// dataName is the data file with a number.
func dataName(path string, number uint32) string { return fmt.Sprintf("%s.%d", path, number) }

// readIndexFile reads the file at path. Of one that is no index it reads the
// first byte.
func readIndexFile(path string) ([]byte, error) {
	if _, err := regular(path); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(f, first); errors.Is(err, io.EOF) || err == nil && !isIndex(first) {
		return first, nil
	} else if err != nil {
		return nil, err
	}
	rest, err := io.ReadAll(io.LimitReader(f, maxIndex))
	return append(first, rest...), err
}

func isIndex(data []byte) bool { return len(data) > 0 && data[0] == '{' }

// parseIndex reads an index of the network of r.
func parseIndex(data []byte, r *rules) (*index, error) {
	if !isIndex(data) {
		return nil, errors.New("malformed header file: it is not written as this version does")
	}
	if len(data) > maxIndex {
		return nil, fmt.Errorf("malformed header file: more than %d bytes", maxIndex)
	}
	x := new(index)
	if err := strictjson.Unmarshal(data, x); err != nil {
		return nil, fmt.Errorf("malformed header file: %w", err)
	}
	if x.Format != indexFormat {
		return nil, fmt.Errorf("%w %q, want %q", errFormat, x.Format, indexFormat)
	}
	if x.Network != r.network.String() {
		return nil, fmt.Errorf("unexpected header file: the headers are those of %.20q, want %s", x.Network, r.network)
	}
	if err := x.check(r); err != nil {
		return nil, fmt.Errorf("malformed header file: %w", err)
	}
	return x, nil
}

// check holds what any index says against the limits and against itself.
func (x *index) check(r *rules) error {
	if err := CheckSource(x.Source); err != nil {
		return err
	}
	if x.Ranges == nil || x.Extents == nil || len(x.Ranges) == 0 {
		return errors.New("no ranges")
	}
	if len(x.Ranges) > 1 && r.list == nil {
		return fmt.Errorf("%d ranges, want 1", len(x.Ranges))
	}
	if x.Size < 0 || x.Size%bitcoin.HeaderSize != 0 {
		return fmt.Errorf("a size of %d", x.Size)
	}
	low := int64(-1)
	for _, g := range x.Ranges {
		if int64(g.From) <= low || g.To < g.From || g.To > MaxHeight || g.From%period != 0 {
			return fmt.Errorf("a range from %d to %d", g.From, g.To)
		}
		low = int64(g.To) + 1 // a gap between two ranges, or they were one
	}
	next := int64(0)
	for _, e := range x.Extents {
		size := int64(e.Count) * bitcoin.HeaderSize
		if int64(e.Height) < next || e.Count == 0 || e.Offset < 0 || e.Offset%bitcoin.HeaderSize != 0 || e.Offset > x.Size-size {
			return fmt.Errorf("%d headers from height %d at byte %d", e.Count, e.Height, e.Offset)
		}
		next = int64(e.Height) + int64(e.Count)
	}
	return x.checkCover()
}

// checkCover checks that the extents are the headers of the ranges and no
// others.
func (x *index) checkCover() error {
	i := 0
	for _, g := range x.Ranges {
		for height := int64(g.From); height <= int64(g.To); i++ {
			if i == len(x.Extents) || int64(x.Extents[i].Height) != height || int64(x.Extents[i].end()) > int64(g.To)+1 {
				return fmt.Errorf("no extent of headers from height %d", height)
			}
			height = int64(x.Extents[i].end())
		}
	}
	if i != len(x.Extents) {
		return fmt.Errorf("an extent of headers from height %d in no range", x.Extents[i].Height)
	}
	return nil
}

// CheckSource is an error for a name of a source that cannot be recorded: it is
// 1 to 200 printable ASCII characters, without space at either end.
func CheckSource(name string) error {
	if len(name) == 0 || len(name) > MaxSource {
		return fmt.Errorf("malformed source: %d bytes, want 1 to %d", len(name), MaxSource)
	}
	for _, c := range []byte(name) {
		if c < ' ' || c > '~' {
			return fmt.Errorf("malformed source: byte 0x%02x, want printable ASCII", c)
		}
	}
	if name[0] == ' ' || name[len(name)-1] == ' ' {
		return errors.New("malformed source: a space at an end")
	}
	return nil
}

// open is the chain that the index describes.
func (x *index) open(path string, r *rules) (*Chain, error) {
	c := &Chain{path: path, rules: r, source: x.Source, extents: x.Extents}
	for _, g := range x.Ranges {
		g, err := g.parse()
		if err != nil {
			return nil, fmt.Errorf("%s: malformed header file: %w", path, err)
		}
		c.ranges = append(c.ranges, g)
	}
	name := dataName(path, x.Data)
	info, err := regular(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: %s", path, errNoData, name)
	}
	if err != nil {
		return nil, err
	}
	if info.Size() < x.Size {
		return nil, fmt.Errorf("%s: damaged: %d bytes, want %d", name, info.Size(), x.Size)
	}
	file, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoData
	}
	if err != nil {
		return nil, err
	}
	c.file = file
	c.settle()
	if err := c.checkKnown(); err != nil {
		c.file.Close()
		return nil, err
	}
	return c, nil
}

func (g indexRange) parse() (Range, error) {
	parsed := Range{From: g.From, To: g.To}
	var err error
	if parsed.Before, err = parsePadded(g.Before); err != nil {
		return Range{}, err
	}
	if parsed.Work, err = parsePadded(g.Work); err != nil {
		return Range{}, err
	}
	parsed.Hash, err = bitcoin.ParseHash(g.Block)
	return parsed, err
}

func parsePadded(s string) (Work, error) {
	w, err := ParseWork(s)
	if err == nil && len(s) != 64 {
		err = fmt.Errorf("malformed chainwork: %d characters, want 64", len(s))
	}
	return w, err
}

// settle gives the chain its last listed block, and takes away what leads to no
// listed block though it should: an older build, with a shorter list, may have
// left that.
func (c *Chain) settle() {
	l := c.rules.list
	if l == nil || c.main().To >= l.top() {
		return
	}
	r := &c.ranges[len(c.ranges)-1]
	if to := l.below(r.To); to != r.To {
		r.To = to
		r.Hash, r.Work, _ = l.at(to)
	}
	if r.To < r.From || r.To == 0 {
		c.ranges = c.ranges[:len(c.ranges)-1]
	}
	hash, work, _ := l.at(l.top())
	c.ranges = append(c.ranges, Range{From: l.top(), To: l.top(), Before: work.sub(mustExpand(l.last.Bits()).work), Hash: hash, Work: work})
}

func mustExpand(bits uint32) compact {
	c, err := expand(bits)
	if err != nil {
		panic("headers: " + err.Error())
	}
	return c
}

// checkKnown reads the headers whose hashes are known otherwise: the last of
// each range, and the listed ones. A range must not end at a block that proves
// nothing.
func (c *Chain) checkKnown() error {
	l := c.rules.list
	for i, r := range c.ranges {
		if err := c.checkHash(r.To, r.Hash); err != nil {
			return err
		}
		if i < len(c.ranges)-1 {
			if hash, _, ok := l.at(r.To); !ok || hash != r.Hash {
				return fmt.Errorf("%s: malformed header file: the headers up to %d lead to no listed block", c.path, r.To)
			}
		}
		for height := (r.From + period - 1) / period * period; height <= min(r.To, l.top()); height += period {
			if hash, _, ok := l.at(height); ok {
				if err := c.checkHash(height, hash); err != nil {
					return err
				}
			}
		}
		if r.From == 0 {
			if err := c.checkHash(0, c.rules.genesis.Hash()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Chain) checkHash(height uint32, want bitcoin.Hash) error {
	h, err := c.read(height)
	if err == nil && h.Hash() != want {
		err = c.damaged(height, h.Hash(), want)
	}
	return err
}

// indexOf describes a chain whose headers are in the data file with a number.
func indexOf(c *Chain, number uint32, size int64) *index {
	x := &index{
		Format:  indexFormat,
		Network: c.rules.network.String(),
		Source:  c.source,
		Data:    number,
		Size:    size,
		Extents: c.extents,
	}
	for _, r := range c.ranges {
		x.Ranges = append(x.Ranges, indexRange{r.From, r.To, r.Before.String(), r.Hash.String(), r.Work.String()})
	}
	return x
}

func (x *index) save(path string) error {
	data, err := strictjson.Marshal(x)
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(path, data, 0o644)
}

// nextNumber is a number above those of all data files. One that was used before
// could be named by an index that a reader has just read.
func nextNumber(path string) (uint32, error) {
	_, all, err := dataFiles(path)
	if err != nil {
		return 0, err
	}
	last := uint64(0)
	for _, n := range all {
		last = max(last, n)
	}
	if last >= math.MaxUint32 {
		return 0, fmt.Errorf("%s: no data file can be named any more", path)
	}
	return uint32(last) + 1, nil
}

// dataFiles are the data files of the chain at path, used or not, and their
// numbers.
func dataFiles(path string) (names []string, numbers []uint64, err error) {
	dir, base := filepath.Split(filepath.Clean(path))
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name(), base+".")
		n, err := strconv.ParseUint(digits, 10, 32)
		if ok && err == nil && strconv.FormatUint(n, 10) == digits {
			names, numbers = append(names, dataName(path, uint32(n))), append(numbers, n)
		}
	}
	return names, numbers, nil
}
