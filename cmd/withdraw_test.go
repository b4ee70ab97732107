package cmd

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
	"gradseal/trust"
)

const withdrawingID = "uni.example/registrar"

// withdrawing is a home with an issuer whose key signs for regtest only.
type withdrawing struct {
	dir string
	key *keys.Key
}

func newWithdrawing(t *testing.T) *withdrawing {
	t.Helper()
	w := &withdrawing{dir: t.TempDir()}
	require.Equal(t, exitOK, run(t, w.dir, "issuer", "create", "--id", withdrawingID, "--name", "University", "--unsafe-no-passphrase", "--no-recovery"))
	found, err := filepath.Glob(filepath.Join(w.dir, "keys", "*.key"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	w.key, err = keys.Read(found[0], func() (string, error) { return "", errors.New("encrypted") })
	require.NoError(t, err)
	return w
}

// issue signs a batch of documents with these contents, as a home can have it
// that was put together from two.
func (w *withdrawing) issue(t *testing.T, n bitcoin.Network, contents ...string) *batch.Batch {
	t.Helper()
	files := make([]batch.File, len(contents))
	for i, text := range contents {
		files[i] = batch.File{Path: filepath.Join("/nowhere", text+".pdf"), Size: 1, Digest: sha256.Sum256([]byte(text))}
	}
	s := batch.Open(filepath.Join(w.dir, "batches"))
	b, err := s.Create(batch.Head{Network: n, Issuer: withdrawingID, Created: time.Now()}, files)
	require.NoError(t, err)
	statement, err := b.NewStatement(time.Now(), nil)
	require.NoError(t, err)
	text, err := statement.Text()
	require.NoError(t, err)
	signed, err := issuer.SignNote(text, issuer.MaxStatement, w.key)
	require.NoError(t, err)
	require.NoError(t, b.SaveStatement(signed))
	return b
}

// newest is the newest list for the network; nil where there is none.
func (w *withdrawing) newest(t *testing.T, n bitcoin.Network) *trust.SignedList {
	t.Helper()
	l, _, err := trust.Open(filepath.Join(w.dir, "trust")).Status(withdrawingID, n)
	require.NoError(t, err)
	return l
}

func digestOf(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// TestWithdrawEveryEntry: a document that stands in two batches is withdrawn in
// both, and no other is.
func TestWithdrawEveryEntry(t *testing.T) {
	w := newWithdrawing(t)
	first := w.issue(t, bitcoin.Regtest, "a", "b", "c")
	second := w.issue(t, bitcoin.Regtest, "b", "d")
	require.Equal(t, exitOK, run(t, w.dir, "withdraw", digestOf("b"), "--reason", issuer.ReasonRescinded, "--yes"))
	l := w.newest(t, bitcoin.Regtest)
	require.EqualValues(t, 1, l.Sequence)
	require.Len(t, l.Withdrawn, 2)
	for _, b := range []*batch.Batch{first, second} {
		for _, d := range b.Documents {
			got, ok := l.FindWithdrawn(issuer.WithdrawalID(d.Salt, d.Digest))
			require.Equal(t, d.Digest == sha256.Sum256([]byte("b")), ok)
			if ok {
				require.Equal(t, issuer.ReasonRescinded, got.Reason)
				require.Equal(t, time.Now().UTC().Format(time.DateOnly), got.Date)
			}
		}
	}
}

// TestWithdrawOnAllNetworksOrNone: where one list cannot be signed, none is.
func TestWithdrawOnAllNetworksOrNone(t *testing.T) {
	w := newWithdrawing(t)
	w.issue(t, bitcoin.Regtest, "a", "b")
	w.issue(t, bitcoin.Testnet4, "b", "c")
	require.Equal(t, exitError, run(t, w.dir, "withdraw", digestOf("b"), "--reason", issuer.ReasonRescinded, "--yes"))
	require.Nil(t, w.newest(t, bitcoin.Regtest), "the key may not sign for testnet4")
	require.Nil(t, w.newest(t, bitcoin.Testnet4))
	require.Equal(t, exitOK, run(t, w.dir, "withdraw", digestOf("b"), "--reason", issuer.ReasonRescinded, "--network", "regtest", "--yes"))
	require.Len(t, w.newest(t, bitcoin.Regtest).Withdrawn, 1)
	require.Nil(t, w.newest(t, bitcoin.Testnet4))
}

// TestWithdrawRefusesWhatIsNotSigned: a plan issued nothing.
func TestWithdrawRefusesWhatIsNotSigned(t *testing.T) {
	w := newWithdrawing(t)
	s := batch.Open(filepath.Join(w.dir, "batches"))
	_, err := s.Create(batch.Head{Network: bitcoin.Regtest, Issuer: withdrawingID, Created: time.Now()},
		[]batch.File{{Path: "/nowhere/a.pdf", Size: 1, Digest: sha256.Sum256([]byte("a"))}})
	require.NoError(t, err)
	require.Equal(t, exitError, run(t, w.dir, "withdraw", digestOf("a"), "--reason", issuer.ReasonRescinded, "--yes"))
	// Nor is a forgotten row found by the digest that it has no more.
	require.Equal(t, exitError, run(t, w.dir, "withdraw", fmt.Sprintf("%064d", 0), "--reason", issuer.ReasonRescinded, "--yes"))
	require.Nil(t, w.newest(t, bitcoin.Regtest))
}

func TestWithdrawalDate(t *testing.T) {
	now := time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)
	for day, ok := range map[string]bool{"": true, "2026-11-23": true, "2026-01-01": true, "2026-11-26": false, "2026-02-29": false, "23.11.2026": false, "2026-11-23 ": false} {
		got, err := withdrawalDate(day, now)
		require.Equal(t, ok, err == nil, day)
		if day == "" {
			day = "2026-11-23"
		}
		if ok {
			require.Equal(t, day, got)
		}
	}
}

func TestIssuedPaths(t *testing.T) {
	w := newWithdrawing(t)
	b := w.issue(t, bitcoin.Regtest, "2026/s1", "2027/s1", "2027/s2")
	issued := pathsOf([]*batch.Batch{b}, withdrawingID)
	for name, want := range map[string]string{
		"2026/s1.pdf": "2026/s1", `2027\s1.pdf`: "2027/s1", "s2.pdf": "2027/s2", "./s2.pdf": "2027/s2", "/nowhere/2027/s2.pdf": "2027/s2",
		"s1.pdf": "", "s3.pdf": "", "27/s1.pdf": "", "2.pdf": "", "": "", "..": "", "S2.pdf": "",
	} {
		digest, fault := issued.find(name)
		require.Equal(t, want == "", fault != "", name)
		if want != "" {
			require.Equal(t, sha256.Sum256([]byte(want)), digest, name)
		}
	}
	require.Empty(t, pathsOf([]*batch.Batch{b}, "other.example"))
}
