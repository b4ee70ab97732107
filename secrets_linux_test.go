package main

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/btcsuite/btcd/btcutil/v2"
	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gradseal/batch"
	"gradseal/internal/secretfile"
	"gradseal/internal/testnode"
)

// The passphrases of TestSecrets, which nothing but their files may hold.
const (
	signingPassphrase = "canary one: the signing key's"
	rotatedPassphrase = "canary two: the next key's"
	coinPassphrase    = "canary three: the coin key's"
	backupPassphrase  = "canary four: the backup's"
)

// The keys of object stores, one for the environment and one for a file.
const (
	storeKey     = "canary/six+of+a+store/in+the+environment"
	storeFileKey = "canary/seven+of+a+store+in+a+file+of+keys"
)

// canary is a secret, and the files that may hold it.
type canary struct {
	name  string
	value []byte
	in    []string // patterns of path.Match, from the registrar's directory
}

// spellings are the ways in which it would be written.
func (c canary) spellings() [][]byte {
	return [][]byte{
		c.value,
		[]byte(hex.EncodeToString(c.value)), []byte(strings.ToUpper(hex.EncodeToString(c.value))),
		[]byte(base64.StdEncoding.EncodeToString(c.value)), []byte(base64.RawURLEncoding.EncodeToString(c.value)),
	}
}

func (c canary) isIn(data []byte) bool {
	return slices.ContainsFunc(c.spellings(), func(s []byte) bool { return bytes.Contains(data, s) })
}

// watched is a registrar whose commands are looked at: what they print, and what
// every process of the machine can read of them while they run.
type watched struct {
	*registrar
	said []byte
}

// run runs the program in a shell without a umask, and adds what can be seen.
func (w *watched) run(t *testing.T, code int, args ...string) string {
	t.Helper()
	return w.runWith(t, nil, code, args...)
}

func (w *watched) runWith(t *testing.T, env []string, code int, args ...string) string {
	t.Helper()
	cmd := w.traced(t.Context(), []string{"sh", "-c", `umask 0; exec "$0" "$@"`}, args...)
	cmd.Env = append(cmd.Env, env...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	ended, seen := make(chan struct{}), make(chan []byte)
	go func() { seen <- watchProcess(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	require.Equal(t, code, cmd.ProcessState.ExitCode(), "gradseal %s: %v\n%s", strings.Join(args, " "), err, out.String())
	w.said = slices.Concat(w.said, out.Bytes(), <-seen)
	return out.String()
}

// watchProcess returns what is to be read of a process: its arguments, its
// environment and its name, each time that one of them changes. A process that
// has children of its own is told so by the word CHILD.
func watchProcess(pid int, ended <-chan struct{}) []byte {
	var all, last []byte
	for {
		var now []byte
		for _, name := range []string{"cmdline", "environ", "comm"} {
			data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name)) // it may have ended
			now = append(now, data...)
		}
		children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
		if len(bytes.TrimSpace(children)) > 0 {
			now = append(now, "CHILD"...)
		}
		if !bytes.Equal(now, last) {
			all, last = append(all, now...), now
		}
		select {
		case <-ended:
			return all
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// file writes a file of the registrar's own, as an editor would.
func (w *watched) file(t *testing.T, name, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600))
	return name
}

// TestSecrets runs a registrar's year with passphrases, a password and keys that
// can be recognised, and looks for them and for the salts in everything that the
// program printed, in its arguments and environment, and in every file that it
// wrote. The umask lets everybody read everything.
func TestSecrets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: passphrases take seconds")
	}
	node := startNode(t, "btcd")
	w := &watched{registrar: newRegistrar(t, builtProgram(t))}
	folder := w.addFolder(t, 3)
	require.NoError(t, os.Chmod(filepath.Join(w.dir, folder), 0o777))
	wif, err := btcutil.NewWIF(testnode.Key(), &chaincfg.RegressionNetParams, true)
	require.NoError(t, err)
	signing := []string{"--passphrase-file", w.file(t, "signing.pass", signingPassphrase+"\n")}
	coin := []string{"--coin-passphrase-file", w.file(t, "coin.pass", coinPassphrase+"\n")}
	secret := []string{"--passphrase-file", w.file(t, "backup.pass", backupPassphrase+"\n")}
	rotated := []string{"--passphrase-file", w.file(t, "rotated.pass", rotatedPassphrase+"\n")}
	w.file(t, "password", node.Password+"\n")
	via := []string{
		"--network", "regtest", "--via", "btcd", "--node", node.RPCURL,
		"--node-user", node.User, "--node-password-file", "password", "--node-cert", node.CertFile,
	}

	w.run(t, 0, "coin", "import", "--network", "regtest", "--passphrase-file", "coin.pass", w.file(t, "coin.wif", wif.String()+"\n"))
	w.run(t, 0, slices.Concat([]string{"issuer", "create", "--id", "uni.example", "--name", "Uni", "--recovery", "recovery.txt"}, signing)...)
	w.run(t, 0, slices.Concat([]string{"issuer", "rotate", "--new-passphrase-file", "rotated.pass", "--recovery", "recovery-2.txt"}, signing)...)
	w.run(t, 0, slices.Concat([]string{"anchor", folder}, rotated, coin, via)...)
	node.Mine(1)
	w.run(t, 0, slices.Concat([]string{"upgrade", "--json"}, via)...)
	w.run(t, 0, slices.Concat([]string{"withdraw", filepath.Join(folder, "transcript-1.pdf"), "--reason", "reprint", "--yes"}, rotated)...)
	w.run(t, 0, "issuer", "pack", "-o", "uni.pack")
	w.run(t, 0, slices.Concat([]string{"backup", "-o", "home.backup"}, secret)...)
	w.requireOwn(t, "home.backup")
	require.NoError(t, weaken(filepath.Join(w.dir, "home.backup"), backupPassphrase)) // it opens in no time
	w.run(t, 0, slices.Concat([]string{"restore", "home.backup", "--home", "restored"}, secret)...)
	w.run(t, 0, "batches", "--json")
	w.run(t, 0, "journal", "show")

	// What goes wrong says nothing either.
	w.file(t, "wrong.pass", "not the passphrase\n")
	w.file(t, "wrong", "canary five: no password\n")
	out := w.run(t, 1, "withdraw", filepath.Join(folder, "transcript-2.pdf"), "--reason", "reprint", "--yes", "--passphrase-file", "wrong.pass")
	require.Contains(t, out, "wrong passphrase")
	out = w.run(t, 1, slices.Concat([]string{"upgrade"}, slices.Replace(slices.Clone(via), 9, 10, "wrong"))...)
	require.Contains(t, out, "the node refuses user name and password")
	out = w.run(t, 1, "--home", "other", "coin", "import", "--unsafe-no-passphrase", w.file(t, "torn.wif", wif.String()[:40]+"\n"))
	require.Contains(t, out, "gradseal: error: ")
	out = w.run(t, 1, "--home", "other", "coin", "import", "--unsafe-no-passphrase", wif.String())
	require.NotContains(t, out, wif.String(), "given as an argument by mistake")
	w.said = bytes.ReplaceAll(w.said, []byte(wif.String()+"\x00"), nil) // that argument is ours
	w.file(t, "torn.key", strings.TrimSpace(w.read(t, "recovery.txt"))[:140]+"\n")
	out = w.run(t, 1, slices.Concat([]string{"issuer", "rotate", "--sign-with", "torn.key"}, rotated)...)
	require.Contains(t, out, "torn.key")

	w.officers(t)
	w.shards(t)
	require.NotContains(t, string(w.said), "CHILD")
	all := w.canaries(t, node)
	require.Greater(t, len(all), 20)
	for _, c := range all {
		require.Greater(t, len(c.value), 16, c.name)
		require.False(t, c.isIn(w.said), "%s: was printed, or is in arguments or environment", c.name)
	}
	w.requireFiles(t, all)
}

// officers has two of them sign a batch, with keys that lie open.
func (w *watched) officers(t *testing.T) {
	t.Helper()
	w.run(t, 0, "--home", "dean", "issuer", "key", "--id", "two.example", "--holder", "Dean", "--unsafe-no-passphrase", "-o", "dean.pub")
	out := w.run(t, 0, "--home", "pair", "--json", "issuer", "create", "--id", "two.example", "--name", "Two", "--no-recovery",
		"--unsafe-no-passphrase", "--officer", "dean.pub", "--threshold", "2")
	_, rest, ok := strings.Cut(out, `"fingerprint":"`)
	require.True(t, ok, out)
	fingerprint, _, _ := strings.Cut(rest, `"`)
	w.run(t, 0, "--home", "dean", "approve", "--fingerprint", fingerprint, "two.example-issuer-1.request")
	w.run(t, 0, "--home", "pair", "approve", "two.example-issuer-1.approval")
	w.run(t, 0, "--home", "pair", "issuer", "pack", "-o", "two.pack")
	w.run(t, 0, "--home", "dean", "trust", "add", "two.pack", "--fingerprint", fingerprint)
	two := w.addFolder(t, 2)
	w.run(t, 0, "--home", "pair", "anchor", two)
	request, err := filepath.Glob(filepath.Join(w.dir, "[0-9]*.request"))
	require.NoError(t, err)
	require.Len(t, request, 1)
	w.run(t, 0, "--home", "dean", "approve", "--yes", request[0], two)
	w.run(t, 0, "--home", "pair", "approve", strings.TrimSuffix(request[0], "request")+"approval")
	w.run(t, 0, "--home", "pair", "upgrade")
}

// shards has documents in an object store and in a folder hashed where they are,
// anchors them together, and has their proofs written there and into an archive.
func (w *watched) shards(t *testing.T) {
	t.Helper()
	backend := s3mem.New()
	require.NoError(t, backend.CreateBucket("registry"))
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	for _, name := range []string{"spring/a.pdf", "spring/b.pdf"} {
		doc := smallPDF(name)
		_, err := backend.PutObject("registry", name, map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)}, bytes.NewReader(doc), int64(len(doc)), nil)
		require.NoError(t, err)
	}
	require.NoError(t, os.Mkdir(filepath.Join(w.dir, ".aws"), 0o700))
	w.file(t, ".aws/credentials", "[default]\naws_access_key_id = someone\naws_secret_access_key = "+storeFileKey+"\n")
	inEnvironment := []string{"AWS_ACCESS_KEY_ID=someone", "AWS_SECRET_ACCESS_KEY=" + storeKey, "AWS_REGION=us-east-1"}
	at := []string{"--s3-endpoint", server.URL}
	here, archived := w.addFolder(t, 2), w.addFolder(t, 2)

	w.runWith(t, inEnvironment, 0, append([]string{"leaves", "s3://registry/spring", "-o", "spring.leaves"}, at...)...)
	w.run(t, 0, "leaves", here, "-o", "here.leaves")
	w.run(t, 0, "--home", "many", "anchor", "--leaves", "spring.leaves", "here.leaves")
	w.run(t, 0, "--home", "many", "anchor", archived, "--archive", "proofs.zip")
	w.run(t, 0, "--home", "none", "proofs", "--leaves", "here.leaves", "--answer", "here.anchored")
	to := append([]string{"--home", "none", "proofs", "--leaves", "spring.leaves", "--answer", "spring.anchored", "-o", "s3://registry/spring"}, at...)
	w.runWith(t, []string{"AWS_REGION=us-east-1"}, 0, to...)
	written, err := backend.HeadObject("registry", "spring/a.pdf.proof.json")
	require.NoError(t, err)
	require.NoError(t, written.Contents.Close())

	// What goes wrong with a store says nothing either.
	w.runWith(t, inEnvironment, 1, append([]string{"leaves", "s3://nowhere/spring", "-o", "nowhere.leaves"}, at...)...)
	w.runWith(t, inEnvironment, 1, "leaves", "s3://registry/spring", "-o", "nowhere.leaves", "--s3-endpoint", "http://127.0.0.1:1")
	w.said = bytes.ReplaceAll(w.said, []byte("AWS_SECRET_ACCESS_KEY="+storeKey+"\x00"), nil) // which is where it is meant to be
}

func (w *watched) read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	require.NoError(t, err)
	return string(data)
}

// canaries are the secrets, after all is done.
func (w *watched) canaries(t *testing.T, node *testnode.Node) []canary {
	t.Helper()
	all := []canary{
		{"signing passphrase", []byte(signingPassphrase), []string{"signing.pass"}},
		{"passphrase of the rotated key", []byte(rotatedPassphrase), []string{"rotated.pass"}},
		{"coin passphrase", []byte(coinPassphrase), []string{"coin.pass"}},
		{"backup passphrase", []byte(backupPassphrase), []string{"backup.pass"}},
		{"node's password", []byte(node.Password), []string{"password"}},
		{"node's login", []byte(node.User + ":" + node.Password), nil},
		{"wrong password", []byte("canary five: no password"), []string{"wrong"}},
		{"key of the coins", []byte(w.read(t, "coin.wif"))[:40], []string{"coin.wif", "torn.wif"}},
		{"bytes of the key of the coins", testnode.Key().Serialize(), nil},
		{"key of a store, in the environment", []byte(storeKey), nil},
		{"key of a store, in a file", []byte(storeFileKey), []string{".aws/credentials"}},
	}
	for _, name := range []string{"recovery.txt", "recovery-2.txt"} {
		all = append(all, w.keyCanaries(t, name, "", name)...)
	}
	passphrases := map[bool]string{true: rotatedPassphrase, false: signingPassphrase}
	keys, err := filepath.Glob(filepath.Join(w.home(), "keys", "id_uni.example*.key"))
	require.NoError(t, err)
	require.Len(t, keys, 2)
	for _, file := range keys {
		name, err := filepath.Rel(w.dir, file)
		require.NoError(t, err)
		all = append(all, w.keyCanaries(t, name, passphrases[filepath.Base(file) != "id_uni.example.key"])...)
	}
	for _, home := range []string{"dean", "pair", "many"} {
		found, err := filepath.Glob(filepath.Join(w.dir, home, "keys", "*.key"))
		require.NoError(t, err)
		require.Len(t, found, 1)
		name, err := filepath.Rel(w.dir, found[0])
		require.NoError(t, err)
		all = append(all, w.keyCanaries(t, name, "", name)...)
	}
	salts, handed := 0, make(map[string]int)
	of, archived := w.folders[len(w.folders)-2], w.folders[len(w.folders)-1]
	for _, home := range []string{"home", "pair", "many"} {
		list, err := batch.Open(filepath.Join(w.dir, home, "batches")).List()
		require.NoError(t, err)
		for _, b := range list {
			for _, d := range b.Documents {
				file, in := d.Path, ""
				if d.IsElsewhere() { // in the folder that one shard is of, or in the store
					file, in = filepath.Join(w.dir, of, d.PathInShard()), "here.leaves"
					if _, err := os.Lstat(file); err != nil {
						require.ErrorIs(t, err, fs.ErrNotExist)
						in = "spring.leaves"
					}
				}
				proof, err := filepath.Rel(w.dir, file+".proof.json")
				require.NoError(t, err)
				if path.Dir(proof) == archived {
					in = "proofs.zip"
				}
				handed[in]++
				all = append(all, canary{"salt of " + d.Path, d.Salt[:], []string{
					in, proof, path.Join(home, "batches", b.ID, "plan"), "restored/batches/" + b.ID + "/plan", b.ID + ".request", "pair/proposals/*.request", "dean/proposals/*",
				}})
				salts++
			}
		}
	}
	require.Equal(t, 5+6, salts)
	require.Equal(t, map[string]int{"": 5, "spring.leaves": 2, "here.leaves": 2, "proofs.zip": 2}, handed)
	return all
}

// keyCanaries are the secret in a key file as it stands there, in base64, and as
// the 32 bytes that it is.
func (w *watched) keyCanaries(t *testing.T, name, passphrase string, in ...string) []canary {
	t.Helper()
	text, encrypted, err := secretfile.Read(filepath.Join(w.dir, name), func() (string, error) { return passphrase, nil })
	require.NoError(t, err)
	require.Equal(t, passphrase != "", encrypted, name)
	lines := strings.Split(strings.TrimSpace(text), "\n")
	parts := strings.SplitN(lines[len(lines)-1], "+", 5) // PRIVATE+KEY+id+key id+base64
	require.Len(t, parts, 5, name)
	raw, err := base64.StdEncoding.DecodeString(parts[4])
	require.NoError(t, err, name)
	require.Len(t, raw, 1+32, name) // the algorithm, and the key
	return []canary{{"key in " + name, []byte(parts[4]), in}, {"bytes of the key in " + name, raw[1:], nil}}
}

// requireFiles wants that no file holds a secret that is not meant for it, and
// that one which does, and every directory of the home above it, is its owner's.
func (w *watched) requireFiles(t *testing.T, all []canary) {
	t.Helper()
	found := make(map[string]bool)
	require.NoError(t, filepath.WalkDir(w.dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		name, err := filepath.Rel(w.dir, file)
		require.NoError(t, err)
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, c := range all {
			if !c.isIn(data) {
				continue
			}
			found[c.name] = true
			require.True(t, slices.ContainsFunc(c.in, func(pattern string) bool {
				ok, err := path.Match(pattern, name)
				require.NoError(t, err)
				return ok
			}), "%s is in %s", c.name, name)
			if !strings.HasSuffix(name, ".proof.json") && name != "proofs.zip" { // which are to be given away
				w.requireOwn(t, name)
			}
		}
		return nil
	}))
	for _, c := range all {
		require.Equal(t, len(c.in) > 0, found[c.name], c.name)
	}
	for _, name := range []string{"spring.leaves", "here.leaves", "home/keys/id_uni.example.key", "home/keys/coin-regtest.key", "restored/keys/id_uni.example.key"} {
		w.requireOwn(t, name)
	}
}

// requireOwn wants that others can read neither the file nor what is in the
// directories above it.
func (w *watched) requireOwn(t *testing.T, name string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(w.dir, name))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode(), name)
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		info, err := os.Stat(filepath.Join(w.dir, dir))
		require.NoError(t, err)
		require.Equal(t, fs.ModeDir|0o700, info.Mode(), dir)
	}
}

// TestSecretsInEnvironment: a variable for a secret is no setting, and what is in
// it is not shown.
func TestSecretsInEnvironment(t *testing.T) {
	w := &watched{registrar: newRegistrar(t, builtProgram(t))}
	for _, name := range []string{"GRADSEAL_PASSPHRASE", "GRADSEAL_NODE_PASSWORD", "GRADSEAL_COIN_KEY", "GRADSEAL_PIN"} {
		cmd := w.command(t.Context(), "verify", ".")
		cmd.Env = append(cmd.Env, name+"=a canary in the environment")
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Equal(t, 1, cmd.ProcessState.ExitCode())
		require.Contains(t, string(out), "gradseal: error: unknown environment variable "+name+"\ngradseal: hint: ")
		require.Contains(t, string(out), "passphrase")
		require.NotContains(t, string(out), "canary")
	}
}

// TestNoCore kills the program, while it holds a passphrase, by signals that end
// other programs with a core file: it ends by itself, with a trace in which the
// passphrase is not.
func TestNoCore(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGQUIT, syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS} {
		t.Run(unix.SignalName(sig), func(t *testing.T) {
			dir := t.TempDir()
			x := onTerminal(t, dir, "issuer", "create", "--id", "uni.example", "--name", "Uni", "--no-recovery")
			limit := unix.Rlimit{Cur: unix.RLIM_INFINITY, Max: unix.RLIM_INFINITY}
			if err := unix.Prlimit(x.cmd.Process.Pid, unix.RLIMIT_CORE, &limit, nil); err != nil {
				limit = unix.Rlimit{}
				require.NoError(t, unix.Prlimit(x.cmd.Process.Pid, unix.RLIMIT_CORE, nil, &limit))
				limit.Cur = limit.Max
				require.NoError(t, unix.Prlimit(x.cmd.Process.Pid, unix.RLIMIT_CORE, &limit, nil))
			}
			x.secret("New passphrase", signingPassphrase+"\n")
			x.expect("The same again: ")
			require.NoError(t, x.cmd.Process.Signal(sig))
			_ = x.cmd.Wait()
			status := x.cmd.ProcessState.Sys().(syscall.WaitStatus)
			require.True(t, status.Exited(), "%v", x.cmd.ProcessState)
			require.False(t, status.CoreDump())
			require.Equal(t, 2, status.ExitStatus())
			x.expect("goroutine ")
			screen := x.screen()
			require.NotContains(t, screen, signingPassphrase)
			for i := range len(signingPassphrase) - 8 { // a word of it, as a trace has words
				word := []byte(signingPassphrase[i : i+8])
				slices.Reverse(word)
				require.NotContains(t, screen, hex.EncodeToString(word))
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			for _, e := range left {
				require.NotContains(t, e.Name(), "core")
			}
		})
	}
}

// TestNoShell: nothing of the program starts another program, so that nothing of it is
// ever in another's arguments or environment. The library for object stores links in
// what could, for files of credentials that name a program: objects.TestCredentials
// shows that gradseal reads such files itself, and starts none.
func TestNoShell(t *testing.T) {
	const starts = "os/exec"
	allowed := []string{"github.com/minio/minio-go/v7/pkg/credentials"}
	for _, system := range []string{"linux", "darwin", "windows"} {
		cmd := exec.Command("go", "list", "-deps", "-f", `{{.ImportPath}} {{join .Imports " "}}`, ".")
		cmd.Env = append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0")
		out, err := cmd.Output()
		require.NoError(t, err)
		require.Contains(t, string(out), "\ngradseal/anchor/jsonrpc ", system)
		for line := range strings.Lines(string(out)) {
			imports := strings.Fields(line)
			if !slices.Contains(allowed, imports[0]) {
				require.NotContains(t, imports[1:], starts, "%s, on %s", imports[0], system)
			}
		}
	}
}
