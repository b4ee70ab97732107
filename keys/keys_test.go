package keys_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"gradseal/bitcoin"
	"gradseal/issuer"
	"gradseal/keys"
)

const (
	testID     = "uni.example/registrar"
	passphrase = "correct horse battery"
	plainTitle = "gradseal secret key v1"
)

func generate(t testing.TB) *keys.Key {
	t.Helper()
	k, err := keys.Generate(testID)
	require.NoError(t, err)
	return k
}

// save writes a file with exactly these bytes.
func save(t testing.TB, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret.key")
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// unsafeFile returns the key as WriteUnsafe writes it: title and key pair.
func unsafeFile(t testing.TB, k *keys.Key) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "unsafe.key")
	require.NoError(t, k.WriteUnsafe(path))
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// secretOf returns the base64 of the seed: no text but a key file may hold it.
func secretOf(t testing.TB, k *keys.Key) string {
	t.Helper()
	fields := strings.SplitN(strings.TrimSpace(string(unsafeFile(t, k))), "+", 5)
	require.Len(t, fields, 5)
	require.Len(t, fields[4], 44)
	return fields[4]
}

// holdsPart tells whether text has 8 characters of the secret in a row.
func holdsPart(text, secret string) bool {
	for i := range len(secret) - 7 {
		if strings.Contains(text, secret[i:i+8]) {
			return true
		}
	}
	return false
}

// encrypt is what Write does, for any content, any recipient and without the
// second that scrypt's real work factor takes.
func encrypt(t testing.TB, text string, to age.Recipient) []byte {
	t.Helper()
	var buf bytes.Buffer
	armored := armor.NewWriter(&buf)
	w, err := age.Encrypt(armored, to)
	require.NoError(t, err)
	_, err = io.WriteString(w, text)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.NoError(t, armored.Close())
	return buf.Bytes()
}

func scryptRecipient(t testing.TB, workFactor int) age.Recipient {
	t.Helper()
	r, err := age.NewScryptRecipient(passphrase)
	require.NoError(t, err)
	r.SetWorkFactor(workFactor)
	return r
}

func encryptCheaply(t testing.TB, text string) []byte {
	return encrypt(t, text, scryptRecipient(t, 1))
}

// asking returns a passphrase callback and the number of its calls.
func asking(answer string) (func() (string, error), *int) {
	calls := new(int)
	return func() (string, error) {
		*calls++
		return answer, nil
	}, calls
}

func never(t testing.TB) func() (string, error) {
	return func() (string, error) {
		require.FailNow(t, "asked for a passphrase")
		return "", nil
	}
}

func requireSameKey(t testing.TB, want, got *keys.Key) {
	t.Helper()
	require.Equal(t, want.Name(), got.Name())
	require.Equal(t, want.KeyHash(), got.KeyHash())
	require.Equal(t, want.PublicKey(), got.PublicKey())
	message := []byte("one message\n")
	a, err := want.Sign(message)
	require.NoError(t, err)
	b, err := got.Sign(message)
	require.NoError(t, err)
	require.Equal(t, a, b, "Ed25519 is deterministic")
}

// requireAllows: an encrypted key signs for every network, another for regtest.
func requireAllows(t testing.TB, k *keys.Key, encrypted bool) {
	t.Helper()
	for _, n := range bitcoin.Networks() {
		err := k.Allows(n)
		if encrypted || n == bitcoin.Regtest {
			require.NoError(t, err, n.String())
			continue
		}
		require.ErrorContains(t, err, "not encrypted", n.String())
		require.ErrorContains(t, err, n.String())
	}
	if !encrypted {
		require.Error(t, k.Allows(0), "a forgotten network")
	}
}

func requireMode(t testing.TB, path string) {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, fs.FileMode(0o600), info.Mode())
	}
}

// requireOnly: no temporary file is left beside the named ones.
func requireOnly(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.Equal(t, append([]string{}, want...), got)
}

func TestGenerate(t *testing.T) {
	a, b := generate(t), generate(t)
	require.NotEqual(t, a.PublicKey(), b.PublicKey())
	require.Equal(t, testID, a.Name())
	require.Equal(t, a.PublicKey().ID(testID), a.KeyHash())
	_, err := issuer.ParsePublicKey(a.PublicKey().String())
	require.NoError(t, err)
	requireAllows(t, a, false)

	for _, id := range []string{"", "Uni", "uni example", "uni+example", "uni\n", strings.Repeat("a", 101)} {
		k, err := keys.Generate(id)
		require.Error(t, err, "%q", id)
		require.Nil(t, k)
	}
}

// The one test with the real work factor: about a second each way.
func TestWriteAndRead(t *testing.T) {
	k := generate(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "id.key")
	require.NoError(t, k.Write(path, passphrase))
	requireAllows(t, k, true)
	requireMode(t, path)
	requireOnly(t, dir, "id.key")

	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.False(t, holdsPart(string(data), secretOf(t, k)))
	require.True(t, bytes.HasPrefix(data, []byte(armor.Header)))

	binary, err := io.ReadAll(armor.NewReader(bytes.NewReader(data)))
	require.NoError(t, err)
	require.Regexp(t, `^age-encryption.org/v1\n-> scrypt [A-Za-z0-9+/]{22} 18\n`, string(binary[:60]))

	ask, calls := asking(passphrase)
	if raceDetector { // a file of the same shape in place of another eight seconds
		require.NoError(t, os.WriteFile(path, encryptCheaply(t, string(unsafeFile(t, k))), 0o600))
	}
	read, err := keys.Read(path, ask)
	require.NoError(t, err)
	require.Equal(t, 1, *calls)
	requireSameKey(t, k, read)
	requireAllows(t, read, true)
}

func TestShortPassphraseIsRefused(t *testing.T) {
	k := generate(t)
	dir := t.TempDir()
	for _, p := range []string{"", "1", "1234567"} {
		err := k.Write(filepath.Join(dir, "id.key"), p)
		require.ErrorContains(t, err, fmt.Sprintf("%d bytes, want at least %d", len(p), keys.MinPassphrase))
	}
	requireOnly(t, dir)
	requireAllows(t, k, false)
}

func TestExistingFileIsNotTouched(t *testing.T) {
	k := generate(t)
	writers := map[string]func(path string) error{"unsafe": k.WriteUnsafe, "recovery": k.WriteRecovery}
	if !raceDetector { // another eight seconds
		writers["encrypted"] = func(path string) error { return k.Write(path, passphrase) }
	}
	for name, write := range writers {
		t.Run(name, func(t *testing.T) {
			path := save(t, []byte("somebody's last key"))
			require.ErrorIs(t, write(path), fs.ErrExist)
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "somebody's last key", string(data))
			requireOnly(t, filepath.Dir(path), "secret.key")
			// A key that was not saved under a passphrase is none that was.
			requireAllows(t, k, false)
		})
	}
}

func TestPlainFiles(t *testing.T) {
	k := generate(t)
	tests := []struct {
		name, says string
		write      func(path string) error
	}{
		{"unsafe", "NOT ENCRYPTED", k.WriteUnsafe},
		{"recovery", "RECOVERY", k.WriteRecovery},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "plain.key")
			require.NoError(t, test.write(path))
			requireMode(t, path)
			requireOnly(t, dir, "plain.key")
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			first, _, _ := strings.Cut(string(data), "\n")
			require.Contains(t, first, test.says)
			require.False(t, bytes.HasPrefix(data, []byte(armor.Header)))
			read, err := keys.Read(path, never(t))
			require.NoError(t, err)
			requireSameKey(t, k, read)
			requireAllows(t, read, false)
		})
	}
}

// A plain key that somebody saves under a passphrase signs for all networks
// when it is read from there, and still not when it is read from the old file.
func TestEncryptionIsAPropertyOfTheFile(t *testing.T) {
	k := generate(t)
	plain := unsafeFile(t, k)
	ask, _ := asking(passphrase)
	read, err := keys.Read(save(t, encryptCheaply(t, string(plain))), ask)
	require.NoError(t, err)
	requireAllows(t, read, true)
	read, err = keys.Read(save(t, plain), never(t))
	require.NoError(t, err)
	requireAllows(t, read, false)
}

func TestWrongPassphrase(t *testing.T) {
	k := generate(t)
	path := save(t, encryptCheaply(t, string(unsafeFile(t, k))))
	for _, wrong := range []string{passphrase + " ", strings.ToUpper(passphrase), "x"} {
		ask, calls := asking(wrong)
		read, err := keys.Read(path, ask)
		require.ErrorIs(t, err, keys.ErrPassphrase)
		require.ErrorContains(t, err, path)
		require.NotContains(t, err.Error(), passphrase)
		require.Nil(t, read)
		require.Equal(t, 1, *calls)
	}
	ask, _ := asking("")
	_, err := keys.Read(path, ask)
	require.ErrorContains(t, err, "empty")

	mine := errors.New("no terminal")
	_, err = keys.Read(path, func() (string, error) { return "", mine })
	require.ErrorIs(t, err, mine)
}

func TestReadRefuses(t *testing.T) {
	k := generate(t)
	good := string(unsafeFile(t, k))
	_, pair, _ := strings.Cut(good, "\n")
	secret := secretOf(t, k)
	public, err := note.NewEd25519VerifierKey(testID, bytes.Clone(pubBytes(k)))
	require.NoError(t, err)
	otherName, _, err := note.GenerateKey(rand.Reader, "Uni")
	require.NoError(t, err)
	x25519, err := age.GenerateX25519Identity()
	require.NoError(t, err)

	const notAKey = "not a gradseal secret key"
	tests := []struct {
		name string
		data string
		want string
	}{
		{"empty file", "", notAKey},
		{"other text", "%PDF-1.7\n", notAKey},
		{"title alone", plainTitle + "\n", notAKey},
		{"no key", plainTitle + "\n\n", "malformed key file"},
		{"later version", strings.Replace(good, " v1", " v2", 1), notAKey},
		{"no title", pair, notAKey},
		{"no final line feed", strings.TrimSuffix(good, "\n"), notAKey},
		{"one more line", good + "\n", notAKey},
		{"two keys", good + pair, notAKey},
		{"CRLF", strings.ReplaceAll(good, "\n", "\r\n"), notAKey},
		{"CR in the secret", strings.Replace(good, secret, secret[:10]+"\r"+secret[10:], 1), "malformed key file"},
		{"byte order mark", "\ufeff" + good, notAKey},
		{"public key", plainTitle + "\n" + public + "\n", "malformed key file"},
		{"name that is no issuer id", plainTitle + "\n" + otherName + "\n", "issuer id"},
		{"other name", strings.Replace(good, testID, "uni.example/registrat", 1), "malformed key file"},
		{"short secret", strings.Replace(good, secret, secret[:40], 1), "malformed key file"},
		{"unknown algorithm", strings.Replace(good, secret, "Ag"+secret[2:], 1), "malformed key file"},
		{"title of another", "gradseal secret key v1, NOT ENCRYPTED\n" + pair, notAKey},
		{"oversize", good + strings.Repeat("\n", 16<<10), "more than 16384 bytes"},
		{"encrypted, other text", string(encryptCheaply(t, "hello\n")), notAKey},
		{"encrypted, nothing", string(encryptCheaply(t, "")), notAKey},
		{"encrypted twice", string(encryptCheaply(t, string(encryptCheaply(t, good)))), notAKey},
		{"encrypted to a public key", string(encrypt(t, good, x25519.Recipient())), "malformed key file"},
		{"encrypted, and text after it", string(encryptCheaply(t, good)) + good, "malformed key file"},
		{"armor alone", armor.Header + "\n" + armor.Footer + "\n", "malformed key file"},
		{"armor begun", armor.Header, "malformed key file"},
		{"work factor 23", string(withWorkFactor(t, good, "23")), "work factor"},
		{"work factor 64", string(withWorkFactor(t, good, "64")), "work factor"},
		{"work factor 0", string(withWorkFactor(t, good, "0")), "work factor"},
		{"work factor 022", string(withWorkFactor(t, good, "022")), "work factor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := save(t, []byte(test.data))
			ask, _ := asking(passphrase)
			start := time.Now()
			read, err := keys.Read(path, ask)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, path)
			require.NotErrorIs(t, err, keys.ErrPassphrase)
			require.False(t, holdsPart(err.Error(), secret), err.Error())
			require.Nil(t, read)
			require.Less(t, time.Since(start), 5*time.Second, "no scrypt was run for it")
		})
	}
}

func pubBytes(k *keys.Key) []byte {
	public := k.PublicKey()
	return public[:]
}

// withWorkFactor returns an encrypted file whose header asks for another work
// factor than the one that it was made with.
func withWorkFactor(t *testing.T, text, factor string) []byte {
	t.Helper()
	binary, err := io.ReadAll(armor.NewReader(bytes.NewReader(encryptCheaply(t, text))))
	require.NoError(t, err)
	header, rest, ok := bytes.Cut(binary, []byte(" 1\n"))
	require.True(t, ok)
	require.Contains(t, string(header), "-> scrypt ")
	var buf bytes.Buffer
	w := armor.NewWriter(&buf)
	_, err = fmt.Fprintf(w, "%s %s\n%s", header, factor, rest)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func TestReadWithoutFile(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.key")
	_, err := keys.Read(missing, never(t))
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = keys.Read(dir, never(t))
	require.ErrorContains(t, err, dir)
}

// Every flip of one bit, and every shorter file, is an error: the key id in the
// file covers name and secret. The error tells nothing of the secret.
func TestDamagedPlainFile(t *testing.T) {
	k := generate(t)
	secret := secretOf(t, k)
	good := unsafeFile(t, k)
	path := save(t, good)
	try := func(data []byte, where string) {
		require.NoError(t, os.WriteFile(path, data, 0o600))
		_, err := keys.Read(path, never(t))
		require.Error(t, err, where)
		require.False(t, holdsPart(err.Error(), secret), "%s: %v", where, err)
	}
	for i := range good {
		for bit := range 8 {
			data := bytes.Clone(good)
			data[i] ^= 1 << bit
			try(data, fmt.Sprintf("bit %d of byte %d", bit, i))
		}
	}
	for n := range len(good) {
		try(good[:n], fmt.Sprintf("%d bytes", n))
	}
}

// An encrypted file is authenticated: damaged it is an error or reads the same.
func TestDamagedEncryptedFile(t *testing.T) {
	k := generate(t)
	good := encryptCheaply(t, string(unsafeFile(t, k)))
	path := save(t, good)
	failed := 0
	for i := range good {
		data := bytes.Clone(good)
		data[i] ^= 1 << (i % 7)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		ask, _ := asking(passphrase)
		read, err := keys.Read(path, ask)
		if err != nil {
			failed++
			continue
		}
		requireSameKey(t, k, read)
	}
	require.Greater(t, failed, len(good)*9/10)
	for n := range len(good) - 1 { // the final line feed is armor's to demand
		require.NoError(t, os.WriteFile(path, good[:n], 0o600))
		ask, _ := asking(passphrase)
		_, err := keys.Read(path, ask)
		require.Error(t, err, "%d of %d bytes", n, len(good))
	}
}

// The signature is one for golang.org/x/mod's verifier and for the issuer file
// that names the key, and for no other.
func TestSignatureVerifies(t *testing.T) {
	k := generate(t)
	text := "gradseal statement v1\nwhatever it says\n"
	signed, err := issuer.SignNote(text, issuer.MaxStatement, k)
	require.NoError(t, err)

	verifierKey, err := note.NewEd25519VerifierKey(testID, pubBytes(k))
	require.NoError(t, err)
	verifier, err := note.NewVerifier(verifierKey)
	require.NoError(t, err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	require.NoError(t, err)
	require.Equal(t, text, opened.Text)
	require.Len(t, opened.Sigs, 1)

	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	n, err := issuer.ParseNote(signed, issuer.MaxStatement)
	require.NoError(t, err)
	signers, err := fileOf(k, now).CheckSignatures(n, now)
	require.NoError(t, err)
	require.Equal(t, k.PublicKey(), signers[0].Public)
	_, err = fileOf(generate(t), now).CheckSignatures(n, now)
	require.ErrorIs(t, err, issuer.ErrUnknownSigner)
}

func fileOf(k *keys.Key, now time.Time) *issuer.File {
	return &issuer.File{ID: testID, Name: "University", Sequence: 1, Sets: []issuer.KeySet{{
		From: now.Add(-24 * time.Hour), Threshold: 1,
		Keys: []issuer.Key{{Public: k.PublicKey(), Holder: "Registrar"}},
	}}}
}

func TestPrintedKeyShowsNoSecret(t *testing.T) {
	k := generate(t)
	secret := secretOf(t, k)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, key := range []any{k, *k, []*keys.Key{k}} {
			printed := fmt.Sprintf(verb, key)
			require.False(t, holdsPart(printed, secret), verb)
		}
	}
	require.Equal(t, "secret key of "+testID, fmt.Sprint(k))
}
