package batch

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/issuer"
)

func FuzzParseWithdrawals(f *testing.F) {
	f.Add(marshalWithdrawals([]issuer.Withdrawal{
		{ID: [32]byte{1}, Date: "2026-11-22", Reason: issuer.ReasonRescinded},
		{ID: [32]byte{2}, Date: "2026-11-23", Reason: issuer.ReasonReprint},
	}))
	f.Add([]byte(withdrawalsTitle))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := parseWithdrawals(data)
		if err != nil {
			require.Nil(t, all)
			return
		}
		require.NotEmpty(t, all)
		require.Equal(t, string(data), string(marshalWithdrawals(all)))
	})
}

func FuzzParseEvidence(f *testing.F) {
	for _, e := range []evidence{{}, {bitcoin: true}, {timestamp: true}, {bitcoin: true, timestamp: true}} {
		f.Add([]byte(e.String()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := parseEvidence(data)
		if err != nil {
			require.Zero(t, e)
			return
		}
		require.True(t, e.any())
		if len(data) > 0 { // as batches had it when there was one kind
			require.Equal(t, string(data), e.String())
		}
	})
}

// FuzzState puts any bytes in the place of one file of a batch. What is read of a
// directory is what is in its files, or nothing; and nothing is written by reading.
func FuzzState(f *testing.F) {
	files := []string{planFile, withdrawalsFile, statementFile, attestationFile, calendarsFile, timestampFile, completeFile, requestFile, transactionFile, pendingFile}
	dir := f.TempDir()
	batchDir := filepath.Join(dir, "20261123-00000001")
	require.NoError(f, os.MkdirAll(batchDir, 0o700))
	plan := planOf(f, 3)
	for i := range files {
		f.Add(byte(i), []byte("\n"))
		f.Add(byte(i), plan)
	}
	f.Add(byte(1), marshalWithdrawals([]issuer.Withdrawal{{ID: [32]byte{1}, Date: "2026-11-22", Reason: issuer.ReasonRescinded}}))
	f.Add(byte(6), []byte("bitcoin\n"))
	f.Fuzz(func(t *testing.T, which byte, data []byte) {
		name := files[int(which)%len(files)]
		require.NoError(t, os.WriteFile(filepath.Join(batchDir, planFile), plan, 0o600))
		path := filepath.Join(batchDir, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		defer os.Remove(path)
		b, err := load(batchDir)
		if err != nil {
			require.Nil(t, b)
			require.ErrorContains(t, err, batchDir)
			return
		}
		kept, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, data, kept)
		require.NotEmpty(t, b.Documents)
		read, err := os.ReadFile(filepath.Join(batchDir, planFile))
		require.NoError(t, err)
		require.Equal(t, string(read), string(b.marshalPlan()))
	})
}
