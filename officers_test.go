package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/approval"
	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/trust"
)

const university = "uni.example/registrar"

// newKeys makes keys of the university.
func newKeys(t *testing.T, n int) []*keys.Key {
	t.Helper()
	var all []*keys.Key
	for range n {
		k, err := keys.Generate(university)
		require.NoError(t, err)
		all = append(all, k)
	}
	return all
}

// issuerFile is an issuer file of which threshold keys must sign.
func issuerFile(t *testing.T, threshold int, all ...*keys.Key) []byte {
	t.Helper()
	set := issuer.KeySet{From: time.Now().Add(-time.Hour).UTC().Truncate(time.Second), Threshold: threshold}
	for _, k := range all {
		set.Keys = append(set.Keys, issuer.Key{Public: k.PublicKey(), Holder: "an officer"})
	}
	f := &issuer.File{ID: university, Name: "University of Example", Sequence: 1, Sets: []issuer.KeySet{set}}
	text, err := f.Text()
	require.NoError(t, err)
	return signedBy(t, text, all...)
}

func signedBy(t *testing.T, text string, all ...*keys.Key) []byte {
	t.Helper()
	var signers []issuer.Signer
	for _, k := range all {
		signers = append(signers, k)
	}
	signed, err := issuer.SignNote(text, issuer.MaxStatus, signers...)
	require.NoError(t, err)
	return signed
}

// settle makes a home with a key and an issuer file.
func (r *registrar) settle(t *testing.T, key *keys.Key, file []byte) {
	t.Helper()
	dir := filepath.Join(r.home(), "keys")
	require.NoError(t, os.MkdirAll(dir, 0o700))
	name := fmt.Sprintf("id_uni.example_registrar+%08x.key", key.PublicKey().ID(university))
	require.NoError(t, key.WriteUnsafe(filepath.Join(dir, name)))
	_, err := trust.Open(filepath.Join(r.home(), "trust")).Add(file)
	require.NoError(t, err)
}

// exit runs the command and returns its exit code.
func (r *registrar) exit(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	cmd := r.command(t.Context(), args...)
	all, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit)
	}
	return cmd.ProcessState.ExitCode(), string(all)
}

// TestTooFewOfficers: what fewer distinct keys signed than the issuer file wants is
// never VALID, in a real block of the embedded node. The registrar's home believes
// in an issuer of one key; the verifier's, in the same home afterwards, in one of
// several.
func TestTooFewOfficers(t *testing.T) {
	program := builtProgram(t)
	k := newKeys(t, 3)
	twice := func(text string) []byte { // the first key once more, under another name
		n, err := issuer.ParseNote(signedBy(t, text, k[0]), issuer.MaxStatus)
		require.NoError(t, err)
		twin := n.Signatures[0]
		twin.Name = "uni.example/dean"
		twin.KeyID = k[0].PublicKey().ID(twin.Name)
		n.Signatures = append(n.Signatures, twin)
		return n.Marshal()
	}
	by := func(all ...*keys.Key) func(string) []byte {
		return func(text string) []byte { return signedBy(t, text, all...) }
	}
	two, three := issuerFile(t, 2, k[0], k[1]), issuerFile(t, 2, k...)
	for name, c := range map[string]struct {
		statement, list func(string) []byte
		file            []byte
		exit            int
	}{
		"both":                    {by(k[0], k[1]), by(k[0], k[1]), two, 0},
		"two of three":            {by(k[0], k[2]), by(k[1], k[2]), three, 0},
		"statement by one of two": {by(k[0]), by(k[0], k[1]), two, 5},
		"one of three":            {by(k[0]), by(k[0], k[1]), three, 5},
		"one key twice":           {twice, by(k[0], k[1]), two, 5},
		"list by one":             {by(k[0], k[1]), by(k[1]), two, 5},
		"list by one key twice":   {by(k[0], k[1]), twice, two, 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRegistrar(t, program)
			r.settle(t, k[0], issuerFile(t, 1, k[0]))
			folder := r.addFolder(t, 2)
			b := r.planned(t, folder)
			s, err := b.NewStatement(time.Now(), nil)
			require.NoError(t, err)
			text, err := s.Text()
			require.NoError(t, err)
			require.NoError(t, b.SaveStatement(c.statement(text)))
			r.run(t, "anchor", folder)

			dir := filepath.Join(r.home(), "trust")
			list, _, err := trust.Open(dir).Status(university, bitcoin.Regtest)
			require.NoError(t, err)
			require.NoError(t, os.RemoveAll(dir))
			_, err = trust.Open(dir).Add(c.file)
			require.NoError(t, err)
			// Planted: the store itself takes no list that too few signed.
			signed := c.list(list.Note.Text)
			if c.exit == 0 {
				_, err = trust.Open(dir).ImportStatus(signed, time.Now())
				require.NoError(t, err)
			} else {
				require.NoError(t, os.WriteFile(filepath.Join(dir, "id_uni.example_registrar.regtest.status"), signed, 0o644))
			}
			code, out := r.exit(t, "verify", "--network", "regtest", folder)
			require.Equal(t, c.exit, code, out)
			if c.exit != 0 {
				require.NotContains(t, out, "\nVALID")
				require.Contains(t, out, "2 CANNOT TELL")
			}
		})
	}
}

// planned plans a batch of a folder, as anchor does.
func (r *registrar) planned(t *testing.T, folder string) *batch.Batch {
	t.Helper()
	scan, err := batch.Read(t.Context(), []string{filepath.Join(r.dir, folder)}, func(int, int64) {}, func(int64) {})
	require.NoError(t, err)
	b, err := batch.Open(filepath.Join(r.home(), "batches")).Create(batch.Head{Network: bitcoin.Regtest, Issuer: university, Created: time.Now()}, scan.Files)
	require.NoError(t, err)
	return b
}

// TestAloneNeverPays: a registrar whose statement lacks a signature is not let on to
// pay for a transaction, whoever planted it.
func TestAloneNeverPays(t *testing.T) {
	k := newKeys(t, 2)
	r := newRegistrar(t, builtProgram(t))
	r.settle(t, k[0], issuerFile(t, 2, k...))
	folder := r.addFolder(t, 2)
	b := r.planned(t, folder)
	s, err := b.NewStatement(time.Now(), nil)
	require.NoError(t, err)
	text, err := s.Text()
	require.NoError(t, err)
	require.NoError(t, b.SaveStatement(signedBy(t, text, k[0])))
	code, out := r.exit(t, "anchor", folder)
	require.Equal(t, 0, code, out)
	require.Contains(t, out, "waits for 1 more signature")
	require.Empty(t, b.Requests)
	require.Zero(t, len(r.blocks(t))-r.lowest, "nothing was mined")
}

// TestOfficersKilled kills both officers at system calls, in each of the four
// commands that lead from a folder to its proofs: at every single one where
// TEST_KILL_ROUNDS says so. The same commands again end with one batch root, one
// status list and one transaction.
func TestOfficersKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes some seconds")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	program := builtProgram(t)
	k := newKeys(t, 2)
	file := issuerFile(t, 2, k...)
	rng := seeded(t)
	kills := 0
	for _, p := range []struct {
		call string
		step int
	}{{"fsync", 20}, {"renameat", 9}, {"linkat", 4}, {"unlinkat", 4}} {
		if rounds(t) >= 1000 {
			p.step = 1
		}
		for n, all := 1+rng.IntN(p.step), 1; all > 0; n += p.step {
			one, two := newRegistrar(t, program), newRegistrar(t, program)
			one.settle(t, k[0], file)
			two.settle(t, k[1], file)
			folder := one.addFolder(t, 3)
			path := filepath.Join(one.dir, folder)
			all = 0
			step := func(r *registrar, args ...string) {
				if r.killedAt(t, strace, p.call, n, args...) {
					all++
				}
				r.run(t, args...)
			}
			step(one, "anchor", folder)
			id := proposedBatch(t, one)
			request, answer := filepath.Join(one.dir, id+".request"), filepath.Join(two.dir, id+".approval")
			step(two, "approve", "--yes", request, path)
			if one.killedAt(t, strace, p.call, n, "approve", answer) {
				all++
			}
			if code, out := one.exit(t, "approve", answer); code != 0 { // it was taken in before the kill
				require.Contains(t, out, "is signed by enough officers already")
			}
			step(one, "anchor", folder)
			kills += all
			one.checkApproved(t)
		}
	}
	t.Logf("%d kills", kills)
	require.NotZero(t, kills)
}

// proposedBatch is the id of the batch that waits.
func proposedBatch(t *testing.T, r *registrar) string {
	t.Helper()
	p, err := approval.Open(filepath.Join(r.home(), "proposals")).Proposal(university, bitcoin.Regtest)
	require.NoError(t, err)
	require.NotNil(t, p)
	return p.Batch
}

// checkApproved is check without what the journal of a batch is that one officer
// signs.
func (r *registrar) checkApproved(t *testing.T) {
	t.Helper()
	batches, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	require.Len(t, batches, 1)
	r.noteHeight(t)
	r.checkChain(t, batches)
	r.checkStatus(t, batches)
	r.checkFolders(t, batches)
	r.checkHome(t)
	require.Contains(t, r.run(t, "verify", "--network", "regtest", r.folders[0]), "3 VALID")
	require.Contains(t, r.run(t, "approve"), "Nothing waits")
}

// TestThreeOfFour passes a request on from officer to officer; the status list goes
// on a second round.
func TestThreeOfFour(t *testing.T) {
	program := builtProgram(t)
	k := newKeys(t, 4)
	file := issuerFile(t, 3, k...)
	var officers []*registrar
	for _, key := range k {
		r := newRegistrar(t, program)
		r.settle(t, key, file)
		officers = append(officers, r)
	}
	one, two, three, four := officers[0], officers[1], officers[2], officers[3]
	folder := one.addFolder(t, 3)
	path := filepath.Join(one.dir, folder)
	result := func(r *registrar, args ...string) (out struct {
		Name, Kind, State, File string
		Missing                 int
	}) {
		data, err := r.command(t.Context(), append([]string{"--json"}, args...)...).Output()
		require.NoError(t, err, "%s", data)
		lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
		require.NoError(t, json.Unmarshal(lines[len(lines)-1], &out))
		out.File = filepath.Join(r.dir, out.File)
		return out
	}
	asked := result(one, "anchor", folder)
	require.Equal(t, 2, asked.Missing)
	// Back too early: taken in, and asked again.
	second := result(two, "approve", "--yes", asked.File, path)
	require.Equal(t, 1, second.Missing)
	require.Equal(t, ".request", filepath.Ext(second.File))
	again := result(one, "approve", second.File)
	require.Equal(t, "waiting", again.State)
	require.Equal(t, 1, again.Missing)
	third := result(three, "approve", "--yes", again.File, path)
	require.Equal(t, ".approval", filepath.Ext(third.File))
	require.Equal(t, "approved", result(one, "approve", third.File).State)

	list := result(one, "anchor", folder)
	require.Equal(t, "list", list.Kind)
	require.Equal(t, 1, list.Missing)
	require.Empty(t, one.blocks(t))
	// Who has not seen the documents signs no list that names them.
	code, out := four.exit(t, "approve", "--yes", list.File)
	require.Equal(t, 1, code)
	require.Contains(t, out, "which this home did not approve")
	answer := result(two, "approve", "--yes", list.File)
	require.Equal(t, "in-force", result(one, "approve", answer.File).State)
	one.run(t, "anchor", folder)
	one.checkApproved(t)
}
