//go:build pkcs11 && cgo

package token

import (
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/issuer"
)

const (
	testID  = "uni.example/registrar"
	testPIN = "2468"
)

// The tokens of the tests. Whoever is logged in to one stays so until the program
// ends, so that tests of PINs have one each.
var testTokens = []string{"sign", "existing", "wrong pin", "no pin", "twice", "twice", "other keys"}

var softHSMOnce = sync.OnceValues(makeTokens)

var testDir string

func TestMain(m *testing.M) {
	code := m.Run()
	os.RemoveAll(testDir)
	os.Exit(code)
}

// softHSM returns the library of Debian's softhsm2, with tokens in a directory of
// the tests. The package softhsm2 must be installed where this is built.
func softHSM(t *testing.T) string {
	t.Helper()
	library, err := softHSMOnce()
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") == "" {
		t.Skip("SoftHSM is not installed")
	}
	require.NoError(t, err)
	return library
}

func makeTokens() (library string, err error) {
	for _, library = range []string{os.Getenv("TEST_SOFTHSM"), "/usr/lib/softhsm/libsofthsm2.so", "/usr/lib64/softhsm/libsofthsm2.so", "/opt/homebrew/lib/softhsm/libsofthsm2.so"} {
		if _, err = os.Stat(library); err == nil {
			break
		}
	}
	if err != nil {
		return "", err
	}
	if testDir, err = os.MkdirTemp("", "gradseal-token-"); err != nil {
		return "", err
	}
	conf := filepath.Join(testDir, "softhsm2.conf")
	if err := os.WriteFile(conf, []byte("directories.tokendir = "+testDir+"\nobjectstore.backend = file\nlog.level = ERROR\n"), 0o600); err != nil {
		return "", err
	}
	if err := os.Setenv("SOFTHSM2_CONF", conf); err != nil {
		return "", err
	}
	for _, label := range testTokens {
		out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--so-pin", "13579", "--pin", testPIN).CombinedOutput()
		if err != nil {
			return "", errors.New(string(out) + err.Error())
		}
	}
	return library, nil
}

func pin(s string) func() (string, error) { return func() (string, error) { return s, nil } }

// A key is made in the token, signs, is found again by its reference, and its
// signatures are those of Ed25519.
func TestGenerateAndSign(t *testing.T) {
	library := softHSM(t)
	require.True(t, Built())
	k, err := Generate(Place{library, "sign", pin(testPIN)}, testID, "first")
	require.NoError(t, err)
	require.Equal(t, testID, k.Name())
	require.Equal(t, k.PublicKey().ID(testID), k.KeyHash())
	require.NoError(t, k.Allows(bitcoin.Mainnet))

	text, err := k.Reference().Marshal()
	require.NoError(t, err)
	ref, err := ParseReference(text)
	require.NoError(t, err)
	require.Equal(t, k.Reference(), ref)
	require.NotEmpty(t, ref.Serial)

	again, err := Open(ref, func() (string, error) { return "", errors.New("asked for the PIN a second time") })
	require.NoError(t, err)
	public := again.PublicKey()
	for _, message := range []string{"", "a\n", string(make([]byte, 1<<20))} {
		sig, err := again.Sign([]byte(message))
		require.NoError(t, err)
		require.True(t, ed25519.Verify(public[:], []byte(message), sig))
	}
	signed, err := issuer.SignNote("some text\n", issuer.MaxStatement, again)
	require.NoError(t, err)
	require.Contains(t, string(signed), "\n— "+testID+" ")
}

// A key that is there is taken by its label, unless it can leave the token.
func TestFind(t *testing.T) {
	library := softHSM(t)
	place := Place{library, "existing", pin(testPIN)}
	_, err := Find(place, testID, "first")
	require.ErrorIs(t, err, ErrNoKey)
	made, err := Generate(place, testID, "first")
	require.NoError(t, err)
	found, err := Find(place, testID, "first")
	require.NoError(t, err)
	require.Equal(t, made.PublicKey(), found.PublicKey())

	_, err = Generate(place, testID, "first")
	require.NoError(t, err)
	_, err = Find(place, testID, "first")
	require.ErrorContains(t, err, "several")
}

// Keys that are no good to sign with: one that can leave the token, and one of
// another curve under the id of a reference.
func TestUnfitKeys(t *testing.T) {
	library := softHSM(t)
	s, err := openSession(Place{library, "other keys", pin(testPIN)}, "")
	require.NoError(t, err)
	make := func(label string, mechanism uint, curve []byte, extractable bool) {
		t.Helper()
		_, _, err := s.ctx.GenerateKeyPair(s.handle, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)},
			[]*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, curve),
				pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(label)),
			}, []*pkcs11.Attribute{
				pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
				pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, extractable), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true),
				pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(label)),
			})
		require.NoError(t, err)
	}
	make("loose", mechanismGenerate, curveName, true)
	make("p256", pkcs11.CKM_EC_KEY_PAIR_GEN, []byte{0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07}, false)
	make("ed448", mechanismGenerate, append([]byte{0x13, 0x0a}, "edwards448"...), false)
	make("good", mechanismGenerate, curveName, false)

	place := Place{Module: library, Label: "other keys"}
	_, err = Find(place, testID, "loose")
	require.ErrorContains(t, err, "can be taken out of the token")
	_, err = Find(place, testID, "p256")
	require.ErrorIs(t, err, ErrNoKey)
	_, err = Find(place, testID, "ed448")
	require.ErrorContains(t, err, "curve")

	good, err := Find(place, testID, "good")
	require.NoError(t, err)
	ref := good.Reference()
	ref.KeyID = []byte("loose")
	_, err = Open(ref, nil)
	require.ErrorContains(t, err, "can be taken out")
	ref.KeyID = []byte("nowhere")
	_, err = Open(ref, nil)
	require.ErrorIs(t, err, ErrNoKey)
	ref = good.Reference()
	ref.Public[0] ^= 1
	_, err = Open(ref, nil)
	require.ErrorContains(t, err, "the token has the key "+good.PublicKey().String())
}

// A wrong PIN is tried once.
func TestWrongPIN(t *testing.T) {
	library := softHSM(t)
	for _, wrong := range []string{"1357", "1"} {
		asked := 0
		_, err := Generate(Place{library, "wrong pin", func() (string, error) { asked++; return wrong, nil }}, testID, "first")
		require.ErrorIs(t, err, ErrPIN, "%q", wrong)
		require.Equal(t, 1, asked)
	}
	_, err := Generate(Place{library, "wrong pin", pin(testPIN)}, testID, "first")
	require.NoError(t, err)

	_, err = Generate(Place{library, "no pin", pin("")}, testID, "first")
	require.ErrorContains(t, err, "no PIN was given")
	gone := errors.New("nobody answers")
	_, err = Generate(Place{library, "no pin", func() (string, error) { return "", gone }}, testID, "first")
	require.ErrorIs(t, err, gone)
}

// A token is found by its label, and two with one label by the serial number.
func TestPlaces(t *testing.T) {
	library := softHSM(t)
	_, err := Find(Place{library, "nowhere", pin(testPIN)}, testID, "first")
	require.ErrorIs(t, err, ErrNoToken)
	require.ErrorContains(t, err, `"sign"`)
	_, err = Find(Place{library, "twice", pin(testPIN)}, testID, "first")
	require.ErrorContains(t, err, `2 tokens have the label "twice"`)
	_, err = Find(Place{filepath.Join(testDir, "no.so"), "sign", pin(testPIN)}, testID, "first")
	require.ErrorContains(t, err, "cannot be loaded as a PKCS#11 library")
	conf := filepath.Join(testDir, "softhsm2.conf")
	_, err = Find(Place{conf, "sign", pin(testPIN)}, testID, "first")
	require.ErrorContains(t, err, "cannot be loaded as a PKCS#11 library")
}
