package headers

import (
	"errors"
	"fmt"
	"io"

	"gradseal/bitcoin"
)

// Memory is a header chain that is kept in memory, for programs without a disk
// such as a page in a browser. What it takes in is judged by the same code as
// what is written to a file.
type Memory struct {
	rules *rules
	chain *Chain // nil where there is nothing
	size  int64  // bytes of its data that are in use
}

// NewMemory returns an empty chain of a network, or an error for a value that
// is none.
func NewMemory(network bitcoin.Network) (*Memory, error) {
	r, err := rulesOf(network)
	if err != nil {
		return nil, err
	}
	return &Memory{rules: r}, nil
}

// Chain returns the chain as it is now, nil before anything was taken in. It
// stays as it is when more is. It may be used by several goroutines at once,
// but not during Import.
func (m *Memory) Chain() *Chain { return m.chain }

// Import takes in a segment as the function Import does: its rules, options and
// errors are the same. After an error the chain is what it was.
func (m *Memory) Import(s *Segment, o Options) error {
	if s.Network != m.rules.network {
		return fmt.Errorf("unexpected header segment: it is of %s, want %s", s.Network, m.rules.network)
	}
	if err := s.checkHead(len(s.Headers)); err != nil {
		return fmt.Errorf("malformed header segment: %w", err)
	}
	if o.Name == "" {
		o.Name = s.Source
	}
	w, err := m.writer(o)
	if err != nil {
		return err
	}
	if err := w.takeSegment(s, o); err != nil {
		return err
	}
	m.chain, m.size = w.chain, w.size
	return nil
}

// writer adds to the chain in memory. Of the data it only changes what lies
// behind everything that is in use, so that it can be given up.
func (m *Memory) writer(o Options) (*writer, error) {
	if err := checkWriter(m.rules, o.Name, o.Replace); err != nil {
		return nil, err
	}
	w := &writer{path: "headers of " + m.rules.network.String(), rules: m.rules, source: o.Name, maxBranch: maxBranch, volatile: true}
	if m.chain != nil && !o.Replace {
		w.goOn(m.chain)
		w.file, w.size, w.end = m.chain.file, m.size, m.size
	}
	return w, nil
}

// data are the headers of a chain, 80 bytes each: a file, or memory.
type data interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
}

// memory is data that is gone when the program ends.
type memory struct{ b []byte }

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	if off >= int64(len(m.b)) {
		return 0, io.EOF
	}
	n := copy(p, m.b[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m.b)) {
		return 0, errors.New("the offset leaves a gap")
	}
	n := copy(m.b[off:], p)
	m.b = append(m.b, p[n:]...)
	return len(p), nil
}

func (m *memory) Truncate(size int64) error {
	if size < 0 || size > int64(len(m.b)) {
		return errors.New("memory can only be made shorter")
	}
	m.b = m.b[:size]
	return nil
}

func (m *memory) Sync() error  { return nil }
func (m *memory) Close() error { return nil }
