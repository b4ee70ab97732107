package coinkey

import (
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"filippo.io/age/armor"
	"github.com/btcsuite/btcd/txscript/v2"
	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
)

// The extended master key of BIP 84 and BIP 86, of the mnemonic that is eleven
// times abandon, and about.
const bipMaster = "xprv9s21ZrQH143K3GJpoapnV8SFfukcVBSfeCficPSGfubmSFDxo1kuHnLisriDvSnRRuL2Qrg5ggqHKNVpxR86QEC8w35uxmGoggxtQTPvfUu"

// testMaster is one of the test networks: the master key of the seed
// 000102030405060708090a0b0c0d0e0f, as in BIP 32's first vector.
const testMaster = "tprv8ZgxMBicQKsPeDgjzdC36fs6bMjGApWDNLR9erAXMs5skhMv36j9MV5ecvfavji5khqjWaWSFhN3YcCUUdiKH6isR4Pwy3U5y5egddBr16m"

func parse(t testing.TB, text string, n bitcoin.Network) *Key {
	t.Helper()
	k, err := Parse(text, n)
	require.NoError(t, err)
	return k
}

// TestChecksum has the vectors of BIP 380.
func TestChecksum(t *testing.T) {
	got, err := cutChecksum("raw(deadbeef)#89f8spxm")
	require.NoError(t, err)
	require.Equal(t, "raw(deadbeef)", got)
	require.Equal(t, "raw(deadbeef)#89f8spxm", withChecksum(got))
	for name, tc := range map[string]struct{ text, want string }{
		"no checksum":        {"raw(deadbeef)", "it has no checksum"},
		"empty":              {"raw(deadbeef)#", "of 0 characters, want 8"},
		"too long":           {"raw(deadbeef)#89f8spxmx", "of 9 characters, want 8"},
		"too short":          {"raw(deadbeef)#89f8spx", "of 7 characters, want 8"},
		"error in payload":   {"raw(dedbeef)#89f8spxm", "the checksum is wrong"},
		"error in checksum":  {"raw(deadbeef)##9f8spxm", "the checksum is wrong"},
		"invalid characters": {"raw(Ü)#00000000", "character 5 is none of a descriptor"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cutChecksum(tc.text)
			require.ErrorContains(t, err, tc.want)
		})
	}
}

// TestChecksumFindsErrors: one or two wrong characters never pass (BIP 380
// promises it of up to four, of which most).
func TestChecksumFindsErrors(t *testing.T) {
	good := withChecksum("wpkh(" + testMaster + "/84h/1h/0h/0/0)")
	for i := range good {
		for _, c := range []byte("q1(/") {
			bad := []byte(good)
			if bad[i] == c {
				continue
			}
			bad[i] = c
			_, err := Parse(string(bad), bitcoin.Regtest)
			require.Error(t, err)
			j := (i*7 + 3) % len(bad)
			bad[j] ^= 1
			_, err = Parse(string(bad), bitcoin.Regtest)
			require.Error(t, err)
		}
	}
}

func TestBIP84And86(t *testing.T) {
	for _, tc := range []struct{ descriptor, public, script, address string }{
		{
			"wpkh(" + bipMaster + "/84h/0h/0h/0/0)", "0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c",
			"", "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu",
		},
		{
			"wpkh(" + bipMaster + "/84'/0'/0'/0/1)", "03e775fd51f0dfb8cd865d9ff1cca2a158cf651fe997fdc9fee9c1d3b5e995ea77",
			"", "bc1qnjg0jd8228aq7egyzacy8cys3knf9xvrerkf9g",
		},
		{
			"tr(" + bipMaster + "/86'/0'/0'/0/0)", "cc8a4bc64d897bddc5fbc2f670f7a8ba0b386779106cf1223c6fc5d7cd6fc115",
			"5120a60869f0dbcf1dc659c9cecbaf8050135ea9e8cdc487053f1dc6880949dc684c", "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr",
		},
		{
			"tr(" + bipMaster + "/86h/0h/0h/1/0)", "399f1b2f4393f29a18c937859c5dd8a77350103157eb880f02e8c08214277cef",
			"5120882d74e5d0572d5a816cef0041a96b6c1de832f6f9676d9605c44d5e9a97d3dc", "bc1p3qkhfews2uk44qtvauqyr2ttdsw7svhkl9nkm9s9c3x4ax5h60wqwruhk7",
		},
	} {
		k := parse(t, withChecksum(tc.descriptor), bitcoin.Mainnet)
		p := k.Public()
		require.Equal(t, tc.address, p.Address())
		compressed := hex.EncodeToString(p.PublicKey().SerializeCompressed())
		require.True(t, strings.HasSuffix(compressed, tc.public), compressed)
		require.True(t, k.Private().PubKey().IsEqual(p.PublicKey()))
		if tc.script != "" {
			require.Equal(t, tc.script, hex.EncodeToString(p.Script()))
		}
		require.Equal(t, p.Type() == P2TR, txscript.IsPayToTaproot(p.Script()))
		fingerprint, path := p.Origin()
		require.Equal(t, "73c5da0a", hex.EncodeToString(fingerprint[:]))
		require.Len(t, path, 5)

		// The public descriptor is the same address.
		again, err := ParsePublic(p.String(), bitcoin.Mainnet)
		require.NoError(t, err)
		require.Equal(t, p.String(), again.String())
		require.Equal(t, p.Script(), again.Script())
		fingerprintAgain, pathAgain := again.Origin()
		require.Equal(t, fingerprint, fingerprintAgain)
		require.Equal(t, path, pathAgain)
		require.NotContains(t, p.String(), "prv")
	}
}

// TestDescriptorVectors has the vectors of BIP 382 and BIP 386 that are of one
// address and one key, and of which the secret key is not in WIF.
func TestDescriptorVectors(t *testing.T) {
	for _, tc := range []struct {
		descriptor string
		secret     bool
		script     string
	}{
		{"wpkh([ffffffff/13']xprv9vHkqa6EV4sPZHYqZznhT2NPtPCjKuDKGY38FBWLvgaDx45zo9WQRUT3dKYnjwih2yJD9mkrocEZXo1ex8G81dwSM1fwqWpWkeS3v86pgKt/1/2/0)", true, "0014326b2249e3a25d5dc60935f044ee835d090ba859"},
		{"wpkh([ffffffff/13']xpub69H7F5d8KSRgmmdJg2KhpAK8SR3DjMwAdkxj3ZuxV27CprR9LgpeyGmXUbC6wb7ERfvrnKZjXoUmmDznezpbZb7ap6r1D3tgFxHmwMkQTPH/1/2/0)", false, "0014326b2249e3a25d5dc60935f044ee835d090ba859"},
		{"tr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)", false, "512077aab6e066f8a7419c5ab714c12c67d25007ed55a43cadcacb4d7a970a093f11"},
	} {
		text := withChecksum(tc.descriptor)
		var p *Public
		if tc.secret {
			p = parse(t, text, bitcoin.Mainnet).Public()
			_, err := ParsePublic(text, bitcoin.Mainnet)
			require.ErrorContains(t, err, "holds a secret key")
		} else {
			var err error
			p, err = ParsePublic(text, bitcoin.Mainnet)
			require.NoError(t, err)
			_, err = Parse(text, bitcoin.Mainnet)
			require.ErrorContains(t, err, "holds a public key")
			require.Equal(t, strings.ReplaceAll(tc.descriptor, "'", "h"), strings.Split(p.String(), "#")[0])
		}
		require.Equal(t, tc.script, hex.EncodeToString(p.Script()))
	}
}

func TestOrigin(t *testing.T) {
	for _, tc := range []struct{ secret, public, path string }{
		{testMaster, "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp", ""},
		{testMaster + "/0/7", "tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0/7", "/0/7"},
		{testMaster + "/0h", "[3442193e/0h]", "/0h"},
		{testMaster + "/5/84h/1/2", "[3442193e/5/84h]", "/5/84h/1/2"},
		{"[0a0b0c0d/1/2']" + testMaster + "/0", "[0a0b0c0d/1/2h]tpubD6", "/1/2h/0"},
		{"[0a0b0c0d]" + testMaster + "/0h/3", "[0a0b0c0d/0h]", "/0h/3"},
	} {
		for _, typ := range []Type{P2WPKH, P2TR} {
			k := parse(t, withChecksum(typ.String()+"("+tc.secret+")"), bitcoin.Testnet4)
			require.True(t, strings.HasPrefix(k.Public().String(), typ.String()+"("+tc.public), k.Public().String())
			_, path := k.Public().Origin()
			require.Equal(t, tc.path, formatPath(path))
			p, err := ParsePublic(k.Public().String(), bitcoin.Testnet4)
			require.NoError(t, err)
			require.Equal(t, k.Public().Address(), p.Address())
			_, again := p.Origin()
			require.Equal(t, path, again)
		}
	}
}

func TestWIF(t *testing.T) {
	// Of BIP 84's first address.
	k := parse(t, "KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d", bitcoin.Mainnet)
	require.Equal(t, "bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyu", k.Public().Address())
	require.Equal(t, withChecksum("wpkh(0330d54fd0dd420a6e5f8d3624f5f3482cae350f79d5f0753bf5beef9c2d91af3c)"), k.Public().String())
	p, err := ParsePublic(k.Public().String(), bitcoin.Mainnet)
	require.NoError(t, err)
	require.Equal(t, k.Public(), p)

	_, err = Parse("KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9d", bitcoin.Regtest)
	require.EqualError(t, err, "invalid key: it is one of mainnet, want one of the test networks")
	// BIP 381's uncompressed key.
	_, err = Parse("5KYZdUEo39z3FPrtuX2QbbwGnNP5zTd7yyr2SC1j299sBCnWjss", bitcoin.Mainnet)
	require.ErrorContains(t, err, "uncompressed")
	_, err = Parse("KyZpNDKnfs94vbrwhJneDi77V6jF64PWPF8x5cdJb8ifgg2DUc9e", bitcoin.Mainnet)
	require.ErrorContains(t, err, "malformed key")
}

func TestParseErrors(t *testing.T) {
	wpkh := func(key string) string { return withChecksum("wpkh(" + key + ")") }
	const hexKey = "02a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd"
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "", "malformed key"},
		{"words", "abandon abandon abandon", "malformed key"},
		{"long", strings.Repeat("(", 513), "513 bytes, want at most 512"},
		{"no checksum", "wpkh(" + testMaster + ")", "no checksum"},
		{"extended key alone", testMaster, "malformed key: want a descriptor"},
		{"pkh", withChecksum("pkh(" + testMaster + ")"), "unsupported descriptor"},
		{"sh", withChecksum("sh(wpkh(" + testMaster + "))"), "unsupported descriptor"},
		{"wsh", withChecksum("wsh(pk(" + testMaster + "))"), "unsupported descriptor"},
		{"tree", withChecksum("tr(" + testMaster + ",pk(" + testMaster + "))"), "unsupported descriptor"},
		{"WIF in a descriptor", wpkh("cVFf7UDoNoLWUqRn6rPzk1nNhYtpqkTQp4sZAL2VmBbXPSRtXvDc"), "malformed key"},
		{"addr", withChecksum("addr(bcrt1q)"), "unsupported descriptor"},
		{"no parenthesis", withChecksum("wpkh(" + testMaster), "parenthesis"},
		{"two keys", withChecksum("wpkh(" + testMaster + "," + testMaster + ")"), "unsupported descriptor"},
		{"wildcard", wpkh(testMaster + "/0/*"), "it is for many addresses"},
		{"hardened wildcard", wpkh(testMaster + "/0/*h"), "unsupported descriptor"},
		{"multipath", wpkh(testMaster + "/<0;1>/0"), "unsupported descriptor"},
		{"trailing slash", wpkh(testMaster + "/0/"), "malformed path"},
		{"empty step", wpkh(testMaster + "//0"), "malformed path"},
		{"two marks", wpkh(testMaster + "/0hh"), "malformed path"},
		{"capital mark", wpkh(testMaster + "/0H"), "malformed path"},
		{"leading zero", wpkh(testMaster + "/00"), "malformed path"},
		{"sign", wpkh(testMaster + "/+1"), "malformed path"},
		{"step out of range", wpkh(testMaster + "/2147483648"), "malformed path"},
		{"word in the path", wpkh(testMaster + "/a"), "malformed path"},
		{"short fingerprint", wpkh("[aaaaaaa/0]" + testMaster), "fingerprint of 8 hex digits"},
		{"long fingerprint", wpkh("[aaaaaaaaa/0]" + testMaster), "fingerprint of 8 hex digits"},
		{"fingerprint without hex", wpkh("[aaagaaaa/0]" + testMaster), "fingerprint of 8 hex digits"},
		{"wildcard in the origin", wpkh("[deadbeef/0h/*]" + testMaster), "unsupported descriptor"},
		{"origin with a slash behind", wpkh("[deadbeef/0h/]" + testMaster), "malformed path"},
		{"origin not opened", wpkh("deadbeef/0h]" + testMaster), "malformed"},
		{"origin not closed", wpkh("[deadbeef/0h" + testMaster), "does not end in ]"},
		{"two origins", wpkh("[deadbeef][deadbeef]" + testMaster), "malformed key"},
		{"no key", wpkh(""), "malformed public key of 0 bytes"},
		{"key of mainnet", wpkh(bipMaster), "invalid key: it is one of mainnet, want one of the test networks"},
		{"zprv", wpkh("zprvAWgYBBk7JR8Gjrh4UJQ2uJdG1r3WNRRfURiABBE3RvMXYSrRJL62XuezvGdPvG6GFBZduosCc1YP5wixPox7zhZLfiUm8aunE96BBa4Kei5"), "unsupported descriptor"},
		{"public key", wpkh(hexKey), "holds a public key"},
		{"public key in capitals", wpkh(strings.ToUpper(hexKey)), "lower-case hex"},
		{"public key and path", wpkh(hexKey + "/0"), "not an extended one"},
		{"x-only in wpkh", wpkh(hexKey[2:]), "malformed public key of 32 bytes"},
		{"uncompressed public key", wpkh("04" + hexKey[2:] + hexKey[2:]), "malformed public key of 65 bytes"},
		{"no point", wpkh("02" + strings.Repeat("ff", 32)), "no point of the curve"},
		{"line feed", wpkh(testMaster) + "\n", "of 9 characters"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k, err := Parse(tc.text, bitcoin.Regtest)
			require.ErrorContains(t, err, tc.want)
			require.Nil(t, k)
			require.NotContains(t, err.Error(), testMaster[4:])
			if strings.HasPrefix(tc.want, "unsupported") {
				require.ErrorIs(t, err, ErrUnsupported)
			}
		})
	}
	_, err := ParsePublic(wpkh("tpubD6NzVbkrYhZ4XgiXtGrdW5XDAPFCL9h7we1vwNCpn8tGbBcgfVYjXyhWo4E1xkh56hjod1RhGjxbaTLV3X4FyWuejifB9jusQ46QzG87VKp/0h"), bitcoin.Regtest)
	require.ErrorContains(t, err, "no hardened children")
}

// TestBIP32Vector5 has the extended keys that BIP 32 calls invalid.
func TestBIP32Vector5(t *testing.T) {
	for _, key := range []string{
		"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6LBpB85b3D2yc8sfvZU521AAwdZafEz7mnzBBsz4wKY5fTtTQBm",
		"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGTQQD3dC4H2D5GBj7vWvSQaaBv5cxi9gafk7NF3pnBju6dwKvH",
		"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Txnt3siSujt9RCVYsx4qHZGc62TG4McvMGcAUjeuwZdduYEvFn",
		"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFGpWnsj83BHtEy5Zt8CcDr1UiRXuWCmTQLxEK9vbz5gPstX92JQ",
		"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6N8ZMMXctdiCjxTNq964yKkwrkBJJwpzZS4HS2fxvyYUA4q2Xe4",
		"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFAzHGBP2UuGCqWLTAPLcMtD9y5gkZ6Eq3Rjuahrv17fEQ3Qen6J",
		"xprv9s2SPatNQ9Vc6GTbVMFPFo7jsaZySyzk7L8n2uqKXJen3KUmvQNTuLh3fhZMBoG3G4ZW1N2kZuHEPY53qmbZzCHshoQnNf4GvELZfqTUrcv",
		"xpub661no6RGEX3uJkY4bNnPcw4URcQTrSibUZ4NqJEw5eBkv7ovTwgiT91XX27VbEXGENhYRCf7hyEbWrR3FewATdCEebj6znwMfQkhRYHRLpJ",
		"xprv9s21ZrQH4r4TsiLvyLXqM9P7k1K3EYhA1kkD6xuquB5i39AU8KF42acDyL3qsDbU9NmZn6MsGSUYZEsuoePmjzsB3eFKSUEh3Gu1N3cqVUN",
		"xpub661MyMwAuDcm6CRQ5N4qiHKrJ39Xe1R1NyfouMKTTWcguwVcfrZJaNvhpebzGerh7gucBvzEQWRugZDuDXjNDRmXzSZe4c7mnTK97pTvGS8",
		"DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHGMQzT7ayAmfo4z3gY5KfbrZWZ6St24UVf2Qgo6oujFktLHdHY4",
		"DMwo58pR1QLEFihHiXPVykYB6fJmsTeHvyTp7hRThAtCX8CvYzgPcn8XnmdfHPmHJiEDXkTiJTVV9rHEBUem2mwVbbNfvT2MTcAqj3nesx8uBf9",
		"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzF93Y5wvzdUayhgkkFoicQZcP3y52uPPxFnfoLZB21Teqt1VvEHx",
		"xprv9s21ZrQH143K24Mfq5zL5MhWK9hUhhGbd45hLXo2Pq2oqzMMo63oStZzFAzHGBP2UuGCqWLTAPLcMtD5SDKr24z3aiUvKr9bJpdrcLg1y3G",
		"xpub661MyMwAqRbcEYS8w7XLSVeEsBXy79zSzH1J8vCdxAZningWLdN3zgtU6Q5JXayek4PRsn35jii4veMimro1xefsM58PgBMrvdYre8QyULY",
		"xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHL",
	} {
		for _, parse := range []func() error{
			func() error { _, err := Parse(withChecksum("wpkh("+key+")"), bitcoin.Mainnet); return err },
			func() error { _, err := ParsePublic(withChecksum("wpkh("+key+")"), bitcoin.Mainnet); return err },
		} {
			err := parse()
			require.Error(t, err, key)
			require.NotContains(t, err.Error(), "holds a", "it is refused before that is asked")
		}
	}
}

func TestAddresses(t *testing.T) {
	master := map[bool]string{false: bipMaster, true: testMaster}
	prefix := map[bitcoin.Network]string{bitcoin.Mainnet: "bc1", bitcoin.Regtest: "bcrt1"}
	for _, n := range bitcoin.Networks() {
		for _, typ := range []Type{P2WPKH, P2TR} {
			p := parse(t, withChecksum(typ.String()+"("+master[n.IsTest()]+"/0)"), n).Public()
			want, ok := prefix[n]
			if !ok {
				want = "tb1"
			}
			want += map[Type]string{P2WPKH: "q", P2TR: "p"}[typ]
			require.True(t, strings.HasPrefix(p.Address(), want), p.Address())

			watched, err := ParsePublic(p.Address(), n)
			require.NoError(t, err)
			require.Equal(t, p.Script(), watched.Script())
			require.Equal(t, typ, watched.Type())
			require.Equal(t, p.Address(), watched.String())
			require.Nil(t, watched.PublicKey())
			_, err = ParsePublic(strings.ToUpper(p.Address()), n)
			require.ErrorContains(t, err, "address")
			other := otherKind(n)
			_, err = ParsePublic(p.Address(), other)
			require.ErrorContains(t, err, "none of "+other.String())
		}
	}
	for _, text := range []string{
		"1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2",                             // P2PKH
		"bc1qrp33g0q5c5txsp9arysrx4k6zdkfs4nce4xj0gdcccefvpysxf3qccfmv3", // P2WSH
		"bc1qcr8te4kr609gcawutmrza0j4xv80jy8z306fyv",                     // checksum
	} {
		_, err := ParsePublic(text, bitcoin.Mainnet)
		require.ErrorContains(t, err, "address", text)
	}
}

func TestGenerate(t *testing.T) {
	for _, n := range bitcoin.Networks() {
		for _, typ := range []Type{P2WPKH, P2TR} {
			a, err := Generate(typ, n)
			require.NoError(t, err)
			b, err := Generate(typ, n)
			require.NoError(t, err)
			require.NotEqual(t, a.Public().Script(), b.Public().Script())
			require.Equal(t, typ, a.Public().Type())
			again := parse(t, a.text, n)
			require.Equal(t, a.Public(), again.Public())
			_, path := a.Public().Origin()
			want := map[Type]string{P2WPKH: "/84h/", P2TR: "/86h/"}[typ] + map[bool]string{false: "0h", true: "1h"}[n.IsTest()] + "/0h/0/0"
			require.Equal(t, want, formatPath(path))
		}
	}
}

func TestFiles(t *testing.T) {
	k := parse(t, withChecksum("tr("+testMaster+"/86h/1h/0h/0/0)"), bitcoin.Signet)
	dir := t.TempDir()
	plain, secret := filepath.Join(dir, "plain"), filepath.Join(dir, "secret")
	require.NoError(t, k.WriteUnsafe(plain))
	require.NoError(t, k.Write(secret, "correct horse"))
	require.ErrorIs(t, k.WriteUnsafe(plain), fs.ErrExist)
	require.ErrorIs(t, k.Write(plain, "correct horse"), fs.ErrExist)
	require.ErrorContains(t, k.Write(filepath.Join(dir, "short"), "horse"), "5 bytes, want at least 8")

	for path, encrypted := range map[string]bool{plain: false, secret: true} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		if runtime.GOOS != "windows" {
			require.Equal(t, fs.FileMode(0o600), info.Mode())
		}
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, encrypted, strings.HasPrefix(string(data), armor.Header))
		require.Equal(t, encrypted, !strings.Contains(string(data), "tprv"))
		asked := 0
		read, err := Read(path, bitcoin.Signet, func() (string, error) { asked++; return "correct horse", nil })
		require.NoError(t, err)
		require.Equal(t, encrypted, asked == 1)
		require.Equal(t, k.Public(), read.Public())
		require.Equal(t, k.Private().Serialize(), read.Private().Serialize())
	}
	_, err := Read(secret, bitcoin.Signet, func() (string, error) { return "incorrect horse", nil })
	require.ErrorIs(t, err, ErrPassphrase)
	_, err = Read(plain, bitcoin.Testnet3, nil)
	require.ErrorContains(t, err, "it is for signet, want testnet3")
	_, err = Read(filepath.Join(dir, "none"), bitcoin.Signet, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestPublicFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "address")
	k := parse(t, withChecksum("tr("+testMaster+"/86h/1h/0h/0/0)"), bitcoin.Signet)
	for _, text := range []string{k.Public().String(), k.Public().Address()} {
		p, err := ParsePublic(text, bitcoin.Signet)
		require.NoError(t, err)
		require.NoError(t, p.Write(path))
		require.ErrorIs(t, p.Write(path), fs.ErrExist)
		read, err := ReadPublic(path, bitcoin.Signet)
		require.NoError(t, err)
		require.Equal(t, p, read)
		_, err = ReadPublic(path, bitcoin.Testnet4)
		require.EqualError(t, err, path+": it is for signet, want testnet4")
		_, err = Read(path, bitcoin.Signet, nil)
		require.ErrorContains(t, err, "not a gradseal coin key v1")
		require.NoError(t, os.Remove(path))
	}
	require.NoError(t, k.WriteUnsafe(path))
	_, err := ReadPublic(path, bitcoin.Signet)
	require.ErrorContains(t, err, "not a gradseal coin address v1")
	require.NoError(t, os.WriteFile(path, make([]byte, maxPublicFile+1), 0o600))
	_, err = ReadPublic(path, bitcoin.Signet)
	require.ErrorContains(t, err, "more than 1024 bytes")
	require.NoError(t, os.WriteFile(path, []byte(publicTitle+"\nnetwork signet\n"+k.text+"\n"), 0o600))
	_, err = ReadPublic(path, bitcoin.Signet)
	require.ErrorContains(t, err, "holds a secret key")
	require.NotContains(t, err.Error(), "tprv8")
}

func TestMainnetNeedsEncryption(t *testing.T) {
	k := parse(t, withChecksum("wpkh("+bipMaster+"/0)"), bitcoin.Mainnet)
	path := filepath.Join(t.TempDir(), "key")
	require.ErrorContains(t, k.WriteUnsafe(path), "must be encrypted")
	require.NoFileExists(t, path)
	for _, title := range []string{title, unsafeTitle} {
		require.NoError(t, os.WriteFile(path, []byte(k.fileText(title)), 0o600))
		_, err := Read(path, bitcoin.Mainnet, nil)
		require.ErrorContains(t, err, "must be encrypted")
	}
}

func TestMalformedFiles(t *testing.T) {
	k := parse(t, withChecksum("wpkh("+testMaster+"/0)"), bitcoin.Regtest)
	good := k.fileText(unsafeTitle)
	path := filepath.Join(t.TempDir(), "key")
	for name, text := range map[string]string{
		"empty":         "",
		"no line feed":  strings.TrimSuffix(good, "\n"),
		"one more line": good + "\n",
		"CRLF":          strings.ReplaceAll(good, "\n", "\r\n"),
		"other title":   strings.Replace(good, "coin key", "secret key", 1),
		"later version": strings.Replace(good, " v1", " v2", 1),
		"no network":    strings.Replace(good, "network ", "", 1),
		"other network": strings.Replace(good, "regtest", "rogtest", 1),
		"no key":        strings.Replace(good, k.text, "", 1),
		"damaged":       strings.Replace(good, "/0)", "/1)", 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := Read(path, bitcoin.Regtest, nil)
			require.ErrorContains(t, err, path)
			require.NotContains(t, err.Error(), "tprv8")
		})
	}
}

func TestPrintedKeyShowsNoSecret(t *testing.T) {
	k := parse(t, withChecksum("wpkh("+testMaster+"/0)"), bitcoin.Regtest)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, key := range []any{k, *k, []*Key{k}} {
			printed := fmt.Sprintf(verb, key)
			require.NotContains(t, printed, testMaster[4:12], verb)
			require.NotContains(t, printed, fmt.Sprintf(verb, k.private), verb)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"wpkh(" + testMaster + "/84h/1h/0h/0/0)",
		"tr([0a0b0c0d/86'/1'/0']" + testMaster + "/0/0)",
		"tr(a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)",
		"wpkh(02a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd)",
		"cVFf7UDoNoLWUqRn6rPzk1nNhYtpqkTQp4sZAL2VmBbXPSRtXvDc",
		"bcrt1qcr8te4kr609gcawutmrza0j4xv80jy8zeqchgx",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, complete bool) {
		if _, err := Checksum(text); err == nil && complete {
			text = withChecksum(text)
		}
		if k, err := Parse(text, bitcoin.Regtest); err == nil {
			require.True(t, k.Private().PubKey().IsEqual(k.Public().PublicKey()))
			p, err := ParsePublic(k.Public().String(), bitcoin.Regtest)
			require.NoError(t, err)
			require.Equal(t, k.Public().Script(), p.Script())
		} else {
			require.Nil(t, k)
		}
		if p, err := ParsePublic(text, bitcoin.Regtest); err == nil {
			again, err := ParsePublic(p.String(), bitcoin.Regtest)
			require.NoError(t, err)
			require.Equal(t, p, again)
		} else {
			require.Nil(t, p)
		}
	})
}
