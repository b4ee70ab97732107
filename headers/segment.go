package headers

import (
	"encoding/binary"
	"errors"
	"fmt"

	"gradseal/bitcoin"
)

const (
	segmentMagic = "gradseal-headers-v1\n"
	// segmentHeader is the size of a header without the hash of the one before.
	segmentHeader = bitcoin.HeaderSize - bitcoin.HashSize
	// MaxSegment is how many headers a segment may have; more go into several.
	MaxSegment = 2_000_000
	// MaxSegmentSize is the size of the largest segment in bytes.
	MaxSegmentSize = len(segmentMagic) + 1 + 1 + MaxSource + 4 + bitcoin.HashSize + 32 + 4 + MaxSegment*segmentHeader
)

// Segment is a run of headers of one network that is moved from one machine to
// another: as a file, or in a pack. Section 15 of docs/format.md has its bytes.
// Nothing in it is believed: Import checks the headers as Sync does. Source and
// Before are claims that only count where a chain begins with the segment.
type Segment struct {
	Network bitcoin.Network
	Source  string // see CheckSource
	From    uint32 // height of the first header
	Before  Work   // of all headers below From
	Headers []bitcoin.Header
}

// Segment returns the headers from one height to another, both included; all
// of them must be held.
func (c *Chain) Segment(from, to uint32) (*Segment, error) {
	r, ok := c.rangeOf(from)
	if from > to || !ok || to > r.To {
		return nil, fmt.Errorf("%s: headers from height %d to %d: %w", c.path, from, to, ErrNotHeld)
	}
	if to-from >= MaxSegment {
		return nil, fmt.Errorf("%d headers are more than a segment may have, %d", to-from+1, MaxSegment)
	}
	s := &Segment{Network: c.Network(), Source: c.source, From: from, Before: r.Before, Headers: make([]bitcoin.Header, 0, to-from+1)}
	if from > r.From {
		var err error
		if s.Before, err = c.workAt(from - 1); err != nil {
			return nil, err
		}
	}
	err := c.scan(from, to, func(_ uint32, h bitcoin.Header) error {
		s.Headers = append(s.Headers, h)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, s.check()
}

// check is an error for what a segment cannot carry.
func (s *Segment) check() error {
	if err := s.checkHead(len(s.Headers)); err != nil {
		return err
	}
	for i, h := range s.Headers[1:] {
		if want := s.Headers[i].Hash(); h.Previous() != want {
			return fmt.Errorf("invalid link at height %d: it follows block %s, want %s", uint64(s.From)+uint64(i)+1, h.Previous(), want)
		}
	}
	return nil
}

func (s *Segment) checkHead(count int) error {
	if s.Network < bitcoin.Mainnet || s.Network > bitcoin.Regtest {
		return errors.New(s.Network.String())
	}
	if err := CheckSource(s.Source); err != nil {
		return err
	}
	if count < 1 || count > MaxSegment {
		return fmt.Errorf("%d headers, want 1 to %d", count, MaxSegment)
	}
	if uint64(s.From)+uint64(count) > MaxHeight+1 {
		return fmt.Errorf("%d headers from height %d on, want none above %d", count, s.From, MaxHeight)
	}
	if _, err := workFrom(s.Before.bytes()); err != nil {
		return err
	}
	return nil
}

// Marshal is the segment in bytes. It is an error for one of which the headers
// do not follow each other, or that breaks a limit.
func (s *Segment) Marshal() ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, MaxSegmentSize-(MaxSegment-len(s.Headers))*segmentHeader)
	b = append(b, segmentMagic...)
	b = append(b, byte(s.Network), byte(len(s.Source)))
	b = append(b, s.Source...)
	b = binary.LittleEndian.AppendUint32(b, s.From)
	previous, work := s.Headers[0].Previous(), s.Before.bytes()
	b = append(b, previous[:]...)
	b = append(b, work[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Headers)))
	for _, h := range s.Headers {
		b = append(b, h[:4]...)
		b = append(b, h[4+bitcoin.HashSize:]...)
	}
	return b, nil
}

// ParseSegment reads what Marshal writes, and nothing else. It judges no
// header.
func ParseSegment(data []byte) (*Segment, error) {
	s, err := parseSegment(data)
	if err != nil {
		return nil, fmt.Errorf("malformed header segment: %w", err)
	}
	return s, nil
}

func parseSegment(data []byte) (*Segment, error) {
	left := data
	next := func(n int) []byte {
		if len(left) < n {
			left = nil
			return make([]byte, n)
		}
		var b []byte
		b, left = left[:n], left[n:]
		return b
	}
	if string(next(len(segmentMagic))) != segmentMagic {
		return nil, fmt.Errorf("it does not begin with %q", segmentMagic[:len(segmentMagic)-1])
	}
	s := &Segment{Network: bitcoin.Network(next(1)[0])}
	s.Source = string(next(int(next(1)[0])))
	s.From = binary.LittleEndian.Uint32(next(4))
	previous := bitcoin.Hash(next(bitcoin.HashSize))
	var err error
	if s.Before, err = workFrom([32]byte(next(32))); err != nil {
		return nil, err
	}
	count := int(min(binary.LittleEndian.Uint32(next(4)), MaxSegment+1))
	if err := s.checkHead(count); err != nil {
		return nil, err
	}
	if len(left) != count*segmentHeader {
		return nil, fmt.Errorf("%d bytes of headers, want %d", len(left), count*segmentHeader)
	}
	s.Headers = make([]bitcoin.Header, count)
	for i := range s.Headers {
		b, h := next(segmentHeader), &s.Headers[i]
		copy(h[:4], b)
		copy(h[4:], previous[:])
		copy(h[4+bitcoin.HashSize:], b[4:])
		previous = h.Hash()
	}
	return s, nil
}
