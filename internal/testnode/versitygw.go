package testnode

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Store is a running object store, with folders of its own behind it.
type Store struct {
	URL       string
	AccessKey string
	SecretKey string

	t       testing.TB
	process *process
}

// StartVersitygw runs versitygw, an S3 gateway, on an empty folder. It has no bucket.
func StartVersitygw(t testing.TB) *Store {
	t.Helper()
	path, err := find("versitygw")
	if err != nil {
		skip(t, "versitygw", "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	}
	dir := t.TempDir()
	for _, name := range []string{"buckets", "metadata"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o700))
	}
	// Everybody may know these: the store is on the loopback interface, for one test.
	s := &Store{AccessKey: "registry", SecretKey: "secret of the test", t: t}
	for range starts {
		addr := freeAddrs(t, 1)[0]
		s.URL = "http://" + addr
		// Not every file system that temporary folders are on has extended attributes.
		s.process, err = launch(t, path, "--quiet", "--port", addr, "--access", s.AccessKey, "--secret", s.SecretKey,
			"posix", "--sidecar", filepath.Join(dir, "metadata"), filepath.Join(dir, "buckets"))
		require.NoError(t, err)
		if s.answers() {
			return s
		}
		s.process.kill()
	}
	t.Fatalf("%s ended %d times at its start", path, starts)
	return nil
}

// answers waits until the store does, if only to say no, or has ended.
func (s *Store) answers() bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !s.process.ended(); {
		resp, err := http.Get(s.URL)
		if err == nil {
			resp.Body.Close()
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

// Stop ends the store as a machine that is lost does.
func (s *Store) Stop() { s.process.kill() }
