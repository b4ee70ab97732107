package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
)

const (
	digestAt  = "{\n  \"format\": \"" + format + "\",\n  \"document\": {\n    \"sha256\": \""
	digestEnd = "\",\n"
)

// PeekSize is how much of a proof file Peek needs, in bytes.
const PeekSize = len(digestAt) + 2*sha256.Size + len(digestEnd)

// Peek returns the digest of the document that a proof file is for, from its
// first PeekSize bytes, and false where it does not begin as a file that Parse
// takes. It does not say that Parse takes this one: it is for finding, among
// many files, those to parse.
func Peek(start []byte) (digest [sha256.Size]byte, ok bool) {
	rest, ok := bytes.CutPrefix(start, []byte(digestAt))
	if !ok || len(rest) < 2*sha256.Size+len(digestEnd) || !bytes.HasPrefix(rest[2*sha256.Size:], []byte(digestEnd)) {
		return digest, false
	}
	text := rest[:2*sha256.Size]
	if _, err := hex.Decode(digest[:], text); err != nil || hex.EncodeToString(digest[:]) != string(text) {
		return [sha256.Size]byte{}, false
	}
	return digest, true
}
