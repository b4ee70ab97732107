package diagnose

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"hash"
	"io"
	"slices"

	"gradseal/verify"
)

const (
	// largestPiece and smallestPiece are how much is read at once, in bytes.
	largestPiece  = 256 << 10
	smallestPiece = 4 << 10
	// tailEnds is how many bytes may be cut from the end, each tried.
	tailEnds = 64
	// mostEnds is how many "%%EOF" are tried. Each saved change adds one.
	mostEnds = 256
)

// errRuledOut is of a reader that undoes a kind of damage, and has met a byte
// that this damage does not leave.
var errRuledOut = errors.New("this damage is ruled out")

var endMark = []byte("%%EOF")

// match is where the issued document was found in a stream: it is the first at
// bytes, and lost after them.
type match struct {
	at   int64
	lost string
}

// search looks for the issued document at the beginning of a stream. It is
// tried at the end of every "%%EOF" with each line end, after each of the last
// bytes, and with the end that it may have lost. One pass is enough: asking a
// running hash for its sum does not change it. It reads piece bytes at once.
func search(r io.Reader, piece int, issued verify.Digest) (*match, error) {
	s := &searcher{issued: issued, hash: sha256.New()}
	br := bufio.NewReaderSize(r, piece)
	for {
		b, err := br.Peek(piece)
		final := err == io.EOF
		switch {
		case errors.Is(err, errRuledOut):
			return nil, nil
		case err != nil && !final:
			return nil, err
		}
		// All but the last bytes are hashed: of those each end may be the one.
		take := len(b)
		if !final {
			take -= tailEnds
		}
		n, found := s.tryEnds(b, s.ends(b, take, final))
		if found {
			return &match{at: s.hashed}, nil
		}
		if final {
			return s.tryLost(b, n), nil
		}
		s.write(b[n:max(n, take)])
		if _, err := br.Discard(max(n, take)); err != nil {
			return nil, err
		}
	}
}

// searcher hashes a stream piece by piece.
type searcher struct {
	issued verify.Digest
	hash   hash.Hash
	hashed int64
	tried  int
	// before are clones of the hash at the last ends, by bytes before the end.
	before []savedHash
	sum    [sha256.Size]byte
}

// savedHash is a hash of all but the last bytes, which are blank.
type savedHash struct {
	hash hash.Hash
	at   int64
}

func (s *searcher) write(b []byte) {
	s.hash.Write(b) // never fails
	s.hashed += int64(len(b))
}

// ends lists where in b the document may end. Marks that begin at take or
// later are left for the next piece, which begins there.
func (s *searcher) ends(b []byte, take int, final bool) []int {
	var ends []int
	for from := 0; s.tried < mostEnds; s.tried++ {
		i := bytes.Index(b[from:], endMark)
		if i < 0 || from+i >= take {
			break
		}
		from += i + len(endMark)
		ends = append(ends, from)
		for end := from; end < len(b) && end < from+2 && (b[end] == '\r' && end == from || b[end] == '\n'); {
			end++
			ends = append(ends, end)
			if b[end-1] == '\n' {
				break
			}
		}
	}
	if final {
		for end := max(0, len(b)-tailEnds); end <= len(b); end++ {
			ends = append(ends, end)
		}
		slices.Sort(ends)
		ends = slices.Compact(ends)
	}
	return ends
}

// tryEnds hashes b up to each of the ends, and stops at the one that is the
// issued document's. It returns how much of b was hashed.
func (s *searcher) tryEnds(b []byte, ends []int) (hashed int, found bool) {
	for _, end := range ends {
		s.write(b[hashed:end])
		hashed = end
		if s.isIssued(s.hash) {
			return hashed, true
		}
		if rest := b[end:]; len(rest) <= 2 && isBlank(rest) {
			s.before = append(s.before, savedHash{clone(s.hash), s.hashed})
		}
	}
	return hashed, false
}

func (s *searcher) isIssued(h hash.Hash) bool {
	return bytes.Equal(h.Sum(s.sum[:0]), s.issued[:])
}

// clone copies a running hash. That of crypto/sha256 can be.
func clone(h hash.Hash) hash.Hash {
	c, err := h.(hash.Cloner).Clone()
	if err != nil {
		panic(err)
	}
	return c
}

// lostEnds are the ends that a document may have lost: all of its last line, or
// the line end after it.
var lostEnds = []string{"\n", "\r\n", "\r", "\n\n", "\r\n\r\n", " ", " \n", "\x00", "%%EOF", "%%EOF\n", "%%EOF\r\n", "%%EOF\r", "\n%%EOF", "\n%%EOF\n", "\r\n%%EOF\r\n", "\r\n%%EOF", "\r%%EOF\r", "\r%%EOF"}

// tryLost completes the end of the stream, and its last line without the line
// end, in each way that a PDF ends.
func (s *searcher) tryLost(b []byte, hashed int) *match {
	for _, saved := range s.before {
		kept := b[:hashed-int(s.hashed-saved.at)]
		for _, end := range lostEnds {
			for k := range end {
				if k > 0 && !bytes.HasSuffix(kept, []byte(end[:k])) {
					continue
				}
				h := clone(saved.hash)
				io.WriteString(h, end[k:])
				if s.isIssued(h) {
					return &match{saved.at, end[k:]}
				}
			}
		}
	}
	return nil
}

// isBlank reports whether bytes show nothing: line ends, blanks, zeros.
func isBlank(b []byte) bool { return len(bytes.Trim(b, "\x00\t\n\f\r ")) == 0 }
