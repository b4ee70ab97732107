package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
)

// TestAttacksOnKeyTime has the officers' keys come into force, or go out of it, near
// the time of the block: by docs/format.md that is ok, unknown or failed, to the
// second, for the block's time may be two hours off.
func TestAttacksOnKeyTime(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	at := a.spring[3].Bitcoin.Header.Time().UTC()
	const (
		slack   = issuer.BlockTimeSlack
		ok      = "valid"
		unknown = "cannot-tell: issuer unknown"
		failed  = "invalid: issuer failed"
	)
	for i, test := range []struct {
		name string
		from time.Duration // after the block, if not 0: the officers' keys come into force
		to   time.Duration // after the block: and go out of it
		want string
	}{
		{"closed three hours before the block", 0, -3 * time.Hour, failed},
		{"closed a second more than two hours before", 0, -slack - time.Second, failed},
		{"closed two hours before", 0, -slack, unknown},
		{"closed one hour before", 0, -time.Hour, unknown},
		{"closed with the block", 0, 0, unknown},
		{"closed a second less than two hours after", 0, slack - time.Second, unknown},
		{"closed two hours after", 0, slack, ok},
		{"made two hours after the block", slack, 0, ok},
		{"made a second later", slack + time.Second, 0, failed},
	} {
		t.Run(test.name, func(t *testing.T) {
			f, by := a.university(), []officer{stranger}
			f.Sets = []issuer.KeySet{
				keySet(at.Add(-year), at.Add(test.to), 2, dean, registry),
				keySet(at.Add(test.to), time.Time{}, 1, stranger),
			}
			if test.from != 0 {
				by = []officer{dean, registry}
				f.Sets = []issuer.KeySet{
					keySet(at.Add(-year), at.Add(test.from), 1, stranger),
					keySet(at.Add(test.from), time.Time{}, 2, dean, registry),
				}
			}
			list := a.signList(a.list(nil), dean, registry, stranger) // by those in force now, whoever they are
			r := a.verifierWith(builtProgram(t), fmt.Sprint("verifier-", i), f, by, [][]byte{list})
			j := judge(t, r, a.documents[3], a.spring[3])
			not, detail := j.not()
			require.Equal(t, test.want, strings.TrimSuffix(j.Verdict+": "+not, ": "), "%s", detail)
			require.Contains(t, detail, map[string]string{ok: "", unknown: "key time unclear", failed: "not in force"}[test.want])
		})
	}
}

// TestAttacksOnEarliest has statements name a block that they say they were made
// after. Nothing makes the program repeat it, but that the block is the one of that
// height in the verifier's chain, below the anchor's.
func TestAttacksOnEarliest(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	const low = 20
	there := a.chain[low-1].Hash()
	type test struct {
		name  string
		after issuer.After
		shown bool
		proof *proof.Proof
	}
	var tests []test
	add := func(name string, after issuer.After, shown bool) {
		s := a.statement(name)
		s.After = &after
		tests = append(tests, test{name, after, shown, a.reissued(s, dean, registry)})
	}
	// The height of the block that the next statement will be in. What stands above a
	// statement is made of its hash, so that none can name the hash of such a block.
	own := func() uint32 { return uint32(len(a.chain)) + 1 }
	add("a block below the anchor", issuer.After{Height: low, Hash: there}, true)
	add("the last block below the anchor", issuer.After{Height: own() - 1, Hash: a.chain[own()-2].Hash()}, true)
	add("no block of the chain", issuer.After{Height: low, Hash: bitcoin.Hash{7}}, false)
	add("a block of the chain, one lower", issuer.After{Height: low - 1, Hash: there}, false)
	add("a block of the chain, one higher", issuer.After{Height: low + 1, Hash: there}, false)
	add("the genesis of mainnet", issuer.After{Hash: bitcoin.Mainnet.Genesis().Hash()}, false)
	add("the height of its own block", issuer.After{Height: own(), Hash: there}, false)
	add("above its own block", issuer.After{Height: own() + 10, Hash: there}, false)
	add("above the tip", issuer.After{Height: 1 << 30, Hash: there}, false)
	add("the last block below the anchor, at the highest height", issuer.After{Height: 1<<32 - 1, Hash: a.chain[own()-2].Hash()}, false)

	for range 20 { // so that the chain has a block 10 above its own
		a.mine(bitcoin.Hash{})
	}
	list := a.list(func(l *issuer.StatusList) {
		for _, test := range tests {
			l.AddBatch(a.root(test.proof))
		}
	})
	r := a.verifierOf(builtProgram(t), "verifier", [][]byte{a.signList(list, dean, registry)})
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.Equal(t, "valid", verdictOf(t, r, a.documents[3], test.proof))
			path := filepath.Join(t.TempDir(), "transcript.pdf")
			forged{a.documents[3], test.proof}.write(t, path)
			out := r.run(t, "verify", "--network", "regtest", path, "--report", path+".html")
			report, err := os.ReadFile(path + ".html")
			require.NoError(t, err)
			if test.shown {
				require.Contains(t, out, fmt.Sprintf("and no earlier than block %d.", test.after.Height))
				require.Contains(t, string(report), fmt.Sprintf("It was signed after block %d,", test.after.Height))
				return
			}
			require.NotContains(t, out, "no earlier than")
			require.NotContains(t, string(report), "signed after")
			require.NotContains(t, out+string(report), test.after.Hash.String())
		})
	}
}

// TestAttacksOnNetworks shows proofs of the test network where work costs nothing to
// verifiers who ask for another network, with and without the header chain of that one.
func TestAttacksOnNetworks(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	s := a.statement("signet")
	s.Network = bitcoin.Signet
	claimed := a.reissued(s, dean, registry)
	height, last := headers.LastListed(bitcoin.Signet)
	there := a.edited(func(p *proof.Proof) { p.Bitcoin.Height = height })
	claimedThere := copyOf(claimed)
	claimedThere.Bitcoin.Height = height
	above := copyOf(claimed)
	above.Bitcoin.Height = height + 1
	a.mine(bitcoin.Hash{})
	r := a.verifier(builtProgram(t))
	const unknown = "cannot-tell: block unknown, status unknown"
	judged := func(p *proof.Proof, options ...string) (verdict, detail string) {
		j := judgeFile(t, r, a.documents[3], marshalProof(t, p), options...)
		not, detail := j.not()
		return j.Verdict + ": " + not, detail
	}
	signet := []string{"--network", "signet"}
	for _, chain := range []bool{false, true} {
		const none = "there is no header chain of signet here"
		missing, other, beyond := none, none, none
		if chain {
			data := mustSegment(t, &headers.Segment{Network: bitcoin.Signet, Source: "somebody", From: height, Headers: []bitcoin.Header{last}})
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "signet"), data, 0o666))
			r.run(t, "headers", "import", "signet")
			missing, other, beyond = "cannot be looked up in the header chain", fmt.Sprint("is not at height ", height), fmt.Sprint("above the tip of the header chain, ", height)
		}
		for _, test := range []struct {
			name    string
			proof   *proof.Proof
			options []string
			want    string
			says    string
		}{
			{"a proof of regtest", a.spring[3], signet, "cannot-tell: block unknown", "the proof is for regtest, this verification accepts signet"},
			{"a proof of regtest, at a height of signet's chain", there, signet, "cannot-tell: block unknown", "the proof is for regtest, this verification accepts signet"},
			{"a proof of regtest, for who asks for nothing", a.spring[3], []string{}, "cannot-tell: block unknown", "the proof is for regtest, this verification accepts mainnet"},
			{"a statement for signet, in a block of regtest", claimed, signet, unknown, missing},
			{"the same, at a height of signet's chain", claimedThere, signet, unknown, other},
			{"the same, above signet's chain", above, signet, unknown, beyond},
			{"the same, for who asks for regtest", claimed, []string{"--network", "regtest"}, unknown, "the proof is for signet, this verification accepts regtest"},
		} {
			t.Run(fmt.Sprintf("%s/%t", test.name, chain), func(t *testing.T) {
				got, detail := judged(test.proof, test.options...)
				require.Equal(t, test.want, got, "%s", detail)
				require.Contains(t, detail, test.says)
				got, detail = judged(test.proof, append(test.options, "--unsafe-carried-work", "--allow-unknown-status")...)
				require.Equal(t, test.want, got, "%s", detail)
			})
		}
	}
	require.Equal(t, "valid", verdictOf(t, r, a.documents[3], a.spring[3]))
}

// TestAttacksFromBeside puts what the adversary would have the verifier believe into
// the folder of the document: a pack, a status list and headers, under each of the
// names that the program itself gives such files. It takes none of them in.
func TestAttacksFromBeside(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: the program runs some dozen times, and it is not under the race detector")
	}
	t.Parallel()
	a := newAdversary(t)
	impersonated := a.reissued(a.statement("impersonated"), stranger, stranger2)
	a.mine(bitcoin.Hash{})
	r := a.verifier(builtProgram(t))
	empty := &registrar{program: r.program, dir: t.TempDir()} // who trusts nobody yet

	// The adversary's own block, in a chain that is longer than the verifier's.
	secret := copyOf(a.spring[3])
	secret.Bitcoin.Header = a.header(a.chain[10], secret.Bitcoin.Header.MerkleRoot())
	secret.Bitcoin.Height = 12
	branch := slices.Concat([]bitcoin.Header{bitcoin.Regtest.Genesis()}, a.chain[:11], []bitcoin.Header{secret.Bitcoin.Header})
	for len(branch) < len(a.chain)+50 {
		branch = append(branch, a.header(branch[len(branch)-1], bitcoin.Hash{9}))
	}
	segment := a.segment(branch)
	list := a.signList(a.list(func(l *issuer.StatusList) {
		l.Sequence, l.Withdrawn = 8, nil
		l.AddBatch(a.root(impersonated))
	}), stranger, stranger2)
	theirs := &issuer.File{ID: uniName, Name: "University of Example", Sequence: 1, Sets: []issuer.KeySet{
		keySet(a.now.Add(-year), time.Time{}, 2, stranger, stranger2),
	}}
	pack, _ := a.pack(theirs, []officer{stranger, stranger2}, [][]byte{list}, [][]byte{segment})
	text, err := theirs.Text()
	require.NoError(t, err)
	planted := map[string][]byte{
		"uni.pack": pack, "uni.example_registrar.pack": pack, "gradseal.pack": pack, "transcript.pdf.pack": pack,
		"uni.example_registrar.regtest.status": list, "list": list, "transcript.pdf.status": list, "status": list,
		"regtest.headers": segment, "regtest": segment, "headers/regtest": segment,
		"trust/uni.example_registrar/issuer":         a.signText(text, issuer.MaxFile, stranger, stranger2),
		"trust/uni.example_registrar/regtest.status": list, "home/trust/uni.pack": pack,
		"config.yaml": []byte("network: regtest\n"), "gradseal.yaml": []byte("network: regtest\n"),
	}
	for _, test := range []struct {
		name string
		by   *registrar
		f    forged
		want string
	}{
		{"an honest one", r, forged{a.documents[3], a.spring[3]}, "valid: "},
		{"a withdrawn one", r, forged{a.documents[0], a.spring[0]}, "withdrawn: status failed"},
		{"one by strangers", r, forged{a.documents[3], impersonated}, "cannot-tell: issuer unknown, status unknown"},
		{"one in a block mined in secret", r, forged{a.documents[3], secret}, "cannot-tell: block unknown"},
		{"an honest one, for who trusts nobody", empty, forged{a.documents[3], a.spring[3]}, "cannot-tell: issuer unknown, block unknown, status unknown"},
		{"one by strangers, for who trusts nobody", empty, forged{a.documents[3], impersonated}, "cannot-tell: issuer unknown, block unknown, status unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := t.TempDir()
			test.f.write(t, filepath.Join(folder, "transcript.pdf"))
			for name, data := range planted {
				path := filepath.Join(folder, filepath.FromSlash(name))
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
				require.NoError(t, os.WriteFile(path, data, 0o666))
			}
			before := filesBelow(t, test.by.dir)
			for _, args := range [][]string{{"transcript.pdf"}, {"."}, {"--proofs", ".", "transcript.pdf"}} {
				cmd := test.by.command(t.Context(), append([]string{"verify", "--json", "--network", "regtest"}, args...)...)
				cmd.Dir = folder
				out, _ := cmd.Output() // the verdict is in its exit code, too
				j := new(judgement)
				require.NoError(t, json.Unmarshal(out, j), "%s", out)
				not, detail := j.not()
				require.Equal(t, test.want, j.Verdict+": "+not, "%v: %s", args, detail)
			}
			require.Equal(t, before, filesBelow(t, test.by.dir), "nothing was taken in")
		})
	}
}
