package coinkey

import (
	"errors"
	"fmt"
	"strings"
)

// The characters of a descriptor and of its checksum (BIP 380). Their order is
// that of the values which the checksum is computed of.
const (
	descriptorChars = "0123456789()[],'/*abcdefgh@:$%{}" +
		"IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~" +
		"ijklmnopqrstuvwxyzABCDEFGH`#\"\\ "
	checksumChars = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
)

// checksumLen is the number of characters of a checksum, of 5 bits each.
const checksumLen = 8

// generator is of the code that the checksum is from (BIP 380).
var generator = [5]uint64{0xf5dee51989, 0xa9fdca3312, 0x1bab10e32d, 0x3706b1677a, 0x644d626ffd}

// polymod takes one symbol of 5 bits into the remainder of 40 bits.
func polymod(c, symbol uint64) uint64 {
	top := c >> 35
	c = (c&0x7ffffffff)<<5 ^ symbol
	for i, g := range generator {
		if top>>i&1 == 1 {
			c ^= g
		}
	}
	return c
}

// Checksum is the BIP 380 checksum of a descriptor without one: of each
// character the low 5 bits of its place in descriptorChars, and after every
// third the high bits of the three, base 3.
func Checksum(descriptor string) (string, error) {
	c, class, classes := uint64(1), uint64(0), 0
	for i := range len(descriptor) {
		at := strings.IndexByte(descriptorChars, descriptor[i])
		if at < 0 {
			// Which one it is would show a part of a secret.
			return "", fmt.Errorf("malformed descriptor: character %d is none of a descriptor", i+1)
		}
		c = polymod(c, uint64(at)&31)
		class = class*3 + uint64(at)>>5
		if classes++; classes == 3 {
			c = polymod(c, class)
			class, classes = 0, 0
		}
	}
	if classes > 0 {
		c = polymod(c, class)
	}
	for range checksumLen {
		c = polymod(c, 0)
	}
	c ^= 1
	var sum [checksumLen]byte
	for i := range sum {
		sum[i] = checksumChars[c>>(5*(checksumLen-1-i))&31]
	}
	return string(sum[:]), nil
}

// withChecksum is the descriptor with its checksum behind it.
func withChecksum(descriptor string) string {
	sum, err := Checksum(descriptor)
	if err != nil {
		panic("coinkey: descriptor of our own: " + err.Error())
	}
	return descriptor + "#" + sum
}

// cutChecksum takes the checksum off a descriptor, which must have the right
// one.
func cutChecksum(text string) (string, error) {
	descriptor, got, found := strings.Cut(text, "#")
	if !found {
		return "", errors.New("malformed descriptor: it has no checksum (# and 8 characters)")
	}
	want, err := Checksum(descriptor)
	if err != nil {
		return "", err
	}
	if len(got) != checksumLen {
		return "", fmt.Errorf("malformed descriptor: a checksum of %d characters, want %d", len(got), checksumLen)
	}
	if got != want {
		return "", errors.New("invalid descriptor: the checksum is wrong; a character may be missing or misspelt")
	}
	return descriptor, nil
}
