package embedded

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/btcsuite/btcd/database"
	"github.com/stretchr/testify/require"
)

// stuck is a database as one is whose disk was full when it wrote: closing waits
// until somebody has made room, which nobody does.
type stuck struct {
	database.DB
	room chan struct{}
}

func (s stuck) Close() error {
	<-s.room
	return nil
}

// TestCloseStuck: a command ends all the same, and says what is wrong.
func TestCloseStuck(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ffldb")
	require.NoError(t, os.Mkdir(dir, 0o700))
	synctest.Test(t, func(t *testing.T) {
		db := stuck{room: make(chan struct{})}
		c := &chain{dir: dir, db: db}
		require.ErrorContains(t, c.close(), "is the disk full, ")
		require.NoDirExists(t, dir)
		close(db.room)
		synctest.Wait()
	})
}
