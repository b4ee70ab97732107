package jsonrpc

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor"
)

// FuzzParse reads what a node answers. Each answer goes to the request with its
// id, and to one; what the node says in an error is cut to size.
func FuzzParse(f *testing.F) {
	for _, text := range []string{
		`{"id":7,"result":1,"error":null}`,
		`[{"id":8,"result":{"hash":"00"},"error":null},{"id":7,"result":null,"error":{"code":-5,"message":"No such transaction"}}]`,
		`[{"id":7,"result":1},{"id":7,"result":2}]`,
		`[{"id":7,"result":1},{"id":9,"result":2}]`,
		`{"id":7,"result":null}`,
		`{"id":7,"error":{"code":-28,"message":"limited user not authorized\u001b[2K"}}`,
	} {
		f.Add([]byte(text), true)
		f.Add([]byte(text), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, batch bool) {
		requests := []request{{ID: 7, Method: "a"}}
		if batch {
			requests = append(requests, request{ID: 8, Method: "a"})
		}
		answers, err := parse(requests, batch, text)
		if err != nil {
			require.Nil(t, answers)
			return
		}
		require.Len(t, answers, len(requests))
		for _, a := range answers {
			require.True(t, (a.Err == nil) != (a.Result == nil))
			var into struct {
				Hash   string `json:"hash"`
				Height *int64 `json:"height"`
			}
			_ = a.Decode(&into)
			if a.Err != nil {
				require.Less(t, len(a.Err.Error()), 4*maxMessage+200)
				require.NotContains(t, a.Err.Error(), "\x1b")
			}
		}
	})
}

func FuzzParseFeeRate(f *testing.F) {
	for _, text := range []string{"0.00012345", "-1", "1", "1.00000001", "1e-400", "NaN", "0x1p-2", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rate, err := ParseFeeRate(json.Number(text))
		if err != nil {
			require.Zero(t, rate)
			require.True(t, errors.Is(err, anchor.ErrNoFeeRate) || len(err.Error()) < 5*maxMessage)
			return
		}
		require.GreaterOrEqual(t, rate, anchor.SatPerVByte)
		require.LessOrEqual(t, rate, anchor.FeeRate(satoshis))
	})
}
