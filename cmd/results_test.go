package cmd

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// recorder keeps each write.
type recorder struct {
	mu   sync.Mutex
	all  []string
	fail error
}

// writes are those until now.
func (r *recorder) writes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail != nil {
		return 0, r.fail
	}
	r.all = append(r.all, string(p))
	return len(p), nil
}

func TestHeldResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		to := new(recorder)
		r := &results{Writer: to}
		write := func(text string) {
			_, err := r.Write([]byte(text))
			require.NoError(t, err)
		}
		wait := func(d time.Duration) { time.Sleep(d); synctest.Wait() }

		write("a")
		require.Equal(t, []string{"a"}, to.writes(), "at once")
		r.hold()
		write("b")
		wait(heldFor / 2)
		write("c")
		require.Len(t, to.writes(), 1)
		wait(heldFor / 2)
		require.Equal(t, []string{"a", "bc"}, to.writes(), "no later than the first of them may be")
		wait(time.Hour)
		write("d")
		require.Len(t, to.writes(), 2)
		wait(heldFor)
		require.Equal(t, "d", to.writes()[2])
		write(strings.Repeat("e", heldMost))
		require.Len(t, to.writes(), 4, "as much as is held")
		write("f")
		r.release()
		require.Equal(t, "f", to.writes()[4])
		write("g")
		require.Equal(t, "g", to.writes()[5], "at once")
		require.NoError(t, r.failure())
	})
}

func TestHeldResultsFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("no space left")
		r := &results{Writer: &recorder{fail: full}}
		r.hold()
		_, err := r.Write([]byte("a"))
		require.NoError(t, err)
		time.Sleep(heldFor)
		synctest.Wait()
		require.ErrorIs(t, r.failure(), full)
		_, err = r.Write([]byte("b"))
		require.ErrorIs(t, err, full, "and whoever writes is told")
		r.release()
		require.ErrorIs(t, r.failure(), full)
	})
}
