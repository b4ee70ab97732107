package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/journal"
	"gradseal/merkle"
	"gradseal/proof"
)

// one is the one batch of the registrar.
func (r *registrar) one(t *testing.T) *batch.Batch {
	t.Helper()
	all, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

// homeFiles are the contents of all files of the home, by path.
func (r *registrar) homeFiles(t *testing.T) map[string][]byte {
	t.Helper()
	all := make(map[string][]byte)
	require.NoError(t, filepath.WalkDir(r.home(), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		all[path], err = os.ReadFile(path)
		return err
	}))
	return all
}

// spellings are how bytes could stand in a file: raw, in hex, and in base64 at
// each of its three alignments, without the ends that depend on what is beside.
func spellings(b []byte) [][]byte {
	all := [][]byte{b, []byte(hex.EncodeToString(b)), []byte(strings.ToUpper(hex.EncodeToString(b)))}
	for shift := range 3 {
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			text := encoding.EncodeToString(append(make([]byte, shift), b...))
			all = append(all, []byte(text[4:len(text)-4]))
		}
	}
	return all
}

// traces are the files of the home in which something of the document is.
func (r *registrar) traces(t *testing.T, d batch.Document) []string {
	t.Helper()
	wanted := append(spellings(d.Salt[:]), spellings(d.Digest[:])...)
	wanted = append(wanted, []byte(filepath.Base(d.Path)))
	var found []string
	for path, data := range r.homeFiles(t) {
		for _, text := range wanted {
			if bytes.Contains(data, text) {
				found = append(found, fmt.Sprintf("%s: %.20q", path, text))
			}
		}
	}
	return found
}

// confirms reports whether anything that is in the home, taken for a salt, makes
// the leaf hash out of the document digest: every 32 bytes, and every 64 digits.
func (r *registrar) confirms(t *testing.T, digest [32]byte, leaf merkle.Hash) bool {
	t.Helper()
	is := func(salt [32]byte) bool { return merkle.LeafHash(proof.Entry(salt, digest)) == leaf }
	if is([32]byte{}) || is(digest) {
		return true
	}
	for _, data := range r.homeFiles(t) {
		for i := 0; i+32 <= len(data); i++ {
			if is([32]byte(data[i:])) {
				return true
			}
		}
		for i := 0; i+64 <= len(data); i++ {
			var salt [32]byte
			if _, err := hex.Decode(salt[:], data[i:i+64]); err == nil && is(salt) {
				return true
			}
		}
	}
	return false
}

// A leaf cannot be confirmed from the document any more once it was forgotten, in
// no place of the home, and everybody else's proof is what it was.
func TestForgotten(t *testing.T) {
	r := newRegistrar(t, builtProgram(t))
	folder := r.addFolder(t, 12)
	r.run(t, "anchor", folder)
	of := func(name string) string { return filepath.Join(r.dir, folder, name) }
	r.run(t, "withdraw", of("transcript-7.pdf"), "--reason", "rescinded", "--yes")
	b := r.one(t)
	var gone batch.Document
	index := -1
	proofs := make(map[string]string)
	for i, d := range b.Documents {
		if filepath.Base(d.Path) == "transcript-7.pdf" {
			gone, index = d, i
		}
		data, err := os.ReadFile(d.Path + proof.Suffix)
		require.NoError(t, err)
		proofs[d.Path] = string(data)
	}
	leaf := merkle.LeafHash(proof.Entry(gone.Salt, gone.Digest))
	document, err := os.ReadFile(gone.Path)
	require.NoError(t, err)
	digest := sha256.Sum256(document)
	require.Equal(t, gone.Digest, digest)
	require.GreaterOrEqual(t, len(r.traces(t, gone)), 3, "plan and journal")
	require.True(t, r.confirms(t, digest, leaf))
	// What killed processes leave.
	plan := filepath.Join(r.home(), "batches", b.ID, "plan")
	for _, left := range []string{
		filepath.Join(r.home(), "batches", ".tmp-"+b.ID, "plan"), filepath.Join(filepath.Dir(plan), ".tmp-1"), filepath.Join(r.home(), "journal", ".tmp-1"),
	} {
		data, err := os.ReadFile(plan)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(left), 0o700))
		require.NoError(t, os.WriteFile(left, data, 0o600))
	}

	out := r.run(t, "forget", gone.Path, "--yes")
	require.Contains(t, out, fmt.Sprintf("Forgot leaf %d of batch %s\n", index, b.ID))
	require.Empty(t, r.traces(t, gone))
	require.False(t, r.confirms(t, digest, leaf))
	now := r.one(t)
	require.Equal(t, leaf, now.Documents[index].Leaf)
	was, err := b.Root()
	require.NoError(t, err)
	root, err := now.Root()
	require.NoError(t, err)
	require.Equal(t, was, root)
	again := []string{"anchor"}
	for path := range proofs {
		if path != gone.Path {
			require.NoError(t, os.Remove(path+proof.Suffix))
			again = append(again, path)
		}
	}
	r.run(t, again...)
	for path, want := range proofs {
		data, err := os.ReadFile(path + proof.Suffix)
		require.NoError(t, err)
		require.Equal(t, want, string(data), path)
	}
	r.run(t, "journal", "verify")
	require.NotContains(t, r.run(t, "journal", "show"), "transcript-7")
	r.run(t, "status", "show")
}

// The journal has no secret in it: no passphrase, no key, no salt of a document.
func TestJournalHasNoSecret(t *testing.T) {
	r := newRegistrar(t, builtProgram(t))
	const passphrase = "correct horse battery"
	file := filepath.Join(r.dir, "passphrase")
	require.NoError(t, os.WriteFile(file, []byte(passphrase+"\n"), 0o600))
	r.run(t, "issuer", "create", "--id", "uni.example/registrar", "--name", "Uni", "--unsafe-no-passphrase")
	keyFiles, err := filepath.Glob(filepath.Join(r.home(), "keys", "*.key"))
	require.NoError(t, err)
	require.Len(t, keyFiles, 1)
	key, err := os.ReadFile(keyFiles[0])
	require.NoError(t, err)
	r.run(t, "issuer", "create", "--id", "other.example/registrar", "--name", "Other", "--passphrase-file", file)
	folder := r.addFolder(t, 3)
	r.run(t, "anchor", "--issuer", "uni.example/registrar", folder)
	r.run(t, "anchor", "--issuer", "other.example/registrar", "--passphrase-file", file, r.addFolder(t, 1))
	r.run(t, "withdraw", "--issuer", "uni.example/registrar", "--reason", "rescinded", "--yes", filepath.Join(r.dir, folder, "transcript-1.pdf"))
	secrets := [][]byte{[]byte(passphrase)}
	for line := range bytes.Lines(key) {
		if line = bytes.TrimSpace(line); len(line) >= 32 {
			secrets = append(secrets, line)
			for word := range bytes.FieldsSeq(line) {
				if len(word) >= 40 {
					secrets = append(secrets, word)
				}
			}
		}
	}
	require.Greater(t, len(secrets), 1, "the key file has the key in a line")
	all, err := batch.Open(filepath.Join(r.home(), "batches")).List()
	require.NoError(t, err)
	for _, b := range all {
		for _, d := range b.Documents {
			secrets = append(secrets, spellings(d.Salt[:])...)
		}
	}
	looked := 0
	for path, data := range r.homeFiles(t) {
		if filepath.Base(filepath.Dir(path)) != "journal" {
			continue
		}
		looked++
		for _, secret := range secrets {
			require.False(t, bytes.Contains(data, secret), "%s holds %q", path, secret)
		}
	}
	require.Equal(t, 2, looked)
}

// checkJournal: the chain holds, and every step of every batch is there once.
func (r *registrar) checkJournal(t *testing.T, batches []*batch.Batch) {
	t.Helper()
	j := journal.Open(filepath.Join(r.home(), "journal"))
	require.NoError(t, j.Verify())
	for _, b := range batches {
		entries, err := j.OfBatch(b.ID)
		require.NoError(t, err)
		var acts []journal.Act
		for _, e := range entries {
			if e.Act != journal.List { // which is signed again where it was not kept
				acts = append(acts, e.Act)
			}
		}
		require.Equal(t, []journal.Act{journal.Plan, journal.Sign, journal.Send, journal.Confirm, journal.Complete}, acts, "batch %s", b.ID)
	}
}

// TestForgetKilled kills forget at one system call after the other. The same
// command again finishes it: of each document nothing is left, each is in the
// journal once, and the others are as they were.
func TestForgetKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: killing the program many times takes some seconds")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace, which kills at chosen system calls, is not installed")
	}
	r := newRegistrar(t, builtProgram(t))
	folder := r.addFolder(t, 60)
	r.run(t, "anchor", folder)
	before := r.one(t)
	named := []string{"withdraw", "--reason", "rescinded", "--yes"} // so the journal has their names, too
	for _, d := range before.Documents {
		named = append(named, d.Path)
	}
	r.run(t, named...)
	next, kills := 0, 0
	var gone []batch.Document
	for _, call := range []string{"fsync", "renameat", "write", "close"} {
		for n := 1; ; n += max(1, map[string]int{"write": 2, "close": 4}[call]) {
			require.Less(t, next, 59)
			d := before.Documents[next]
			next++
			gone = append(gone, d)
			killed := r.killedAt(t, strace, call, n, "forget", d.Path, "--yes")
			out, err := r.command(t.Context(), "forget", d.Path, "--yes").CombinedOutput()
			var exit *exec.ExitError
			if errors.As(err, &exit) { // it had come to its end
				require.Contains(t, string(out), "is in no batch of this home")
			} else {
				require.NoError(t, err, "%s", out)
			}
			require.Empty(t, r.traces(t, d), "%s %d", call, n)
			if !killed {
				break
			}
			kills++
		}
	}
	require.Greater(t, kills, 15)
	after := r.one(t)
	require.Equal(t, len(gone), after.Forgotten())
	for i := range before.Documents {
		if after.Documents[i].Forgotten {
			continue
		}
		want, err := before.Proof(i)
		require.NoError(t, err)
		got, err := after.Proof(i)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	}
	j := journal.Open(filepath.Join(r.home(), "journal"))
	require.NoError(t, j.Verify())
	entries, err := j.OfBatch(after.ID)
	require.NoError(t, err)
	leaves := make(map[int]int)
	for _, e := range entries {
		for _, i := range e.Leaves {
			leaves[i]++
		}
	}
	require.Len(t, leaves, len(gone))
	for i, n := range leaves {
		require.Equal(t, 1, n, "leaf %d", i)
		require.True(t, after.Documents[i].Forgotten)
	}
	r.checkHome(t)
}
