package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/verify"
)

// memory is a source that has one chain.
type memory []bitcoin.Header

func (m memory) Headers(_ context.Context, locator []bitcoin.Hash) ([]bitcoin.Header, error) {
	for _, hash := range locator {
		for i, h := range m {
			if h.Hash() == hash {
				return m[i+1:], nil
			}
		}
	}
	return nil, errors.New("no such block")
}

func (m memory) Header(context.Context, bitcoin.Hash) (bitcoin.Header, error) {
	return bitcoin.Header{}, errors.New("no such block")
}

// outputOf runs a command and returns its exit code and what it prints.
func outputOf(home string, in []byte, args ...string) (code int, out, errs string) {
	var o, e bytes.Buffer
	code = Main(context.Background(), append([]string{"--home", home}, args...), Stdio{In: bytes.NewReader(in), Out: &o, Err: &e}, os.DirFS(home))
	return code, o.String(), e.String()
}

// The hint for a chain that stays is the command that replaces it, as one would
// type it.
func TestReplaceCommand(t *testing.T) {
	for _, test := range []struct {
		o    headersOptions
		want string
	}{
		{headersOptions{from: "p2p:127.0.0.1:18444", node: nodeOptions{via: viaBtcd, url: "https://h:1"}}, "--from p2p:127.0.0.1:18444"},
		{headersOptions{node: nodeOptions{via: viaEsplora, url: "https://esplora.example/api"}, genesis: true}, "--from esplora --node https://esplora.example/api --genesis"},
		{headersOptions{from: viaBitcoind, node: nodeOptions{via: viaBitcoind, url: "http://127.0.0.1:18443", cookie: "my node/.cookie"}}, `--from bitcoind --node http://127.0.0.1:18443 --node-cookie "my node/.cookie"`},
		{
			headersOptions{from: viaBtcd, checkpoint: "2016:ab:cd", node: nodeOptions{url: "https://h:1", user: "u", passwordFile: "p", cert: "c"}},
			"--from btcd --node https://h:1 --node-user u --node-password-file p --node-cert c --checkpoint 2016:ab:cd",
		},
	} {
		require.Equal(t, "gradseal headers sync --network regtest "+test.want+" --replace", test.o.replaceCommand(bitcoin.Regtest))
		refused := fmt.Errorf("x: %w", headers.ErrDisagree)
		var h hintedError
		require.ErrorAs(t, test.o.believed(bitcoin.Regtest, refused), &h)
		require.Contains(t, h.hint, test.o.replaceCommand(bitcoin.Regtest))
		require.Equal(t, refused, test.o.believed(bitcoin.Mainnet, refused), "nothing replaces mainnet's chain")
	}
}

// An error for headers says what to do, where it is known.
func TestHeadersHints(t *testing.T) {
	dir := t.TempDir()
	a := &app{home: home{dir: dir, chain: dir}, ui: newUI(Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})}
	hint := func(err error) string {
		t.Helper()
		var h hintedError
		require.ErrorAs(t, err, &h)
		return h.hint
	}
	chain := mineRegtest(t, 5, 4)
	late := chain[5]
	at := time.Now().Add(24 * time.Hour).Unix()
	late[68], late[69], late[70], late[71] = byte(at), byte(at>>8), byte(at>>16), byte(at>>24)
	for late.CheckWork() != nil {
		late[76]++
	}
	err := a.syncFrom(t.Context(), bitcoin.Regtest, append(memory{}, append(chain[:5:5], late)...), headers.Options{Name: "a"})
	require.ErrorIs(t, err, headers.ErrFuture)
	require.Contains(t, hint(err), "set the clock of this machine")

	require.NoError(t, a.syncFrom(t.Context(), bitcoin.Regtest, memory(chain), headers.Options{Name: "a"}))
	path := filepath.Join(dir, headersName, "regtest")
	require.NoError(t, os.Truncate(path+".1", 160))
	err = a.syncFrom(t.Context(), bitcoin.Regtest, memory(chain), headers.Options{Name: "a"})
	require.ErrorContains(t, err, "damaged: 160 bytes, want 480")
	require.Contains(t, hint(err), "move away "+shown(path)+" and "+shown(path+".1"))
	require.Contains(t, hint(err), "gradseal headers sync --network regtest --from ")
	require.NoError(t, a.syncFrom(t.Context(), bitcoin.Regtest, memory(chain), headers.Options{Name: "a", Replace: true}))
	require.Equal(t, 0, run(t, dir, "headers", "audit", "--network", "regtest"))
}

// Every command that reads damaged header files says how to repair them.
func TestDamagedHeaders(t *testing.T) {
	home := t.TempDir()
	path := filepath.Join(home, headersName, "regtest")
	exported := filepath.Join(t.TempDir(), "regtest.headers")
	importChain(t, path, "a node", 0, mineRegtest(t, 30, 4))
	require.Equal(t, 0, run(t, home, "headers", "export", "--network", "regtest", "-o", exported))
	document := filepath.Join(t.TempDir(), "a.pdf")
	copyFile(t, "../testdata/transcripts/KBSU-884120.pdf", document)
	pack, fingerprint := packFor(t, &headers.Segment{Network: bitcoin.Regtest, Source: "a node", Headers: mineRegtest(t, 30, 4)})
	index, err := os.ReadFile(path)
	require.NoError(t, err)
	data, err := os.ReadFile(path + ".1")
	require.NoError(t, err)
	flipped := bytes.Clone(data)
	flipped[10*bitcoin.HeaderSize+40] ^= 1
	all := [][]string{
		{"headers", "audit", "--network", "regtest"},
		{"headers", "status"},
		{"headers", "export", "--network", "regtest", "-o", filepath.Join(home, "out")},
		{"headers", "import", exported},
		{"verify", "--network", "regtest", document},
		{"trust", "add", pack, "--fingerprint", fingerprint},
	}
	for _, test := range []struct {
		name        string
		index, data []byte
		commands    [][]string
	}{
		{"index empty", nil, data, all},
		{"index cut", index[:40], data, all},
		{"data cut", index, data[:80], all},
		{"data flipped", index, flipped, all[:1]},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, test.index, 0o644))
			require.NoError(t, os.WriteFile(path+".1", test.data, 0o644))
			for _, args := range test.commands {
				code, _, errs := outputOf(home, nil, args...)
				require.Equal(t, 1, code, args)
				require.Contains(t, errs, "gradseal: hint: move away "+shown(path)+" and "+shown(path+".1")+", and sync again: gradseal headers sync --network regtest", "%v", args)
			}
		})
	}
	// Told to, a file or a pack takes the place of what is damaged.
	for _, args := range [][]string{
		{"headers", "import", "--replace", exported},
		{"trust", "add", pack, "--fingerprint", fingerprint, "--replace-headers"},
	} {
		require.NoError(t, os.WriteFile(path, nil, 0o644))
		require.Equal(t, 0, run(t, home, args...))
		require.Equal(t, 0, run(t, home, "headers", "audit", "--network", "regtest"))
	}
}

func TestHeadersStreams(t *testing.T) {
	home := t.TempDir()
	importChain(t, filepath.Join(home, headersName, "regtest"), "a node", 0, mineRegtest(t, 30, 4))
	export := []string{"headers", "export", "--network", "regtest", "-o"}
	path := filepath.Join(t.TempDir(), "regtest.headers")
	require.Equal(t, 0, run(t, home, append(export, path)...))
	want, err := os.ReadFile(path)
	require.NoError(t, err)

	code, out, errs := outputOf(home, nil, append(export, "-")...)
	require.Equal(t, 0, code, errs)
	require.Equal(t, want, []byte(out))

	code, _, errs = outputOf(home, nil, append(export, path)...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "regtest.headers: exists: it was not overwritten\n")
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, want, got)

	other := t.TempDir()
	for range 2 { // again is no error
		code, out, errs = outputOf(other, want, "headers", "import", "-")
		require.Equal(t, 0, code, errs)
		require.Contains(t, out, "regtest: up to height 30")
	}
	for _, bad := range [][]byte{nil, want[:len(want)-1], append(bytes.Clone(want), 0)} {
		code, _, errs = outputOf(other, bad, "headers", "import", "-")
		require.Equal(t, 1, code)
		require.Contains(t, errs, "error: standard input: malformed header segment")
	}
}

// A file that leaves the chain here replaces nothing, and says how it would.
func TestImportRefused(t *testing.T) {
	home := t.TempDir()
	importChain(t, filepath.Join(home, headersName, "regtest"), "a node", 0, mineRegtest(t, 30, 4))
	s := &headers.Segment{Network: bitcoin.Regtest, Source: "b", Headers: mineRegtest(t, 40, 5)}
	data, err := s.Marshal()
	require.NoError(t, err)
	code, _, errs := outputOf(home, data, "headers", "import", "-")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "the stored header chain disagrees")
	require.Contains(t, errs, "gradseal headers import --replace -\n")
	code, out, errs := outputOf(home, data, "headers", "import", "--replace", "-")
	require.Equal(t, 0, code, errs)
	require.Contains(t, out, "up to height 40")
}

// After a reorganisation the newest pack alone is refused: the advice says how
// it is taken. Mainnet has no need of it.
func TestAdviceAfterReorganisation(t *testing.T) {
	for network, want := range map[bitcoin.Network]bool{bitcoin.Testnet4: true, bitcoin.Regtest: true, bitcoin.Mainnet: false} {
		r := &verify.Result{Verdict: verify.CannotTell, Network: network}
		for i := range r.Checks {
			r.Checks[i].Outcome = verify.OK
		}
		r.Checks[verify.Block].Outcome, r.Checks[verify.Block].Reason = verify.Unknown, verify.NotInChain
		advice := (&app{}).advice(judged{path: "a.pdf", Result: r}, nil)
		require.Contains(t, advice, "gradseal trust add FILE")
		require.Equal(t, want, strings.Contains(advice, "gradseal trust add --replace-headers FILE"), advice)
	}
}
