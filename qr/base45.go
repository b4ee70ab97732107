package qr

import (
	"bytes"
	"errors"
)

// base45 are the digits of RFC 9285, which are the characters of a QR code's
// alphanumeric mode in their order.
const base45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// appendBase45 writes two bytes as three characters, and a last one as two.
func appendBase45(dst, data []byte) []byte {
	for ; len(data) > 1; data = data[2:] {
		n := int(data[0])<<8 | int(data[1])
		dst = append(dst, base45[n%45], base45[n/45%45], base45[n/45/45])
	}
	if len(data) == 1 {
		dst = append(dst, base45[data[0]%45], base45[data[0]/45])
	}
	return dst
}

var errBase45 = errors.New("not Base45")

// parseBase45 reads what appendBase45 wrote. Every value has one spelling.
func parseBase45(text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text)/3*2+1)
	for len(text) > 0 {
		group := text[:min(3, len(text))]
		text = text[len(group):]
		n, unit := 0, 1
		for _, c := range group {
			digit := bytes.IndexByte([]byte(base45), c)
			if digit < 0 {
				return nil, errBase45
			}
			n += digit * unit
			unit *= 45
		}
		switch {
		case len(group) == 3 && n <= 0xffff:
			out = append(out, byte(n>>8), byte(n))
		case len(group) == 2 && n <= 0xff:
			out = append(out, byte(n))
		default:
			return nil, errBase45
		}
	}
	return out, nil
}
