package cmd

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"gradseal/batch"
	"gradseal/bitcoin"
	"gradseal/internal/atomicfile"
	"gradseal/issuer"
	"gradseal/trust"
)

// home is the directory of everything that gradseal keeps.
type home struct {
	dir string
	// chain is where the embedded node and the header chains are: dir, but in
	// the demo, where two homes live on one Bitcoin network.
	chain string
}

// What is in a home.
const (
	configName  = "config.yaml"
	lockName    = "lock"
	keysName    = "keys"
	trustName   = "trust"
	batchesName = "batches"
	headersName = "headers"
	nodeName    = "embedded-node"
	journalName = "journal"
	// sequencesName is what is remembered of status lists besides the trust store.
	sequencesName = "sequences"
	// resumeKeyName is the key of what verify --csv has judged so far.
	resumeKeyName = "resume.key"
)

func (h home) configFile() string    { return filepath.Join(h.dir, configName) }
func (h home) resumeKeyFile() string { return filepath.Join(h.dir, resumeKeyName) }
func (h home) keyDir() string        { return filepath.Join(h.dir, keysName) }
func (h home) sequencesFile() string { return filepath.Join(h.dir, proposalsName, sequencesName) }
func (h home) journalDir() string    { return filepath.Join(h.dir, journalName) }
func (h home) nodeDir() string       { return filepath.Join(h.chain, nodeName) }

func (h home) headerDir() string { return filepath.Join(h.chain, headersName) }

func (h home) headerFile(n bitcoin.Network) string {
	return filepath.Join(h.headerDir(), n.String())
}

func (h home) trust() *trust.Store   { return trust.Open(filepath.Join(h.dir, trustName)) }
func (h home) batches() *batch.Store { return batch.Open(filepath.Join(h.dir, batchesName)) }

// keyPrefix begins the names of what belongs to an issuer's keys. No issuer id
// holds "_", and the prefix keeps an id from being a name with a meaning.
const keyPrefix = "id_"

func (h home) keyPath(id, end string) string {
	return filepath.Join(h.keyDir(), keyPrefix+strings.ReplaceAll(id, "/", "_")+end)
}

// keyFile is the first signing key of an issuer, as "issuer create" makes it.
func (h home) keyFile(id string) string { return h.keyPath(id, keySuffix) }

// laterKeyFile is another key of the issuer: a later one, or an officer's. suffix
// is that of a key file or that of a token.
func (h home) laterKeyFile(id string, public issuer.PublicKey, suffix string) string {
	return h.keyPath(id, fmt.Sprintf("+%08x%s", public.ID(id), suffix))
}

// ownIssuerFile is the issuer file that was made with the first key.
func (h home) ownIssuerFile(id string) string { return h.keyPath(id, ".issuer") }

// keyChangeFile says what change of an issuer's keys is at work.
func (h home) keyChangeFile(id string) string { return h.keyPath(id, ".change") }

func openHome(dir string) (home, error) {
	if dir == "" {
		var err error
		if dir, err = defaultHome(); err != nil {
			return home{}, hinted(err, "name a directory with --home")
		}
	}
	abs, err := filepath.Abs(dir)
	return home{dir: abs, chain: abs}, err
}

// defaultHome is the platform's directory for an application's data.
func defaultHome() (string, error) {
	switch runtime.GOOS {
	case "windows":
		if dir := os.Getenv("LocalAppData"); dir != "" {
			return filepath.Join(dir, "gradseal"), nil
		}
	case "darwin", "ios":
	default:
		if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
			return filepath.Join(dir, "gradseal"), nil
		}
	}
	user, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(user, "Library", "Application Support", "gradseal"), nil
	}
	return filepath.Join(user, ".local", "share", "gradseal"), nil
}

func defaultHomeText() string {
	switch runtime.GOOS {
	case "windows":
		return `%LocalAppData%\gradseal`
	case "darwin":
		return "~/Library/Application Support/gradseal"
	}
	return "~/.local/share/gradseal"
}

// lock keeps every other gradseal that writes off this home until release is
// called. Where another one holds it, lock says so and waits.
func (a *app) lock(ctx context.Context) (release func(), err error) {
	if err := atomicfile.MkdirAll(a.home.dir, 0o700); err != nil {
		return nil, err
	}
	l := flock.New(filepath.Join(a.home.dir, lockName))
	ok, err := l.TryLock()
	if err == nil && !ok {
		a.ui.note("another gradseal is at work in %s: waiting until it has finished (Ctrl-C to stop)", a.home.dir)
		_, err = l.TryLockContext(ctx, 50*time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	a.home.sweep()
	return func() { l.Unlock() }, nil
}

// sweep removes the temporary files of a process that was killed, from our own
// directories: a home may lie among other things. It is for the holder of the
// lock; what cannot be removed only takes up room.
func (h home) sweep() {
	for _, dir := range []string{keysName, trustName, batchesName, batchesName + "/*", headersName, nodeName, journalName, proposalsName} {
		left, err := fs.Glob(os.DirFS(h.dir), dir+"/"+atomicfile.Temporary)
		if err != nil {
			continue
		}
		for _, name := range left {
			os.RemoveAll(filepath.Join(h.dir, filepath.FromSlash(name)))
		}
	}
}
