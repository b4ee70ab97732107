package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/esploratest"
	"gradseal/internal/testnode"
	"gradseal/proof"
)

// These tests hand what "gradseal export" writes to the programs of
// OpenTimestamps: its Python library and its JavaScript one.

// stamped is an exported file with what it is held against.
type stamped struct {
	Stamp    string `json:"stamp"`    // path of the .ots file
	Document string `json:"document"` // path
	Header   string `json:"header"`   // hex, from the chain, of the block that the proof names
	Height   uint32 `json:"height"`
	URL      string `json:"url"` // of an Esplora service
}

// anchorTranscripts anchors the repository's transcripts on the embedded node
// and exports the proofs. The headers are those of the home's header chain.
func anchorTranscripts(t *testing.T) []stamped {
	t.Helper()
	r := newRegistrar(t, builtProgram(t))
	folder := filepath.Join(r.dir, "transcripts")
	require.NoError(t, os.CopyFS(folder, os.DirFS("testdata/transcripts")))
	dropProofs(t, folder)
	r.run(t, "anchor", folder)
	r.run(t, "export", "--to", "ots", folder)
	chain, err := headers.Open(filepath.Join(r.home(), "headers", "regtest"), bitcoin.Regtest)
	require.NoError(t, err)
	defer chain.Close()
	all := stampedIn(t, folder, func(height uint32) bitcoin.Header {
		h, err := chain.At(height)
		require.NoError(t, err)
		return h
	})
	require.GreaterOrEqual(t, len(all), 24)
	return all
}

// dropProofs removes the proofs that the README's commands, run in this
// checkout, left beside the transcripts.
func dropProofs(t *testing.T, folder string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, proof.Suffix) {
			err = os.Remove(path)
		}
		return err
	}))
}

// stampedIn finds the exported files in a folder: there is one for each proof.
func stampedIn(t *testing.T, folder string, headerAt func(height uint32) bitcoin.Header) []stamped {
	t.Helper()
	var all []stamped
	proofs := 0
	require.NoError(t, filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if document, ok := strings.CutSuffix(path, proof.Suffix); ok {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			p, err := proof.Parse(data)
			require.NoError(t, err)
			header := headerAt(p.Bitcoin.Height)
			require.Equal(t, p.Bitcoin.Header, header)
			all = append(all, stamped{document + ".ots", document, hex.EncodeToString(header[:]), p.Bitcoin.Height, ""})
			require.FileExists(t, document+".ots")
			proofs++
		}
		return err
	}))
	require.Positive(t, proofs)
	return all
}

// anchorOn anchors two documents through a node, mines, and exports the proofs.
func anchorOn(t *testing.T, node *testnode.Node) (*branch, []stamped) {
	t.Helper()
	b := newBranch(t, node)
	folder := b.addFolder(t, 2)
	b.anchor(folder)
	node.Mine(1)
	b.upgrade()
	b.gradseal("export", "--to", "ots", folder)
	return b, stampedIn(t, filepath.Join(b.dir, folder), func(height uint32) bitcoin.Header { return headerOf(t, node, height) })
}

// headerOf asks a node for the header at a height of its best chain.
func headerOf(t *testing.T, node *testnode.Node, height uint32) bitcoin.Header {
	t.Helper()
	var text string
	node.Call(&text, "getblockheader", node.Block(int(height)).String(), false)
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	require.Len(t, raw, len(bitcoin.Header{}))
	return bitcoin.Header(raw)
}

// python is the interpreter that Debian installs its modules for; another one
// may come first on PATH.
const python = "/usr/bin/python3"

// pythonWalk reads a stamped a line and prints what the Python library says of
// it. The names in it are the library's own.
const pythonWalk = `
import io, json, sys
from bitcoin.core import CBlockHeader
from opentimestamps.core.notary import BitcoinBlockHeaderAttestation, VerificationError
from opentimestamps.core.serialize import BytesDeserializationContext, StreamSerializationContext
from opentimestamps.core.timestamp import DetachedTimestampFile

for line in sys.stdin:
    task = json.loads(line)
    data = open(task["stamp"], "rb").read()
    ctx = BytesDeserializationContext(data)
    detached = DetachedTimestampFile.deserialize(ctx)
    ctx.assert_eof()
    again = io.BytesIO()
    detached.serialize(StreamSerializationContext(again))
    with open(task["document"], "rb") as document:
        digest = detached.file_hash_op.hash_fd(document)
    header = CBlockHeader.deserialize(bytes.fromhex(task["header"]))
    answer = {"same": again.getvalue() == data, "document": digest == detached.file_digest, "heights": [], "times": [], "errors": []}
    for message, attestation in detached.timestamp.all_attestations():
        assert isinstance(attestation, BitcoinBlockHeaderAttestation), attestation
        answer["heights"].append(attestation.height)
        try:
            answer["times"].append(attestation.verify_against_blockheader(message, header))
        except VerificationError as error:
            answer["errors"].append(str(error))
    print(json.dumps(answer), flush=True)
`

// answer is what one of the two libraries says about a stamped.
type answer struct {
	Same     bool     // writing what was read gives the same bytes
	Document bool     // the digest is the document's
	Heights  []uint32 // of the attestations
	Times    []int64  // of the headers that have the Merkle root
	Errors   []string // of the others
}

// askPython asks the Python library about all of them, in one process.
func askPython(t *testing.T, all []stamped) []answer {
	t.Helper()
	if err := exec.Command(python, "-B", "-c", "import opentimestamps, bitcoin").Run(); err != nil {
		t.Skip("SKIPPED: Debian's python3-opentimestamps is not installed")
	}
	return askProgram(t, all, python, "-B", "-c", pythonWalk)
}

// askProgram hands a line of JSON for each to the program, which answers with
// one each.
func askProgram(t *testing.T, all []stamped, name string, args ...string) []answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var in, errs bytes.Buffer
	for _, one := range all {
		require.NoError(t, json.NewEncoder(&in).Encode(one))
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "no_proxy=*"}
	cmd.Stdin, cmd.Stderr = &in, &errs
	out, err := cmd.Output()
	require.NoError(t, err, "%s", &errs)
	var answers []answer
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		var a answer
		require.NoError(t, json.Unmarshal(lines.Bytes(), &a), "%s", lines.Text())
		answers = append(answers, a)
	}
	require.Len(t, answers, len(all), "%s", &errs)
	return answers
}

// timeOf is the time in a header, given in hex.
func timeOf(t *testing.T, header string) int64 {
	t.Helper()
	raw, err := hex.DecodeString(header)
	require.NoError(t, err)
	return bitcoin.Header(raw).Time().Unix()
}

// requirePython: the Python library reads each file, writes the same bytes, and
// walks from the document to the Merkle root of the header from the chain; and
// not to that of another header.
func requirePython(t *testing.T, all []stamped, other bitcoin.Header) {
	t.Helper()
	for i, a := range askPython(t, all) {
		want := answer{true, true, []uint32{all[i].Height}, []int64{timeOf(t, all[i].Header)}, []string{}}
		require.Equal(t, want, a, all[i].Stamp)
	}
	wrong := all[0]
	wrong.Header = hex.EncodeToString(other[:])
	a := askPython(t, []stamped{wrong})[0]
	require.Equal(t, answer{true, true, []uint32{wrong.Height}, []int64{}, []string{"Digest does not match merkleroot"}}, a)
	wrong = all[0]
	wrong.Document = all[1].Document
	require.False(t, askPython(t, []stamped{wrong})[0].Document)
}

// TestExportPython is about the embedded node and the transcripts of the
// repository, TestExportPythonOnNetwork about real nodes.
func TestExportPython(t *testing.T) {
	t.Parallel()
	all := anchorTranscripts(t)
	requirePython(t, all, bitcoin.Regtest.Genesis())
}

func TestExportPythonOnNetwork(t *testing.T) {
	t.Parallel()
	eachNode(t, func(t *testing.T, node *testnode.Node) {
		_, all := anchorOn(t, node)
		requirePython(t, all, headerOf(t, node, all[0].Height-1))
	})
}

// jsVerify reads a stamped a line, has the JavaScript library verify it against
// the service at its URL, and prints what it says.
const jsVerify = `
const fs = require('fs')
console.log = console.error // which the library prints to
const OpenTimestamps = require(process.argv[1])
const { Context, DetachedTimestampFile, Ops, Calendar } = OpenTimestamps

async function answer (task) {
  const data = fs.readFileSync(task.stamp)
  const stamp = DetachedTimestampFile.deserialize(new Context.StreamDeserialization([...data]))
  const again = Buffer.from(stamp.serializeToBytes())
  const original = DetachedTimestampFile.fromBytes(new Ops.OpSHA256(), fs.readFileSync(task.document))
  const said = { same: again.equals(data), document: Buffer.from(stamp.fileDigest()).equals(Buffer.from(original.fileDigest())), heights: [], times: [], errors: [] }
  try {
    const options = { ignoreBitcoinNode: true, url: task.url, timeout: 10000, whitelist: new Calendar.UrlWhitelist([]) }
    const { bitcoin } = await OpenTimestamps.verify(stamp, original, options)
    said.heights.push(bitcoin.height)
    said.times.push(bitcoin.timestamp)
  } catch (error) {
    said.errors.push(error.message)
  }
  return said
}

(async () => {
  for (const line of fs.readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    process.stdout.write(JSON.stringify(await answer(JSON.parse(line))) + '\n')
  }
})()
`

// javascript is the package opentimestamps of npm, with what it needs beside it.
// TEST_OPENTIMESTAMPS names it; .ci/run sets it.
func javascript(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("TEST_OPENTIMESTAMPS")
	if dir == "" {
		t.Skip("SKIPPED: TEST_OPENTIMESTAMPS does not name the package opentimestamps of npm")
	}
	dir, err := filepath.Abs(dir)
	require.NoError(t, err)
	if err := exec.Command("node", "-e", "require(process.argv[1])", dir).Run(); err != nil {
		t.Skipf("SKIPPED: node cannot load %s, as npm installs it with what it needs: %v", dir, err)
	}
	return dir
}

// askJavaScript has the JavaScript library verify all of them at a service.
func askJavaScript(t *testing.T, all []stamped, url string) []answer {
	t.Helper()
	dir := javascript(t)
	for i := range all {
		all[i].URL = url
	}
	return askProgram(t, all, "node", "-e", jsVerify, dir)
}

// serveEsplora serves the chain of a node.
func serveEsplora(t *testing.T, node *testnode.Node) string {
	t.Helper()
	api, err := esploratest.New(node.RPCURL, node.User, node.Password, node.CertPEM)
	require.NoError(t, err)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return server.URL
}

// TestExportJavaScript: the JavaScript library reads each file, writes the same
// bytes, and verifies it against the chain of the node; and not against another
// chain, nor for another document.
func TestExportJavaScript(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: another program reads what was written, and takes a while")
	}
	t.Parallel()
	javascript(t)
	node := startNode(t, "btcd")
	_, all := anchorOn(t, node)
	url := serveEsplora(t, node)
	for i, a := range askJavaScript(t, all, url) {
		want := answer{true, true, []uint32{all[i].Height}, []int64{timeOf(t, all[i].Header)}, []string{}}
		require.Equal(t, want, a, all[i].Stamp)
	}
	wrong := all[:1:1]
	wrong[0].Document = all[1].Document
	require.Equal(t, answer{Same: true, Heights: []uint32{}, Times: []int64{}, Errors: []string{"File does not match original!"}}, askJavaScript(t, wrong, url)[0])

	// Another chain has no block at that height yet, and then another one.
	other := testnode.StartBtcd(t)
	other.Mine(int(all[1].Height) - 1)
	otherURL := serveEsplora(t, other)
	a := askJavaScript(t, all[1:], otherURL)[0]
	require.Len(t, a.Errors, 1)
	require.Contains(t, a.Errors[0], "404")
	other.Mine(1)
	require.NotEqual(t, headerOf(t, other, all[1].Height).MerkleRoot(), headerOf(t, node, all[1].Height).MerkleRoot())
	a = askJavaScript(t, all[1:], otherURL)[0]
	require.Equal(t, answer{Same: true, Document: true, Heights: []uint32{}, Times: []int64{}, Errors: []string{"bitcoin verification failed: Digest does not match merkleroot"}}, a)
}

// block358391 is the header of that block of mainnet.
const block358391 = "02000000b96394585a281b7e5f438fd1c9ed492645a1fd61cb3802040000000000000000007ee445d23ad061af4a36b809501fab1ac4f2d7e7a739817dd0cbb7ec661b8a1e376755f58616186272def6"

// TestExamplesJavaScript holds the way in which the tests here ask the library
// against its own examples, both of one real block: a good one and a bad one.
func TestExamplesJavaScript(t *testing.T) {
	t.Parallel()
	dir := javascript(t)
	raw, err := hex.DecodeString(block358391)
	require.NoError(t, err)
	header := bitcoin.Header(raw)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /block-height/358391", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, header.Hash()) })
	mux.HandleFunc("GET /block/"+header.Hash().String(), func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"merkle_root":%q,"timestamp":%s}`, header.MerkleRoot(), strconv.FormatInt(header.Time().Unix(), 10))
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	example := func(name string) stamped {
		path := filepath.Join(dir, "examples", name)
		return stamped{Stamp: path + ".ots", Document: path}
	}
	said := askJavaScript(t, []stamped{example("hello-world.txt"), example("bad-stamp.txt")}, server.URL)
	require.Equal(t, answer{true, true, []uint32{358391}, []int64{header.Time().Unix()}, []string{}}, said[0])
	require.Equal(t, []string{"bitcoin verification failed: Digest does not match merkleroot"}, said[1].Errors)
}
