package ots_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

func TestAttestation(t *testing.T) {
	for want, c := range map[string]struct {
		a      ots.Attestation
		uri    string
		height uint64
	}{
		"Bitcoin block 0":                    {a: ots.Bitcoin(0)},
		"Bitcoin block 358391":               {a: ots.Bitcoin(358391), height: 358391},
		"Bitcoin block 18446744073709551615": {a: ots.Bitcoin(math.MaxUint64), height: math.MaxUint64},
		"Litecoin block 300":                 {a: ots.Attestation{Tag: ots.TagLitecoin, Payload: "\xac\x02"}, height: 300},
		"pending at https://a.example":       {a: ots.Pending("https://a.example"), uri: "https://a.example"},
		// What does not read as its kind is shown as bytes, never as a block or a URI.
		"unknown attestation 0102030405060708": {a: ots.Attestation{Tag: tagUnknown, Payload: "\x05"}},
		"unknown attestation 30fe8087b5c7ead7": {a: ots.Attestation{Tag: tagEthereum, Payload: "\x05"}},
		"unknown attestation 0588960d73d71901": {a: ots.Attestation{Tag: ots.TagBitcoin, Payload: "\x80\x00"}},
		"unknown attestation 06869a0d73d71b45": {a: ots.Attestation{Tag: ots.TagLitecoin, Payload: "\x05\x00"}},
		"unknown attestation 83dfe30d2ef90c8e": {a: ots.Pending("https://a.example/\x1b[31m")},
	} {
		require.Equal(t, want, c.a.String())
		uri, ok := c.a.URI()
		require.Equal(t, c.uri, uri, want)
		require.Equal(t, c.uri != "", ok, want)
		height, ok := c.a.Height()
		require.Equal(t, c.height, height, want)
		require.Equal(t, want != "" && (want[:3] == "Bit" || want[:3] == "Lit"), ok, want)
		height, ok = c.a.BitcoinHeight()
		require.Equal(t, want[:3] == "Bit", ok, want)
		if ok {
			require.Equal(t, c.height, height, want)
		}
	}
}
