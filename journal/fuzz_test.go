package journal_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/journal"
)

// FuzzJournal reads the two files of a journal whole. What verifies reads the same
// twice, is not written to, and takes one more entry, after which it verifies.
func FuzzJournal(f *testing.F) {
	_, made := small(f)
	log, names := read(f, made, "log"), read(f, made, "names")
	f.Add(log, names)
	f.Add(log, []byte{})
	f.Add([]byte{}, names)
	f.Add(log[:len(log)-5], names[:len(names)-5])
	f.Add(append(log[:len(log):len(log)], log...), names)
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, log, names []byte) {
		write(t, dir, "log", log)
		write(t, dir, "names", names)
		j := journal.Open(dir)
		survey, err := j.Survey()
		require.Equal(t, string(log), string(read(t, dir, "log")))
		if err != nil {
			require.Nil(t, survey)
			return
		}
		before := 0
		for _, err := range j.Records() {
			require.NoError(t, err)
			before++
		}
		require.EqualValues(t, survey.Head.Number, before)
		add(t, journal.Open(dir), journal.Entry{Time: time.Unix(1_900_000_000, 0), Act: journal.Restore, By: "fuzz"})
		after, err := journal.Open(dir).Survey()
		require.NoError(t, err)
		require.Equal(t, survey.Head.Number+1, after.Head.Number)
		require.Zero(t, after.Torn)
		aside, err := filepath.Glob(filepath.Join(dir, "torn*"))
		require.NoError(t, err)
		for _, name := range aside {
			require.NoError(t, os.Remove(name))
		}
	})
}
