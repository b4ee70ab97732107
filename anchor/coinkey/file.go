package coinkey

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/internal/secretfile"
)

// The first line of a file. The second names the network, the third is what
// Parse reads, or ParsePublic.
const (
	title       = "gradseal coin key v1"
	unsafeTitle = title + ", NOT ENCRYPTED, for test networks only"
	publicTitle = "gradseal coin address v1"
)

// maxPublicFile is the size in bytes of the largest file with an address.
const maxPublicFile = 2 * maxText

// MinPassphrase is the least length of a passphrase in bytes.
const MinPassphrase = secretfile.MinPassphrase

// ErrPassphrase says that a passphrase does not open the file.
var ErrPassphrase = secretfile.ErrPassphrase

// Write saves the key under the passphrase in a new file, readable by its owner
// only. A file that exists is not touched: the error is fs.ErrExist.
func (k *Key) Write(path, passphrase string) error {
	return secretfile.Write(path, k.fileText(title), passphrase)
}

// WriteUnsafe saves the key without encryption, which is an error on mainnet.
func (k *Key) WriteUnsafe(path string) error {
	if !k.public.network.IsTest() {
		return errNotEncrypted(k.public.network)
	}
	return secretfile.WriteUnsafe(path, k.fileText(unsafeTitle))
}

func (k *Key) fileText(title string) string {
	return fmt.Sprintf("%s\nnetwork %s\n%s\n", title, k.public.network, k.text)
}

func errNotEncrypted(n bitcoin.Network) error {
	return fmt.Errorf("a coin key of %s must be encrypted", n)
}

// Read opens the file of a key of the network. passphrase is called only for an
// encrypted one; a wrong one is ErrPassphrase. A file that is not encrypted is an
// error on mainnet, even where its content is right: anyone may have read it.
func Read(path string, n bitcoin.Network, passphrase func() (string, error)) (*Key, error) {
	text, encrypted, err := secretfile.Read(path, passphrase)
	if err != nil {
		return nil, err
	}
	k, err := parseFile(text, n)
	if err == nil && !encrypted && !n.IsTest() {
		err = errNotEncrypted(n)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

func parseFile(text string, n bitcoin.Network) (*Key, error) {
	line, err := lastLine(text, n, title, unsafeTitle)
	if err != nil {
		return nil, err
	}
	return Parse(line, n)
}

// lastLine takes the third line out of a file that begins with one of the titles
// and is for the network.
func lastLine(text string, n bitcoin.Network, titles ...string) (string, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || !slices.Contains(titles, lines[0]) {
		return "", fmt.Errorf("malformed file: not a %s", titles[0])
	}
	name, found := strings.CutPrefix(lines[1], "network ")
	got, err := bitcoin.ParseNetwork(name)
	if !found || err != nil {
		return "", errors.New("malformed file: its second line names no network")
	}
	if got != n {
		return "", fmt.Errorf("it is for %s, want %s", got, n)
	}
	return lines[2], nil
}

// Write saves what is known of the address in a new file, which holds no
// secret. A file that exists is not touched: the error is fs.ErrExist.
func (p *Public) Write(path string) error {
	text := fmt.Sprintf("%s\nnetwork %s\n%s\n", publicTitle, p.network, p.text)
	return atomicfile.WriteNew(path, []byte(text), 0o644)
}

// ReadPublic reads a file that Public.Write wrote for the network.
func ReadPublic(path string, n bitcoin.Network) (*Public, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPublicFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxPublicFile {
		return nil, fmt.Errorf("%s: more than %d bytes, not a %s", path, maxPublicFile, publicTitle)
	}
	line, err := lastLine(string(data), n, publicTitle)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	p, err := ParsePublic(line, n)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
