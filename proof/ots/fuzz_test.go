package ots_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof/ots"
)

// requireRefused requires an error of one of the three kinds.
func requireRefused(t *testing.T, err error) {
	t.Helper()
	kinds := 0
	for _, kind := range []error{ots.ErrMalformed, ots.ErrUnknown, ots.ErrUnsupported} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	require.Equal(t, 1, kinds, "%v", err)
}

func FuzzParse(f *testing.F) {
	g := newGenerator(8)
	for range 40 {
		f.Add([]byte(encode(g.timestamp(32, 6))), uint16(32))
	}
	f.Add([]byte(bitcoin5), uint16(0))
	f.Add([]byte("\xf3"+bitcoin5), uint16(2049))
	f.Fuzz(func(t *testing.T, data []byte, size uint16) {
		stamp, err := ots.Parse(data, int(size))
		if err != nil {
			requireRefused(t, err)
			require.Nil(t, stamp)
			return
		}
		require.Equal(t, string(data), encode(stamp), "what is read is written")
		requireSound(t, stamp, zeros(int(size)))
	})
}

func FuzzParseFile(f *testing.F) {
	g := newGenerator(9)
	for i := range 40 {
		f.Add(g.file(hashes[i%3], g.timestamp(hashes[i%3].New().Size(), 6)))
	}
	f.Add([]byte(fileHead))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := ots.ParseFile(data)
		if err != nil {
			requireRefused(t, err)
			require.Nil(t, file)
			return
		}
		require.True(t, ots.IsFile(data))
		again, err := file.Marshal()
		require.NoError(t, err)
		require.Equal(t, string(data), string(again))
		requireSound(t, file.Timestamp, file.Digest)
	})
}
