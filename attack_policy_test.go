package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/verify"
)

// Verifiers by what they know of the university's status.
const (
	current  = "with a current list"
	listless = "without a list"
	past     = "with a list that is past its next"
	forked   = "with two lists of one number"
	disowner = "with a list that does not name the batch"
)

// verifiers are those machines.
func (a *adversary) verifiers(program string) map[string]*registrar {
	a.t.Helper()
	r := a.verifierOf(program, "listless", nil)
	all := map[string]*registrar{listless: r}
	for name, lists := range map[string][]*issuer.StatusList{
		current: {a.list(nil)},
		past: {a.list(func(l *issuer.StatusList) {
			l.AsOf, l.Next = a.now.Add(-200*24*time.Hour), a.now.Add(-20*24*time.Hour)
		})},
		forked: {a.list(nil), a.list(func(l *issuer.StatusList) { l.Next = l.Next.Add(time.Hour) })},
		disowner: {a.list(func(l *issuer.StatusList) {
			l.AsOf = a.now.Add(12 * time.Hour)
			l.Batches = slices.DeleteFunc(l.Batches, func(root [32]byte) bool { return root == a.root(a.spring[3]) })
		})},
	} {
		c := copied(a.t, r)
		for i, l := range lists {
			require.NoError(a.t, os.WriteFile(filepath.Join(c.dir, "list"), a.signList(l, dean, registry), 0o666))
			out, err := c.command(a.t.Context(), "status", "import", "list").CombinedOutput()
			require.Equal(a.t, i > 0, err != nil, "%s", out) // the second one of a number is told
		}
		all[name] = c
	}
	return all
}

// TestAttacksUnderPolicies has verifiers without a list, with an old one and with
// contradicting ones judge every forgery, with the options that make a verifier ask
// for less. Without options no verifier says VALID unless it has a current list; with
// them, only a document of which the status alone is unknown is VALID, and none that
// is known to be withdrawn or is false.
func TestAttacksUnderPolicies(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program judges a thousand files, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	all := attacks()
	made := make(map[string]forged)
	for _, attack := range all {
		var f forged
		f.document, f.proof = attack.make(a)
		made[attack.name] = f
	}
	made["honest"] = forged{a.documents[3], a.spring[3]}
	made["withdrawn"] = forged{a.documents[0], a.spring[0]}
	a.mine(bitcoin.Hash{})
	folder := t.TempDir()
	names := make(map[string]string) // by file
	for name, f := range made {
		file := fmt.Sprintf("transcript-%d.pdf", len(names))
		names[file] = name
		f.write(t, filepath.Join(folder, file))
	}
	verifiers := a.verifiers(builtProgram(t))
	byDefault := judgeFolder(t, verifiers[current], folder, names, "--network", "regtest")
	require.Len(t, byDefault, len(made))

	unknown := []string{"--allow-unknown-status"}
	for _, test := range []struct {
		verifier          string
		options           []string
		honest, withdrawn string
	}{
		{current, nil, "valid", "withdrawn"},
		{current, unknown, "valid", "withdrawn"},
		{current, []string{"--unsafe-carried-work"}, "valid", "withdrawn"},
		{listless, nil, "cannot-tell", "cannot-tell"},
		{listless, []string{"--unsafe-carried-work"}, "cannot-tell", "cannot-tell"},
		{listless, unknown, "valid", "valid"}, // which is what the option says
		{past, nil, "cannot-tell", "withdrawn"},
		{past, unknown, "valid", "withdrawn"},
		{forked, nil, "cannot-tell", "withdrawn"},
		{forked, unknown, "cannot-tell", "withdrawn"},
		{disowner, nil, "cannot-tell", "withdrawn"},
		{disowner, unknown, "cannot-tell", "withdrawn"},
	} {
		t.Run(fmt.Sprint(test.verifier, test.options), func(t *testing.T) {
			got := judgeFolder(t, verifiers[test.verifier], folder, names, append([]string{"--network", "regtest"}, test.options...)...)
			require.Len(t, got, len(made))
			require.Equal(t, test.honest, got["honest"].Verdict)
			require.Equal(t, test.withdrawn, got["withdrawn"].Verdict)
			allowed := slices.Equal(test.options, unknown)
			for name, j := range got {
				not, detail := j.not()
				usual, _ := byDefault[name].not()
				statusAlone := usual == "" || usual == "status unknown" || usual == "status failed"
				if j.Verdict == "valid" && name != "honest" {
					require.True(t, allowed && statusAlone && not == "status unknown", "%s: %s, %s", name, not, detail)
				}
				if byDefault[name].Verdict == "invalid" {
					require.Equal(t, "invalid", j.Verdict, name)
				}
			}
		})
	}
}

// forged is a document and the proof that lies beside it, if there is one.
type forged struct {
	document []byte
	proof    *proof.Proof
}

func (f forged) write(t *testing.T, path string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, f.document, 0o666))
	if f.proof != nil {
		require.NoError(t, os.WriteFile(path+proof.Suffix, marshalProof(t, f.proof), 0o666))
	}
}

// judgeFolder is judge of all documents in a folder, by their names.
func judgeFolder(t *testing.T, r *registrar, folder string, names map[string]string, options ...string) map[string]*judgement {
	t.Helper()
	out, err := r.command(t.Context(), slices.Concat([]string{"verify", "--json"}, options, []string{folder})...).Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	all := make(map[string]*judgement)
	for line := range bytes.Lines(out) {
		var j struct {
			File string
			judgement
		}
		require.NoError(t, json.Unmarshal(line, &j), "%s", line)
		all[names[filepath.Base(j.File)]] = &j.judgement
	}
	return all
}

// TestAttacksOnOldLists has a verifier meet documents that the issuer does not stand
// behind, or not any more, in the order in which an applicant would like it.
func TestAttacksOnOldLists(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	behind := a.reissued(a.statement("behind their back"), dean, registry)
	a.mine(bitcoin.Hash{})
	all := a.verifiers(builtProgram(t))
	judged := func(r *registrar, p *proof.Proof, options ...string) string {
		t.Helper()
		j := judgeFile(t, r, a.documents[3], marshalProof(t, p), append([]string{"--network", "regtest"}, options...)...)
		not, detail := j.not()
		return j.Verdict + ": " + not + ": " + detail
	}
	const allow = "--allow-unknown-status"
	require.Contains(t, judged(all[listless], a.spring[3]), "cannot-tell: status unknown: there is no status list")
	require.Contains(t, judged(all[past], a.spring[3]), "cannot-tell: status unknown: the status list of")
	require.Contains(t, judged(all[past], a.spring[3]), "was to be renewed by")
	require.Contains(t, judged(all[forked], a.spring[3], allow), "cannot-tell: status unknown: two different status lists")
	require.Contains(t, judged(all[disowner], a.spring[3], allow), "does not name this batch")

	// What the officers' keys signed behind their back, a list from before it does not
	// know; who accepts that says VALID until the institution's next list.
	require.Contains(t, judged(all[current], behind), "older than this batch")
	require.Contains(t, judged(all[current], behind, allow), "valid: status unknown: your status list")
	require.Contains(t, judged(all[disowner], behind, allow), "cannot-tell: status unknown: the status list of")

	// Once a list was seen, it is not unseen: neither an older one nor the same once
	// more takes a withdrawal back, nor does a file beside the document.
	r := all[past]
	withdrawal := a.list(func(l *issuer.StatusList) {
		l.Sequence++
		p := a.spring[3]
		l.AddWithdrawn(issuer.Withdrawal{ID: issuer.WithdrawalID(p.Salt, p.Digest), Date: "2026-11-23", Reason: issuer.ReasonRescinded})
	})
	old := filepath.Join(r.dir, "list")
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "newer"), a.signList(withdrawal, dean, registry), 0o666))
	r.run(t, "status", "import", "newer")
	out, err := r.command(t.Context(), "status", "import", old).CombinedOutput()
	require.Error(t, err, "%s", out)
	require.Contains(t, string(out), "older")
	for _, options := range [][]string{nil, {allow}} {
		require.Contains(t, judged(r, a.spring[3], options...), "withdrawn: status failed: withdrawn on 2026-11-23")
	}
}

// TestAttacksOnCarriedWork hands proofs with headers of their own to a verifier who
// takes work for a block, on the one network where that may count. What has the work
// of mainnet cannot be made here: verify.TestCarriedWork shows that it would do.
func TestAttacksOnCarriedWork(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	height, last := headers.LastListed(bitcoin.Mainnet)
	s := a.statement("mainnet")
	s.Network = bitcoin.Mainnet
	p := a.reissued(s, dean, registry)
	honest := *p.Bitcoin
	// carry gives the proof a header with such a time and bits, and n successors.
	carry := func(at time.Time, bits uint32, n int) func(b *proof.Bitcoin) {
		return func(b *proof.Bitcoin) {
			for i := range n + 1 {
				h := b.Header
				if i > 0 { // not by a.header, which would look for the work
					h = previousOf(b)
					previous := h.Hash()
					copy(h[4:], previous[:])
				}
				binary.LittleEndian.PutUint32(h[68:], uint32(at.Add(time.Duration(i)*10*time.Minute).Unix()))
				binary.LittleEndian.PutUint32(h[72:], bits)
				if bits == bitcoin.Regtest.Genesis().Bits() {
					h = worked(h)
				}
				if i == 0 {
					b.Header = h
				} else {
					b.Successors = append(b.Successors, h)
				}
			}
		}
	}
	easy := bitcoin.Regtest.Genesis().Bits()
	soon := last.Time().Add(time.Hour)
	r := a.verifierOf(builtProgram(t), "verifier", nil)
	list := a.list(func(l *issuer.StatusList) {
		l.Network, l.Withdrawn = bitcoin.Mainnet, nil
		l.AddBatch(a.root(p))
	})
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "list"), a.signList(list, dean, registry), 0o666))
	r.run(t, "status", "import", "list")
	work := []string{"--unsafe-carried-work"}
	const unknown = "cannot-tell: block unknown"
	for _, test := range []struct {
		name    string
		options []string
		change  func(b *proof.Bitcoin)
		want    string
		says    string
	}{
		{"nobody asked for it", []string{"--network", "mainnet"}, carry(soon, easy, 12), unknown, "there is no header chain of mainnet here"},
		{"no successors", work, carry(soon, easy, 0), unknown, "0 successors, want at least 6"},
		{"five successors", work, carry(soon, easy, 5), unknown, "5 successors, want at least 6"},
		{"fewer than were asked for", append([]string{"--confirmations", "9"}, work...), carry(soon, easy, 7), unknown, "7 successors, want at least 8"},
		{"easy targets", work, carry(soon, easy, 12), unknown, "header 1 of 13 has a target of"},
		{"from before the newest block that is built in", work, carry(last.Time().Add(-time.Hour), easy, 12), unknown, "the header is of"},
		{"from three years after it", work, carry(last.Time().Add(3*year), easy, 12), unknown, "the header is of"},
		{"mainnet's bits, without the work", work, carry(soon, last.Bits(), 6), "invalid: block failed", "above its target"},
		{"a chain that is not linked", work, func(b *proof.Bitcoin) {
			carry(soon, easy, 6)(b)
			b.Successors[2], b.Successors[3] = b.Successors[3], b.Successors[2]
		}, "invalid: block failed", "invalid successor 3"},
		{"a block of mainnet as successor", work, func(b *proof.Bitcoin) {
			carry(soon, easy, 6)(b)
			b.Successors[0] = last
		}, "invalid: block failed", "invalid successor 1"},
		{"a block of mainnet as its own", work, func(b *proof.Bitcoin) {
			b.Header, b.Height = last, height
		}, "invalid: anchor failed, block unknown", "is not in the block"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := honest
			b.Successors = []bitcoin.Header{}
			test.change(&b)
			forged := *p
			forged.Bitcoin = &b
			j := judgeFile(t, r, a.documents[3], marshalProof(t, &forged), test.options...)
			not, _ := j.not()
			require.Equal(t, test.want, j.Verdict+": "+not)
			i := slices.IndexFunc(j.Checks, func(c check) bool { return c.Outcome != "ok" })
			require.Contains(t, j.Checks[i].Detail, test.says)
			t.Log(j.Checks[verify.Block].Detail)
		})
	}
	t.Run("on a test network", func(t *testing.T) {
		forged := a.edited(func(p *proof.Proof) {
			p.Bitcoin.Height = 1 << 20
			carry(soon, easy, 12)(p.Bitcoin)
		})
		j := judgeFile(t, r, a.documents[3], marshalProof(t, forged), "--network", "regtest", "--unsafe-carried-work", "--allow-unknown-status")
		require.Equal(t, "cannot-tell", j.Verdict)
		require.Contains(t, j.Checks[verify.Block].Detail, "above the tip")
		require.NotContains(t, j.Checks[verify.Block].Detail, "work")
	})
}

// previousOf is the last header that the evidence has.
func previousOf(b *proof.Bitcoin) bitcoin.Header {
	if n := len(b.Successors); n > 0 {
		return b.Successors[n-1]
	}
	return b.Header
}
