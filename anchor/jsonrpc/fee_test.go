package jsonrpc

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
)

func TestParseFeeRate(t *testing.T) {
	for text, want := range map[string]anchor.FeeRate{
		"0.00001":    1000,
		"0.00001000": 1000,
		"1e-5":       1000,
		"0.00001234": 1234,
		"0.000001":   1000,
		"0.00012345": 12345,
		"1":          100_000_000,
	} {
		got, err := ParseFeeRate(json.Number(text))
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{"0", "-1", "-0.00001"} {
		_, err := ParseFeeRate(json.Number(text))
		require.ErrorIs(t, err, anchor.ErrNoFeeRate, text)
	}
	for _, text := range []string{"", "x", "1.1", "1e999999999", "NaN", strings.Repeat("9", 9999)} {
		_, err := ParseFeeRate(json.Number(text))
		require.ErrorContains(t, err, "invalid fee rate", text)
		require.Less(t, len(err.Error()), 700)
	}
}

// The name of a host may lead anywhere; the address that is dialled decides.
func TestLoopbackOnly(t *testing.T) {
	for addr, ok := range map[string]bool{
		"127.0.0.1:8332":     true,
		"[::1]:8332":         true,
		"192.0.2.1:8332":     false,
		"[2001:db8::1]:8332": false,
		"0.0.0.0:8332":       false,
		"host:8332":          false,
	} {
		err := checkLoopback(addr)
		if ok {
			require.NoError(t, err, addr)
		} else {
			require.ErrorContains(t, err, "without encryption", addr)
		}
	}
}
