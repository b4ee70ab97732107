package embedded

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/proof"
)

// The test binary runs itself again with these set, as the process that is
// killed.
const (
	childDir     = "GRADSEAL_TEST_CHILD_DIR"
	childHeaders = "GRADSEAL_TEST_CHILD_HEADERS"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Println("error", child(dir, os.Getenv(childHeaders), os.Stdout))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child anchors until it is killed. It prints each transaction before it sends
// it, as whoever anchors stores it first, and again once it is confirmed.
func child(dir, headerFile string, out io.Writer) error {
	ctx := context.Background()
	fmt.Fprintln(out, "start")
	n, err := Open(ctx, dir, headerFile)
	if err != nil {
		return err
	}
	for {
		var root [32]byte
		rand.Read(root[:])
		f, err := makeFunded(ctx, n, root, nil)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "funded %x\n", f.Raw)
		if err := n.Submit(ctx, f.Raw); err != nil {
			return err
		}
		b, err := n.Attest(ctx, f.Raw, 0)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "confirmed %x %d\n", f.Raw, b.Height)
	}
}

// report is what a child said before it was killed.
type report struct {
	funded    []string // hex
	confirmed map[string]uint32
}

// killChild runs a child on the home and kills it that long after it printed so
// many lines, of which the first says that it starts.
func killChild(t *testing.T, h home, count int, after time.Duration) report {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+h.dir, childHeaders+"="+h.headers)
	cmd.Stderr = os.Stderr
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(pipe)
	r := report{confirmed: make(map[string]uint32)}
	for i := 1; lines.Scan(); i++ {
		r.add(t, lines.Text())
		if i == count {
			kill := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
			defer kill.Stop()
		}
	}
	require.NoError(t, lines.Err())
	require.Error(t, cmd.Wait(), "it was killed")
	return r
}

func (r *report) add(t *testing.T, line string) {
	t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "start":
	case "funded":
		r.funded = append(r.funded, rest)
	case "confirmed":
		var raw string
		var height uint32
		_, err := fmt.Sscan(rest, &raw, &height)
		require.NoError(t, err, line)
		r.confirmed[raw] = height
	default:
		require.Fail(t, line)
	}
}

// TestKilled kills a process at random moments: while it opens, mines its first
// blocks, funds or submits. Whatever it said is true afterwards.
func TestKilled(t *testing.T) {
	t.Run("first use", func(t *testing.T) {
		for range 12 {
			h := newHome(t)
			check(t, h, killChild(t, h, 1, time.Duration(mathrand.IntN(60))*time.Millisecond))
		}
	})
	t.Run("one home", func(t *testing.T) {
		h := newHome(t)
		all := report{confirmed: make(map[string]uint32)}
		for i := range 21 {
			// While it opens, after it funded, after it confirmed, and so on.
			r := killChild(t, h, 1+i%7, time.Duration(mathrand.IntN(6000))*time.Microsecond)
			all.funded = append(all.funded, r.funded...)
			for raw, height := range r.confirmed {
				all.confirmed[raw] = height
			}
			check(t, h, all)
		}
		require.NotEmpty(t, all.confirmed)
		t.Logf("%d transactions funded, %d confirmed before the process was killed, %d blocks", len(all.funded), len(all.confirmed), h.height())
	})
}

// check opens the home of a killed process and holds it to what that said.
func check(t *testing.T, h home, r report) {
	t.Helper()
	h.t = t
	n := h.open()
	for text, height := range r.confirmed {
		b := attestHex(t, n, text)
		require.NotNil(t, b, "a confirmed transaction is lost")
		require.Equal(t, height, b.Height)
		require.GreaterOrEqual(t, h.height(), height)
	}
	sameHeaders(t, h, n)
	// The last transaction may be in a block or not: sending it again ends with
	// one that has it, and one only.
	if len(r.funded) > 0 {
		last := r.funded[len(r.funded)-1]
		raw, err := hex.DecodeString(last)
		require.NoError(t, err)
		require.NoError(t, n.Submit(context.Background(), raw))
		r.confirmed[last] = attestHex(t, n, last).Height
	}
	require.NoError(t, n.Close())
	if len(r.confirmed) > 0 {
		counts := countTransactions(t, h)
		for text := range r.confirmed {
			require.Equal(t, 1, counts[idOf(t, text)])
		}
	}
}

func attestHex(t *testing.T, n *Node, text string) *proof.Bitcoin {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	b, err := n.Attest(context.Background(), raw, 0)
	require.NoError(t, err)
	return b
}

func idOf(t *testing.T, text string) bitcoin.Hash {
	t.Helper()
	raw, err := hex.DecodeString(text)
	require.NoError(t, err)
	tx, err := anchor.Parse(raw)
	require.NoError(t, err)
	return bitcoin.Hash(tx.TxHash())
}

// sameHeaders compares the header file with the blocks and with the chain.
func sameHeaders(t *testing.T, h home, n *Node) {
	t.Helper()
	blocks, err := os.ReadFile(h.blocks())
	if os.IsNotExist(err) {
		require.NoFileExists(t, h.headers)
		return
	}
	require.NoError(t, err)
	stored := storedBlocks(t, blocks)
	c, err := headers.Open(h.headers, bitcoin.Regtest)
	require.NoError(t, err)
	defer c.Close()
	require.EqualValues(t, len(stored), c.Height())
	require.EqualValues(t, len(stored), n.chain.BestSnapshot().Height)
	for i, block := range stored {
		raw, err := block.Bytes()
		require.NoError(t, err)
		header, err := c.At(uint32(i + 1))
		require.NoError(t, err)
		require.Equal(t, bitcoin.Header(raw[:80]), header)
	}
}

// TestOpenInAnotherProcess opens a node that a running process has open.
func TestOpenInAnotherProcess(t *testing.T) {
	h := newHome(t)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), childDir+"="+h.dir, childHeaders+"="+h.headers)
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(pipe)
	r := report{confirmed: make(map[string]uint32)}
	for len(r.confirmed) < 3 && lines.Scan() {
		r.add(t, lines.Text())
	}
	_, err = Open(context.Background(), h.dir, h.headers)
	require.ErrorContains(t, err, "the embedded node is in use by another process")
	for len(r.confirmed) < 6 && lines.Scan() {
		r.add(t, lines.Text())
	}
	require.Len(t, r.confirmed, 6, "the other process went on")
	require.NoError(t, cmd.Process.Kill())
	for lines.Scan() {
		r.add(t, lines.Text())
	}
	require.Error(t, cmd.Wait())
	check(t, h, r)
}
