package testnode

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// find returns the path of a program: on PATH, or where go install puts it.
func find(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	out, goErr := exec.Command("go", "env", "GOBIN", "GOPATH").Output()
	if goErr != nil {
		return "", err
	}
	bin, gopath, _ := strings.Cut(strings.TrimRight(string(out), "\n"), "\n")
	if bin == "" {
		bin = filepath.Join(gopath, "bin")
	}
	return exec.LookPath(filepath.Join(bin, name))
}

// freeAddrs are addresses on the loopback interface that nobody listens on.
// Somebody else may be faster: launch tries again then.
func freeAddrs(t testing.TB, count int) []string {
	t.Helper()
	addrs := make([]string, count)
	for i := range addrs {
		// All are open until all are chosen, so that they differ.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		addrs[i] = l.Addr().String()
	}
	return addrs
}

// process is a program that runs.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
}

// launch starts a program. What it writes is shown if the test fails.
func launch(t testing.TB, path string, args ...string) (*process, error) {
	t.Helper()
	cmd := exec.Command(path, args...)
	output := new(tail)
	cmd.Stdout, cmd.Stderr = output, output
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd, make(chan struct{})}
	go func() {
		_ = cmd.Wait() // how a killed program ended is of no interest
		close(p.done)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s wrote:\n%s", filepath.Base(path), output)
		}
	})
	return p, nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.done
}

// wait kills a program that does not end by itself.
func (p *process) wait(patience time.Duration) {
	select {
	case <-p.done:
	case <-time.After(patience):
		p.kill()
	}
}

// tail keeps the last bytes that were written.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 16 << 10

func (w *tail) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.b = append(w.b, b...)
	if cut := len(w.b) - maxTail; cut > 0 {
		w.b = bytes.Clone(w.b[cut:])
	}
	return len(b), nil
}

func (w *tail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.b)
}

// writeConfig writes a file of lines. Passwords are in there and not in the
// arguments, which everybody on the machine can read.
func writeConfig(path string, lines ...string) error {
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// starts is how often a node is started that ends at once: somebody else took
// its port.
const starts = 5

// begin starts the node, with other ports if it does not answer.
func (n *Node) begin(chooseAddrs func()) {
	n.t.Helper()
	for range starts {
		chooseAddrs()
		require.NoError(n.t, n.start())
		if n.answers() {
			return
		}
		n.Kill()
	}
	n.t.Fatalf("%s ended %d times at its start", n.Program, starts)
}

// answers waits until the node does, or has ended.
func (n *Node) answers() bool {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !n.process.ended(); {
		if _, err := n.Try("getblockcount"); err == nil {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func skip(t testing.TB, program, how string) {
	t.Helper()
	t.Skipf("%s is not installed: %s", program, how)
}
