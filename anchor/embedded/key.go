package embedded

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/btcsuite/btcd/btcec/v2"

	"gradseal/internal/atomicfile"
)

// loadKey reads the key of the node's coins, 64 lower-case hex digits and a
// line feed, and makes the file where it is missing. Losing it costs nothing:
// the coins are worthless, and the node mines others for the next key.
func loadKey(path string) (*btcec.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newKey(path)
	}
	if err != nil {
		return nil, err
	}
	return parseKey(path, text)
}

func newKey(path string) (*btcec.PrivateKey, error) {
	key, err := randomKey()
	if err != nil {
		return nil, err
	}
	return key, atomicfile.WriteNew(path, formatKey(key), 0o600)
}

// randomKey draws until the number is a key, which is the first time but for
// once in 2^127.
func randomKey() (*btcec.PrivateKey, error) {
	for {
		var secret [32]byte
		if _, err := rand.Read(secret[:]); err != nil {
			return nil, err
		}
		if key := keyFrom(secret); key != nil {
			return key, nil
		}
	}
}

// keyFrom is nil where the number is zero or not below the group order.
func keyFrom(secret [32]byte) *btcec.PrivateKey {
	var scalar btcec.ModNScalar
	if overflow := scalar.SetBytes(&secret); overflow != 0 || scalar.IsZero() {
		return nil
	}
	return btcec.PrivKeyFromScalar(&scalar)
}

func formatKey(key *btcec.PrivateKey) []byte {
	return fmt.Appendf(nil, "%x\n", key.Serialize())
}

func parseKey(path string, text []byte) (*btcec.PrivateKey, error) {
	var secret [32]byte
	if len(text) == hex.EncodedLen(len(secret))+1 {
		if _, err := hex.Decode(secret[:], text[:len(text)-1]); err == nil {
			if key := keyFrom(secret); key != nil && string(formatKey(key)) == string(text) {
				return key, nil
			}
		}
	}
	return nil, fmt.Errorf("%s: malformed key, want 64 lower-case hex digits and a line feed: remove the file to get a new key, the regtest coins of the old one are worth nothing", path)
}
