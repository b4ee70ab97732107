package cmd

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/batch/leaves"
)

// What a document is as far as size and time tell is trusted where it is older than the
// shard, and the shard was not begun in the future, by a clock that was ahead.
func TestIsAsRead(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		name            string
		begun, modified time.Duration // from now
		size            int64
		want            bool
	}{
		{"older", -time.Hour, -2 * time.Hour, 5, true},
		{"of another size", -time.Hour, -2 * time.Hour, 6, false},
		{"changed since", -time.Hour, -time.Minute, 5, false},
		{"changed shortly before", -time.Hour, -time.Hour - time.Minute, 5, false},
		{"begun in the future", time.Hour, -2 * time.Hour, 5, false},
	} {
		r := &leavesRun{head: leaves.Head{Created: now.Add(c.begun)}}
		d := leafDocument{size: c.size, modified: now.Add(c.modified)}
		require.Equal(t, c.want, r.isAsRead(d, leaves.Row{Size: 5}, true), c.name)
		require.False(t, r.isAsRead(d, leaves.Row{Size: 5}, false), c.name)
	}
}
