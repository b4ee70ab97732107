package diagnose

import (
	"io"
	"slices"
	"unicode/utf8"
)

// undoing is a reader that undoes a kind of damage byte by byte. Its step gets
// the next byte, and -1 at the end; it appends what it was before the damage,
// or says that this damage does not leave such a byte (errRuledOut), or that
// what is damaged ends here (io.EOF).
type undoing struct {
	src  io.Reader
	step func(out []byte, b int) ([]byte, error)
	in   []byte
	out  []byte // undone, and not read yet
	err  error
}

func newUndoing(src io.Reader, step func([]byte, int) ([]byte, error)) *undoing {
	return &undoing{src: src, step: step, in: make([]byte, smallestPiece)}
}

func (u *undoing) Read(b []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(b, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill undoes the next piece.
func (u *undoing) fill() {
	n, err := u.src.Read(u.in)
	u.out = slices.Grow(u.out[:0], 2*n)
	for _, b := range u.in[:n] {
		if u.out, u.err = u.step(u.out, int(b)); u.err != nil {
			return
		}
	}
	if err == io.EOF {
		if u.out, u.err = u.step(u.out, -1); u.err != nil {
			return
		}
	}
	u.err = err
}

// lineEnd is a change of all line ends: what was issued, and what was found.
type lineEnd struct{ found, issued string }

// lineEnds are the changes that can be undone: where every line end is the one
// found, each may have been the one issued.
var lineEnds = []lineEnd{{"\r\n", "\n"}, {"\n", "\r\n"}, {"\r", "\n"}, {"\n", "\r"}, {"\r", "\r\n"}, {"\r\n", "\r"}}

var lineEndNames = map[string]string{"\n": "LF", "\r\n": "CRLF", "\r": "CR"}

func (l lineEnd) undo(r io.Reader) io.Reader {
	switch l.found {
	case "\r\n":
		return newUndoing(r, l.pairs())
	case "\n":
		last := 0
		return newUndoing(r, func(out []byte, b int) ([]byte, error) {
			if b == '\n' && last == '\r' {
				return out, errRuledOut
			}
			last = b
			return l.single(out, b, '\n')
		})
	}
	return newUndoing(r, func(out []byte, b int) ([]byte, error) {
		if b == '\n' {
			return out, errRuledOut
		}
		return l.single(out, b, '\r')
	})
}

// pairs undoes CRLF. A LF alone rules it out: the program that made CRLF of
// each LF has left none.
func (l lineEnd) pairs() func([]byte, int) ([]byte, error) {
	held := false // a CR
	return func(out []byte, b int) ([]byte, error) {
		switch {
		case b == '\n' && !held:
			return out, errRuledOut
		case b == '\n':
			held = false
			return append(out, l.issued...), nil
		case held:
			out = append(out, '\r')
		}
		if held = b == '\r'; held || b < 0 {
			return out, nil
		}
		return append(out, byte(b)), nil
	}
}

func (l lineEnd) single(out []byte, b, found int) ([]byte, error) {
	switch b {
	case -1:
		return out, nil
	case found:
		return append(out, l.issued...), nil
	}
	return append(out, byte(b)), nil
}

// windows1252 has the letters that Windows has for the bytes 0x80 to 0x9f, where
// it has one; for the others stands the letter with the byte's number.
var windows1252 = map[rune]byte{
	'€': 0x80, '‚': 0x82, 'ƒ': 0x83, '„': 0x84, '…': 0x85, '†': 0x86, '‡': 0x87, 'ˆ': 0x88, '‰': 0x89, 'Š': 0x8a, '‹': 0x8b, 'Œ': 0x8c, 'Ž': 0x8e,
	'‘': 0x91, '’': 0x92, '“': 0x93, '”': 0x94, '•': 0x95, '–': 0x96, '—': 0x97, '˜': 0x98, '™': 0x99, 'š': 0x9a, '›': 0x9b, 'œ': 0x9c, 'ž': 0x9e, 'Ÿ': 0x9f,
}

// fromUTF8 undoes that each byte was taken for a letter of Latin-1 or of Windows'
// code page 1252, and written in UTF-8.
func fromUTF8(r io.Reader) io.Reader {
	var held []byte // the beginning of a letter
	return newUndoing(r, func(out []byte, b int) ([]byte, error) {
		if b < 0 {
			if len(held) > 0 {
				return out, errRuledOut
			}
			return out, nil
		}
		if held = append(held, byte(b)); !utf8.FullRune(held) {
			return out, nil
		}
		letter, size := utf8.DecodeRune(held)
		held = held[:0]
		if v, ok := windows1252[letter]; ok {
			return append(out, v), nil
		}
		if letter > 0xff || size == 1 && letter > 0x7f {
			return out, errRuledOut
		}
		return append(out, byte(letter)), nil
	})
}

// unquoted decodes quoted-printable (RFC 2045, section 6.7).
func unquoted(r io.Reader) io.Reader {
	var held []byte // from a "=" on
	return newUndoing(r, func(out []byte, b int) ([]byte, error) {
		switch {
		case b < 0 && len(held) == 0:
			return out, nil
		case b < 0 || b > 0x7e:
			return out, errRuledOut
		case len(held) == 0 && b != '=':
			return append(out, byte(b)), nil
		}
		held = append(held, byte(b))
		switch {
		case len(held) == 1 || len(held) == 2 && b == '\r':
			return out, nil
		case string(held) == "=\n" || string(held) == "=\r\n":
			held = held[:0]
			return out, nil
		case len(held) == 2:
			return out, nil
		}
		high, ok := unhex(held[1])
		low, ok2 := unhex(held[2])
		if !ok || !ok2 {
			return out, errRuledOut
		}
		held = held[:0]
		return append(out, high<<4|low), nil
	})
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// base64Letters leaves out blanks, and ends at the first byte that is no letter
// of base64: the padding, or the line after.
func base64Letters(r io.Reader) io.Reader {
	return newUndoing(r, func(out []byte, b int) ([]byte, error) {
		switch {
		case b == '\r' || b == '\n' || b == ' ' || b == '\t':
			return out, nil
		case 'A' <= b && b <= 'Z' || 'a' <= b && b <= 'z' || '0' <= b && b <= '9' || b == '+' || b == '/':
			return append(out, byte(b)), nil
		}
		return out, io.EOF
	})
}
