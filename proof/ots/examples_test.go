package ots_test

import (
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/proof/ots"
)

// exampleFiles are the files that the JavaScript implementation gives as
// examples: real ones, some of them in Bitcoin's chain. TEST_OPENTIMESTAMPS names
// the folder of the package opentimestamps 0.4.9, unpacked.
func exampleFiles(t *testing.T) []string {
	t.Helper()
	from := os.Getenv("TEST_OPENTIMESTAMPS")
	if from == "" {
		t.Skip("SKIPPED: TEST_OPENTIMESTAMPS does not name the package opentimestamps of npm")
	}
	var all []string
	for _, pattern := range []string{"*.ots", "*/*.ots"} {
		some, err := filepath.Glob(filepath.Join(from, "examples", pattern))
		require.NoError(t, err)
		all = append(all, some...)
	}
	require.Len(t, all, 13)
	return all
}

// block358391 is the header of the mainnet block 358391, from the public chain.
const block358391 = "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb3802040000000000000000" +
	"007ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"

// TestExamples reads real files, hashes the documents that they name, and
// follows them to the blocks.
func TestExamples(t *testing.T) {
	raw, err := hex.DecodeString(block358391)
	require.NoError(t, err)
	header, err := bitcoin.ParseHeader(raw)
	require.NoError(t, err)
	require.NoError(t, header.CheckWork())
	require.Equal(t, "000000000000000003e892881a8cdcdc117c06d444057c98b6f04a9ee75a2319", header.Hash().String())

	// Where a file leads to a block, the Merkle root it claims for it. That of
	// block 358391 is known; those of the others are what the reference
	// implementation finds, too.
	blocks := map[string]struct {
		height uint64
		root   string
	}{
		"hello-world.txt.ots": {358391, hex.EncodeToString(raw[36:68])},
		"empty.ots":           {129405, "715b7e36276a66d842e56dd102c9d9eddfe4d9f2dfa908ae31157ac2c2fd29db"},
		"osdsp.txt.ots":       {523364, "39780753a0e7785eea0fabafa8fbef1ef2539d26f6cbf3beac738a1de0e74f3c"},
		"a_or_b.ots":          {466906, "267c8a43b9bf4968356f85f313943ef8371d106b4c6f67b2c4a8b05c3a30c940"},
		// The package's counterexample: all of it is well formed, its document has
		// the digest it names, and it leads to what is not that block's root.
		"bad-stamp.txt.ots": {358391, "921f81b9147c9aebe712d7805d810cf0f762479967e4c26008178277b89db41b"},
	}
	for _, path := range exampleFiles(t) {
		name := filepath.Base(path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		f, err := ots.ParseFile(data)
		require.NoError(t, err, name)
		again, err := f.Marshal()
		require.NoError(t, err, name)
		require.Equal(t, data, again, name)
		requireSound(t, f.Timestamp, f.Digest)
		require.Equal(t, f.Digest, digestOf(t, f.Hash, strings.TrimSuffix(path, ".ots")), name)

		paths, err := f.Timestamp.Paths(f.Digest)
		require.NoError(t, err, name)
		for _, p := range paths {
			height, ok := p.Attestation.BitcoinHeight()
			if !ok {
				continue
			}
			require.Equal(t, blocks[name].height, height, name)
			require.Equal(t, blocks[name].root, hex.EncodeToString(p.Result), name)
			require.Equal(t, name == "hello-world.txt.ots", bitcoin.Hash(p.Result) == header.MerkleRoot(), name)
			delete(blocks, name)
		}
	}
	require.Empty(t, blocks, "a file led to no block")
}

// digestOf hashes the document of an example. One file is of two documents that
// have the same SHA-1: it proves that one of them existed, and not which.
func digestOf(t *testing.T, hash ots.Operation, path string) []byte {
	t.Helper()
	if filepath.Base(path) == "a_or_b" {
		a, b := filepath.Join(filepath.Dir(path), "a"), filepath.Join(filepath.Dir(path), "b")
		require.Equal(t, digestOf(t, hash, a), digestOf(t, hash, b))
		require.NotEqual(t, digestOf(t, ots.SHA256, a), digestOf(t, ots.SHA256, b))
		path = a
	}
	document, err := os.Open(path)
	require.NoError(t, err)
	defer document.Close()
	h := hash.New()
	_, err = io.Copy(h, document)
	require.NoError(t, err)
	return h.Sum(nil)
}
