package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"gradseal/proof"
)

// terminal is a program that runs on a pseudo-terminal of its own, and the
// person before it.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	master *os.File
	slave  *os.File

	mu     sync.Mutex
	output []byte
	read   int // bytes of output that expect has passed
}

// onTerminal starts gradseal in dir, with its home there.
func onTerminal(t *testing.T, dir string, args ...string) *terminal {
	t.Helper()
	master, slave := openTerminal(t)
	x := &terminal{t: t, master: master, slave: slave}
	x.cmd = gradseal(t, dir, args...)
	x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = slave, slave, slave
	x.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, x.cmd.Start())
	go io.Copy(x, master)
	return x
}

// gradseal is the program, with a home in dir.
func gradseal(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), builtProgram(t), args...)
	cmd.Dir = dir
	cmd.Env = append(cleanEnvironment(), "HOME="+dir, "TERM=xterm", "NO_COLOR=")
	return cmd
}

// openTerminal opens a pseudo-terminal of 100 columns. The test keeps both
// ends, to look at the terminal after the program has gone.
func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { slave.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 100}))
	return master, slave
}

// Write takes what the program prints.
func (x *terminal) Write(b []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.output = append(x.output, b...)
	return len(b), nil
}

// screen is everything that was printed so far.
func (x *terminal) screen() string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return string(x.output)
}

// expect waits until text is printed after what the last expect has seen.
func (x *terminal) expect(text string) {
	x.t.Helper()
	x.until(fmt.Sprintf("no %q", text), func() bool {
		x.mu.Lock()
		defer x.mu.Unlock()
		i := bytes.Index(x.output[x.read:], []byte(text))
		if i >= 0 {
			x.read += i + len(text)
		}
		return i >= 0
	})
}

// until waits for something that a program does in its own time.
func (x *terminal) until(what string, done func() bool) {
	x.t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		require.True(x.t, time.Now().Before(end), "%s in:\n%s", what, x.screen())
	}
}

func (x *terminal) typed(text string) {
	x.t.Helper()
	_, err := x.master.WriteString(text)
	require.NoError(x.t, err)
}

// secret answers a question whose answer must not be shown.
func (x *terminal) secret(question, answer string) {
	x.t.Helper()
	x.expect(question)
	x.until("the terminal still shows what is typed", func() bool { return !x.echo() })
	x.typed(answer)
}

// echo reports whether the terminal shows what is typed.
func (x *terminal) echo() bool {
	x.t.Helper()
	state, err := unix.IoctlGetTermios(int(x.slave.Fd()), unix.TCGETS)
	require.NoError(x.t, err)
	return state.Lflag&unix.ECHO != 0
}

// ends waits for the program, and wants that exit code and a terminal as it was.
func (x *terminal) ends(code int) string {
	x.t.Helper()
	err := x.cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(x.t, err)
	}
	require.Equal(x.t, code, x.cmd.ProcessState.ExitCode(), x.screen())
	require.True(x.t, x.echo(), "the terminal does not show any more what is typed")
	marker := "END OF OUTPUT" // what was printed before it has been read
	_, err = x.slave.WriteString(marker)
	require.NoError(x.t, err)
	x.expect(marker)
	return strings.TrimSuffix(x.screen(), marker)
}

const (
	ctrlC     = "\x03"
	newSecret = "New passphrase for the signing key: "
	again     = "The same again: "
	oldSecret = "Passphrase of the signing key of uni.example, \"Registrar\": "
)

// TestTerminal is what a registrar and a verifier see who type the answers.
func TestTerminal(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: passphrases take long under the race detector")
	}
	dir := t.TempDir()
	create := []string{"issuer", "create", "--id", "uni.example", "--name", "University"}

	// Ctrl-C at a passphrase ends the command, makes nothing, and leaves the
	// terminal as it was.
	x := onTerminal(t, dir, create...)
	x.expect("Make one? [Y/n] ")
	x.typed("n\n")
	x.secret(newSecret, "corr"+ctrlC)
	require.Contains(t, x.ends(1), "gradseal: error: interrupted")
	require.NoFileExists(t, filepath.Join(dir, ".local/share/gradseal/keys/id_uni.example.key"))

	// Too short, not the same twice, and then well.
	x = onTerminal(t, dir, create...)
	x.expect("Make one? [Y/n] ")
	x.typed("\n")
	x.secret(newSecret, "short\n")
	x.expect("at least 8 characters")
	x.secret(newSecret, "correct horse\n")
	x.secret(again, "correct house\n")
	x.expect("not the same")
	x.secret(newSecret, "correct horse\n")
	x.secret(again, "correct horse\n")
	screen := x.ends(0)
	require.NotContains(t, screen, "horse", "a passphrase was shown")
	require.Contains(t, screen, "recovery-key-uni.example.txt")
	require.FileExists(t, filepath.Join(dir, "recovery-key-uni.example.txt"))
	fingerprint := regexp.MustCompile(`fingerprint  ([0-9a-f ]{49})`).FindStringSubmatch(screen)
	require.NotNil(t, fingerprint, screen)

	writePDFs(t, filepath.Join(dir, "docs"), 400)
	x = onTerminal(t, dir, "anchor", "docs")
	x.secret(oldSecret, ctrlC)
	x.ends(1)
	x = onTerminal(t, dir, "anchor", "docs")
	for range 3 {
		x.secret(oldSecret, "correct house\n")
	}
	require.Contains(t, x.ends(1), "wrong passphrase")
	x = onTerminal(t, dir, "anchor", "docs")
	x.secret(oldSecret, "correct house\n")
	x.secret(oldSecret, ctrlC)
	x.ends(1)
	x = onTerminal(t, dir, "anchor", "docs")
	x.secret(oldSecret, "correct horse\n")
	screen = x.ends(0)
	require.Regexp(t, `\rWriting proofs +[0-9]+%`, screen, "a bar is drawn")
	require.Contains(t, screen, "\x1b[1;33mREHEARSAL")

	require.NoError(t, gradseal(t, dir, "issuer", "pack", "-o", "uni.pack").Run())
	verifier := t.TempDir()
	pack := filepath.Join(dir, "uni.pack")
	x = onTerminal(t, verifier, "trust", "add", pack)
	for range 3 {
		x.expect("Fingerprint: ")
		x.typed(strings.Repeat("0", 40) + "\n")
	}
	require.Contains(t, x.ends(1), "nothing was added")
	require.NoDirExists(t, filepath.Join(verifier, ".local/share/gradseal/trust"))
	x = onTerminal(t, verifier, "trust", "add", pack)
	x.expect("Fingerprint: ")
	x.typed(fingerprint[1][5:] + "\n")
	x.expect("this has 36 of 40. If it was mistyped, type it again.")
	x.expect("Fingerprint: ")
	x.typed(strings.ToUpper(strings.ReplaceAll(fingerprint[1], " ", "")) + "\n")
	require.Contains(t, x.ends(0), `Added "University"`)
}

// TestColours are for terminals, and not for those who asked for none.
func TestColours(t *testing.T) {
	dir := t.TempDir()
	writePDFs(t, filepath.Join(dir, "docs"), 1)
	require.NoError(t, gradseal(t, dir, "anchor", "docs").Run())
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"terminal": {nil, "\x1b[1;32mVALID\x1b[0m – \x1b[1;31mTEST NETWORK (regtest)\x1b[0m"},
		"NO_COLOR": {[]string{"NO_COLOR=1"}, "VALID – TEST NETWORK (regtest)"},
		"dumb":     {[]string{"TERM=dumb"}, "VALID – TEST NETWORK (regtest)"},
	} {
		t.Run(name, func(t *testing.T) {
			master, slave := openTerminal(t)
			x := &terminal{t: t, master: master, slave: slave}
			x.cmd = gradseal(t, dir, "verify", "--network", "regtest", "docs")
			x.cmd.Env = append(x.cmd.Env, c.env...)
			x.cmd.Stdin, x.cmd.Stdout, x.cmd.Stderr = slave, slave, slave
			require.NoError(t, x.cmd.Start())
			go io.Copy(x, master)
			require.True(t, strings.HasPrefix(lastLine(x.ends(0)), c.want), "%q", x.screen())
		})
	}
}

// lastLine takes the first line of the report, behind a bar that was drawn over.
func lastLine(screen string) string {
	first, _, _ := strings.Cut(screen, "\r\n")
	return first[strings.LastIndex(first, "\r")+1:]
}

func writePDFs(t *testing.T, dir string, n int) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o777))
	for i := range n {
		name := fmt.Sprintf("transcript-%03d.pdf", i+1)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), smallPDF(name), 0o666))
	}
}

// TestChangedWhileAnchored changes a document after it was read and before it
// is signed. The passphrase comes through a pipe, for which the program waits
// at that point.
func TestChangedWhileAnchored(t *testing.T) {
	made := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(made, "pass.txt"), []byte("correct horse\n"), 0o600))
	require.NoError(t, gradseal(t, made, "issuer", "create", "--id", "uni.example", "--name", "University", "--passphrase-file", "pass.txt").Run())
	for name, change := range map[string]func(path string) error{
		"content": func(path string) error { return os.WriteFile(path, smallPDF("GPA 4.00"), 0o666) },
		"removed": os.Remove,
		"touched": func(path string) error { return os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS(made)))
			writePDFs(t, filepath.Join(dir, "docs"), 3)

			pipe := filepath.Join(dir, "pipe")
			require.NoError(t, unix.Mkfifo(pipe, 0o600))
			anchor := gradseal(t, dir, "anchor", "--passphrase-file", pipe, "docs")
			var stderr bytes.Buffer
			anchor.Stderr = &stderr
			require.NoError(t, anchor.Start())
			answer, err := os.OpenFile(pipe, os.O_WRONLY, 0) // waits until it is asked for
			require.NoError(t, err)
			require.NoError(t, change(filepath.Join(dir, "docs/transcript-002.pdf")))
			_, err = answer.WriteString("correct horse\n")
			require.NoError(t, err)
			require.NoError(t, answer.Close())
			require.Error(t, anchor.Wait())
			require.Equal(t, 1, anchor.ProcessState.ExitCode())
			require.Contains(t, stderr.String(), "1 fault found, and nothing was signed")
			require.Contains(t, stderr.String(), "docs/transcript-002.pdf: ")

			statements, err := filepath.Glob(filepath.Join(dir, ".local/share/gradseal/batches/*/statement"))
			require.NoError(t, err)
			require.Empty(t, statements)
			proofs, err := filepath.Glob(filepath.Join(dir, "docs/*"+proof.Suffix))
			require.NoError(t, err)
			require.Empty(t, proofs)

			// The same command again takes the folder as it is now.
			require.NoError(t, gradseal(t, dir, "anchor", "--passphrase-file", "pass.txt", "docs").Run())
			require.NoError(t, gradseal(t, dir, "verify", "--network", "regtest", "docs").Run())
			batches, err := os.ReadDir(filepath.Join(dir, ".local/share/gradseal/batches"))
			require.NoError(t, err)
			require.Len(t, batches, 1, "the plan that was not signed is dropped")
		})
	}
}

// TestUnreadable anchors and verifies documents that this user may not read.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	writePDFs(t, filepath.Join(dir, "docs"), 2)
	locked := filepath.Join(dir, "docs", "transcript-002.pdf")
	require.NoError(t, os.Chmod(locked, 0))
	run := func(args ...string) (int, string) {
		cmd := gradseal(t, dir, args...)
		if os.Geteuid() == 0 { // who may read everything: run as somebody else
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, os.ErrPermission) {
			t.Skipf("root: another user, who may not read everything, cannot run the program: %v", err)
		}
		return cmd.ProcessState.ExitCode(), string(out)
	}
	if os.Geteuid() == 0 {
		giveAway(t, dir)
	}
	code, out := run("anchor", "docs")
	require.Equal(t, 1, code)
	require.Contains(t, out, "1 fault found, and nothing was signed")
	require.Contains(t, out, "docs/transcript-002.pdf: cannot be read: permission denied")
	require.NoDirExists(t, filepath.Join(dir, ".local/share/gradseal/keys"))
	require.NoDirExists(t, filepath.Join(dir, ".local/share/gradseal/batches"))
	code, out = run("verify", "--network", "regtest", "docs")
	require.Equal(t, 5, code)
	require.Contains(t, out, "docs/transcript-002.pdf\n    It cannot be read: ")
	require.NotContains(t, out, "VALID")
	code, out = run("verify", "--network", "regtest", "docs/transcript-002.pdf")
	require.Equal(t, 1, code)
	require.Contains(t, out, "nothing was judged")
}

const nobody = 65534

// giveAway makes everything below dir nobody's.
func giveAway(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, nobody, nobody)
	}))
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755))
}
