package calendartest_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/anchor/btcd"
	"gradseal/anchor/coinkey"
	"gradseal/anchor/embedded"
	"gradseal/anchor/jsonrpc"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/internal/calendartest"
	"gradseal/internal/testnode"
	"gradseal/proof/ots"
)

// bounded is a context that ends before the test binary's patience does.
func bounded(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// chain is an embedded node.
type chain struct {
	t       testing.TB
	headers string
	*embedded.Node
}

func newChain(t testing.TB) chain {
	t.Helper()
	dir := t.TempDir()
	c := chain{t: t, headers: filepath.Join(dir, "headers", "regtest")}
	var err error
	c.Node, err = embedded.Open(bounded(t), filepath.Join(dir, "node"), c.headers)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// header is that of the block at a height, as a verifier would look it up.
func (c chain) header(height uint64) bitcoin.Header {
	c.t.Helper()
	hs, err := headers.Open(c.headers, bitcoin.Regtest)
	require.NoError(c.t, err)
	defer hs.Close()
	h, err := hs.At(uint32(height))
	require.NoError(c.t, err)
	return h
}

func (c chain) height() int {
	c.t.Helper()
	hs, err := headers.Open(c.headers, bitcoin.Regtest)
	require.NoError(c.t, err)
	defer hs.Close()
	return int(hs.Height())
}

func start(t testing.TB, backend anchor.Backend, options calendartest.Options) *calendartest.Calendar {
	t.Helper()
	c, err := calendartest.New(backend, options)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// client has no connections in common with other tests.
var client = &http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}

// ask makes a request and returns the status and what was answered.
func ask(method, url string, body []byte) (int, []byte, error) {
	req, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

func post(c *calendartest.Calendar, digest []byte) (*ots.Timestamp, error) {
	status, body, err := ask("POST", c.URL()+"/digest", digest)
	if err == nil && status != 200 {
		err = fmt.Errorf("status %d: %s", status, body)
	}
	if err != nil {
		return nil, err
	}
	return ots.Parse(body, len(digest))
}

func submit(t testing.TB, c *calendartest.Calendar, digest []byte) *ots.Timestamp {
	t.Helper()
	stamp, err := post(c, digest)
	require.NoError(t, err)
	return stamp
}

// pending is the one attestation of a reply to a digest.
func pending(t testing.TB, stamp *ots.Timestamp, digest []byte) ots.Path {
	t.Helper()
	paths, err := stamp.Paths(digest)
	require.NoError(t, err)
	require.Len(t, paths, 1)
	return paths[0]
}

// get asks for a commitment.
func get(t testing.TB, c *calendartest.Calendar, commitment []byte) (int, []byte) {
	t.Helper()
	status, body, err := ask("GET", c.URL()+"/timestamp/"+hex.EncodeToString(commitment), nil)
	require.NoError(t, err)
	return status, body
}

// blocks are the ways to Bitcoin blocks in a reply, by height.
func blocks(t testing.TB, c *calendartest.Calendar, commitment []byte) map[uint64]ots.Path {
	t.Helper()
	status, body := get(t, c, commitment)
	require.Equal(t, 200, status, "%s", body)
	require.LessOrEqual(t, len(body), 10_000)
	stamp, err := ots.Parse(body, len(commitment))
	require.NoError(t, err)
	all, err := stamp.Paths(commitment)
	require.NoError(t, err)
	found := map[uint64]ots.Path{}
	for _, path := range all {
		if height, ok := path.Attestation.BitcoinHeight(); ok {
			found[height] = path
		}
	}
	require.NotEmpty(t, found)
	return found
}

// toBlock is the one way to a Bitcoin block in a reply.
func toBlock(t testing.TB, c *calendartest.Calendar, commitment []byte) (ots.Path, uint64) {
	t.Helper()
	found := blocks(t, c, commitment)
	require.Len(t, found, 1)
	for height, path := range found {
		return path, height
	}
	return ots.Path{}, 0
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// python is an interpreter that has python-opentimestamps.
var python = sync.OnceValue(func() string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.Command(name, "-c", "import opentimestamps.core.timestamp, opentimestamps.calendar").Run() == nil {
			return name
		}
	}
	return ""
})

// reference runs the reference implementation.
func reference(t testing.TB, args ...string) (string, error) {
	t.Helper()
	if python() == "" {
		t.Skip("SKIPPED: python-opentimestamps is not installed (Debian: python3-opentimestamps)")
	}
	cmd := exec.CommandContext(bounded(t), python(), append([]string{"testdata/reference.py"}, args...)...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s%s", err, out, stderr.String())
	}
	return strings.TrimSpace(string(out)), err
}

// TestReferenceClient has the client of the reference implementation stamp and
// upgrade at several calendars of one chain, and holds what it reads to the
// chain's headers.
func TestReferenceClient(t *testing.T) {
	node := newChain(t)
	for i := range 3 {
		c := start(t, node, calendartest.Options{Others: []int{-1, 1, 40}[i]})
		message := digest(c.URL())
		stamp, err := reference(t, "stamp", c.URL(), hex.EncodeToString(message))
		require.NoError(t, err)
		walked, err := reference(t, "walk", hex.EncodeToString(message), stamp)
		require.NoError(t, err)
		require.Equal(t, "pending "+c.URL(), walked[2*44+1:], "of a commitment of 44 bytes")

		_, err = reference(t, "upgrade", hex.EncodeToString(message), stamp)
		require.ErrorContains(t, err, "exit status 4: "+calendartest.Pending)
		height := 0
		if i > 0 {
			height = node.height()
		}
		require.NoError(t, c.Anchor(bounded(t)))
		if i > 0 {
			require.Equal(t, height+1, node.height(), "one transaction")
		}
		stamp, err = reference(t, "upgrade", hex.EncodeToString(message), stamp)
		require.NoError(t, err)
		walked, err = reference(t, "walk", hex.EncodeToString(message), stamp)
		require.NoError(t, err)

		root := node.header(uint64(node.height())).MerkleRoot()
		lines := strings.Split(walked, "\n")
		require.Contains(t, lines, fmt.Sprintf("%x bitcoin %d", root[:], node.height()))
		require.Len(t, lines, 6, "and what else there is: %s", walked)
		for _, kind := range []string{" litecoin 1234567", " unknown 0011223344556677", " pending " + calendartest.OtherURI, " pending " + c.URL()} {
			require.Contains(t, walked, kind)
		}
	}
}

// TestAggregation: digests that come together have one commitment, and their
// ways to it share its end.
func TestAggregation(t *testing.T) {
	node := newChain(t)
	c := start(t, node, calendartest.Options{Wait: 2 * time.Second, Others: 2})
	const count = 9
	commitments := make([]string, count)
	replies, errs := make([]*ots.Timestamp, count), make([]error, count)
	var wait sync.WaitGroup
	for i := range count {
		wait.Go(func() { replies[i], errs[i] = post(c, digest(strconv.Itoa(i))) })
	}
	wait.Wait()
	for i := range count {
		require.NoError(t, errs[i])
		path := pending(t, replies[i], digest(strconv.Itoa(i)))
		require.Equal(t, ots.Pending(c.URL()), path.Attestation)
		commitments[i] = string(path.Result)
		require.Len(t, path.Result, 4+32+8)
		made := time.Unix(int64(binary.BigEndian.Uint32(path.Result[:4])), 0)
		require.WithinDuration(t, time.Now(), made, time.Minute)
		require.Len(t, path.Ops[0].Arg, 16, "a nonce")
		require.GreaterOrEqual(t, len(path.Ops), 2+2*1+2, "in a tree of three at least")
	}
	require.Len(t, c.Digests(), count)
	require.Len(t, c.Seen(), count)
	require.NoError(t, c.Anchor(bounded(t)))
	roots := map[string]bool{}
	for _, commitment := range commitments {
		path, height := toBlock(t, c, []byte(commitment))
		root := node.header(height).MerkleRoot()
		require.Equal(t, root[:], path.Result)
		roots[string(path.Result)] = true
	}
	require.Len(t, roots, 1)
	distinct := map[string]bool{}
	for _, commitment := range commitments {
		distinct[commitment] = true
	}
	require.Less(t, len(distinct), count, "some of them were aggregated")
}

// TestProtocol holds statuses and texts to those of the reference's server.
func TestProtocol(t *testing.T) {
	c := start(t, newChain(t), calendartest.Options{URI: "https://a.calendar.invalid"})
	for _, one := range []struct {
		method, path string
		body         []byte
		status       int
		want         string
	}{
		{"POST", "/digest", make([]byte, 65), 400, "digest too long"},
		{"POST", "/digest", nil, 400, "invalid Content-Length"},
		{"POST", "/other", make([]byte, 32), 404, "not found"},
		{"GET", "/timestamp/zz", nil, 400, "commitment must be hex-encoded bytes"},
		{"GET", "/timestamp/00", nil, 404, "Not found"},
	} {
		status, body, err := ask(one.method, c.URL()+one.path, one.body)
		require.NoError(t, err)
		require.Equal(t, one.status, status, one.path)
		require.Equal(t, one.want, string(body), one.path)
	}
	for _, size := range []int{1, 20, 32, 64} {
		message := make([]byte, size)
		path := pending(t, submit(t, c, message), message)
		require.Equal(t, ots.Pending("https://a.calendar.invalid"), path.Attestation)
		status, body := get(t, c, path.Result)
		require.Equal(t, 404, status)
		require.Equal(t, "Pending confirmation in Bitcoin blockchain", string(body))
	}
	require.NoError(t, c.Close())
	_, err := net.Dial("tcp", strings.TrimPrefix(c.URL(), "http://"))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

// TestAnchorAgain: one reply with the ways to two blocks, which part
// behind the first step.
func TestAnchorAgain(t *testing.T) {
	node := newChain(t)
	c := start(t, node, calendartest.Options{})
	require.NoError(t, c.Anchor(bounded(t)), "nothing to do")
	message := digest("a")
	commitment := pending(t, submit(t, c, message), message).Result
	require.NoError(t, c.Anchor(bounded(t)))
	first := node.height()
	require.NoError(t, c.Anchor(bounded(t)), "nothing new to do")
	require.Equal(t, first, node.height())
	require.NoError(t, c.AnchorAgain(bounded(t)))

	found := blocks(t, c, commitment)
	require.Len(t, found, 2)
	for _, height := range []uint64{uint64(first), uint64(first) + 1} {
		require.Contains(t, found, height)
		root := node.header(height).MerkleRoot()
		require.Equal(t, root[:], found[height].Result)
	}
	a, b := found[uint64(first)].Ops, found[uint64(first)+1].Ops
	require.Equal(t, a[0], b[0])
	require.NotEqual(t, a[1], b[1], "they part behind the hash of the commitment")
}

// TestMisbehaviour: each fault does what it says, and the calendar behaves again
// after it.
func TestMisbehaviour(t *testing.T) {
	node := newChain(t)
	c := start(t, node, calendartest.Options{})
	message := digest("a")
	commitment := pending(t, submit(t, c, message), message).Result
	require.NoError(t, c.Anchor(bounded(t)))
	straight, height := toBlock(t, c, commitment)
	root := node.header(height).MerkleRoot()
	require.Equal(t, root[:], straight.Result)

	t.Run("wrong path", func(t *testing.T) {
		c.Misbehave(calendartest.Faults{WrongPath: true})
		path, h := toBlock(t, c, commitment)
		require.Equal(t, height, h)
		require.NotEqual(t, root[:], path.Result)
		require.Len(t, path.Result, 32)
	})
	t.Run("height", func(t *testing.T) {
		for _, by := range []int64{-1, 1, 1 << 40} {
			c.Misbehave(calendartest.Faults{Height: by})
			path, h := toBlock(t, c, commitment)
			require.Equal(t, int64(height)+by, int64(h))
			require.Equal(t, root[:], path.Result)
		}
	})
	t.Run("reason", func(t *testing.T) {
		for _, reason := range []string{calendartest.Pending, calendartest.NotFound, "\x1b[2J<b>\n"} {
			c.Misbehave(calendartest.Faults{Reason: reason})
			status, body := get(t, c, commitment)
			require.Equal(t, 404, status)
			require.Equal(t, reason, string(body))
		}
	})
	t.Run("other digest", func(t *testing.T) {
		c.Misbehave(calendartest.Faults{OtherDigest: true})
		path := pending(t, submit(t, c, message), message)
		c.Misbehave(calendartest.Faults{})
		require.NoError(t, c.Anchor(bounded(t)))
		status, body := get(t, c, path.Result)
		require.Equal(t, 404, status)
		require.Equal(t, calendartest.NotFound, string(body))
	})
	t.Run("another calendar", func(t *testing.T) {
		c.Misbehave(calendartest.Faults{URI: "https://evil.invalid"})
		require.Equal(t, ots.Pending("https://evil.invalid"), pending(t, submit(t, c, message), message).Attestation)
	})
	t.Run("weak hash", func(t *testing.T) {
		for _, weak := range []ots.Operation{ots.SHA1, ots.RIPEMD160, ots.Keccak256} {
			c.Misbehave(calendartest.Faults{Hash: weak})
			path := pending(t, submit(t, c, message), message)
			require.Contains(t, path.Ops, weak)
			require.NoError(t, c.Anchor(bounded(t)))
			c.Misbehave(calendartest.Faults{})
			way, h := toBlock(t, c, path.Result)
			require.Contains(t, way.Ops, weak)
			merkle := node.header(h).MerkleRoot()
			require.Equal(t, merkle[:], way.Result)
		}
	})
	t.Run("flood", func(t *testing.T) {
		c.Misbehave(calendartest.Faults{Flood: 10_000_000})
		status, body := get(t, c, commitment)
		require.Equal(t, 200, status)
		require.Len(t, body, 10_000_000)
	})
	t.Run("redirect", func(t *testing.T) {
		other := start(t, node, calendartest.Options{})
		c.Misbehave(calendartest.Faults{Redirect: other.URL()})
		submit(t, c, message) // by a client that follows
		require.Equal(t, []string{"POST /digest"}, other.Seen())
		require.Equal(t, [][]byte{message}, other.Digests())
	})
	t.Run("hang", func(t *testing.T) {
		c.Misbehave(calendartest.Faults{Hang: true})
		ctx, cancel := context.WithTimeout(bounded(t), 100*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "GET", c.URL()+"/timestamp/00", nil)
		require.NoError(t, err)
		_, err = client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	c.Misbehave(calendartest.Faults{})
	path, _ := toBlock(t, c, commitment)
	require.Equal(t, straight, path)
}

// TestCloseEndsHanging: a request that hangs does not keep the calendar from
// closing, nor the client from going on.
func TestCloseEndsHanging(t *testing.T) {
	c := start(t, newChain(t), calendartest.Options{})
	c.Misbehave(calendartest.Faults{Hang: true})
	failed := make(chan error, 1)
	go func() {
		req, err := http.NewRequestWithContext(bounded(t), "POST", c.URL()+"/digest", bytes.NewReader(make([]byte, 32)))
		if err == nil {
			_, err = client.Do(req)
		}
		failed <- err
	}()
	require.Eventually(t, func() bool { return len(c.Seen()) == 1 }, time.Minute, time.Millisecond)
	require.NoError(t, c.Close())
	err := <-failed
	require.Error(t, err)
	require.False(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
}

// TestOnBtcd: calendars that share a node and a key anchor at the same time, and
// the block leaves the chain.
func TestOnBtcd(t *testing.T) {
	node, other := testnode.StartBtcd(t), testnode.StartBtcd(t)
	node.Mine(103)
	node.Connect(other)
	other.Disconnect()
	backend := btcdBackend(t, node)
	const count = 3
	calendars, commitments := make([]*calendartest.Calendar, count), make([][]byte, count)
	errs := make(chan error, count)
	for i := range count {
		calendars[i] = start(t, backend, calendartest.Options{})
		message := digest(strconv.Itoa(i))
		commitments[i] = pending(t, submit(t, calendars[i], message), message).Result
		go func() { errs <- calendars[i].Anchor(bounded(t)) }()
	}
	for range count {
		require.NoError(t, <-errs)
	}
	wait := func() {
		for i, c := range calendars {
			status, body := get(t, c, commitments[i])
			require.Equal(t, 404, status)
			require.Equal(t, calendartest.Pending, string(body))
		}
	}
	lead := func(height uint64) {
		root := merkleRoot(t, node, node.Block(int(height)))
		for i, c := range calendars {
			path, at := toBlock(t, c, commitments[i])
			require.Equal(t, height, at)
			require.Equal(t, root[:], path.Result)
		}
	}
	wait()
	node.Mine(1)
	lead(104)
	node.Replace(1, other)
	wait()
	node.Mine(1)
	lead(106)
}

func merkleRoot(t *testing.T, n *testnode.Node, block bitcoin.Hash) bitcoin.Hash {
	t.Helper()
	var text string
	n.Call(&text, "getblockheader", block.String(), false)
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	h, err := bitcoin.ParseHeader(raw)
	require.NoError(t, err)
	return h.MerkleRoot()
}

// btcdBackend spends what the node's blocks pay.
func btcdBackend(t *testing.T, n *testnode.Node) anchor.Backend {
	t.Helper()
	node, err := btcd.New(btcd.Config{URL: n.RPCURL, Login: jsonrpc.Password(n.User, n.Password), CertFile: n.CertFile})
	require.NoError(t, err)
	wif, err := btcutil.NewWIF(testnode.Key(), &chaincfg.RegressionNetParams, true)
	require.NoError(t, err)
	key, err := coinkey.Parse(wif.String(), bitcoin.Regtest)
	require.NoError(t, err)
	return struct {
		anchor.Node
		anchor.Signer
	}{node, anchor.NewKeySigner(node, key)}
}
