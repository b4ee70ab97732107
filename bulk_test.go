package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

// readcsv FILE ROWS COLUMNS: the file is CSV as a spreadsheet reads it, with a
// byte order mark, of so many rows and columns.
func cmdReadCSV(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: readcsv FILE ROWS COLUMNS")
	}
	text, marked := strings.CutPrefix(ts.ReadFile(args[0]), "\ufeff")
	if !marked {
		ts.Fatalf("%s: no byte order mark", args[0])
	}
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") {
		ts.Fatalf("%s: a line ends without CR", args[0])
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll() // which wants as many columns in each
	ts.Check(err)
	if got := []string{strconv.Itoa(len(rows)), strconv.Itoa(len(rows[0]))}; got[0] != args[1] || got[1] != args[2] {
		ts.Fatalf("%s: %s rows and %s columns, want %s and %s", args[0], got[0], got[1], args[1], args[2])
	}
}

// office is a folder of documents with proofs, and a file in the middle of them
// that takes longer to read than anything else.
type office struct {
	*registrar
	folder string
	n      int
	whole  string // the table that is made without an interruption
}

const slowName = "transcript-50x.pdf"

func newOffice(t *testing.T) *office {
	o := &office{registrar: newRegistrar(t, builtProgram(t)), n: 400}
	o.folder = o.addFolder(t, o.n)
	o.run(t, "anchor", o.folder)
	// One is changed, one has the proof of another, one has none.
	proofOf := func(i int) string { return o.path(fmt.Sprintf("transcript-%d.pdf.proof.json", i)) }
	require.NoError(t, os.WriteFile(o.path("transcript-3.pdf"), smallPDF("changed"), 0o666))
	other, err := os.ReadFile(proofOf(399))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(proofOf(2), other, 0o666))
	require.NoError(t, os.Remove(proofOf(4)))
	o.verify(t, 3, "whole.csv")
	o.whole = o.table(t, "whole.csv")
	require.Equal(t, o.n+1, strings.Count(o.whole, "\r\n"))
	require.Contains(t, o.whole, "document that you have: "+filepath.Join(o.folder, "transcript-399.pdf"))
	return o
}

func (o *office) path(name string) string { return filepath.Join(o.dir, o.folder, name) }

func (o *office) table(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(o.dir, name))
	require.NoError(t, err)
	return string(data)
}

func (o *office) args(table string) []string {
	return []string{"--json", "verify", "--network", "regtest", o.folder, "--csv", table}
}

// verify makes a table, and returns how many documents were not judged again,
// and what was noted.
func (o *office) verify(t *testing.T, exit int, table string) (reused int, notes string) {
	t.Helper()
	cmd := o.command(t.Context(), o.args(table)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.Run()
	require.Equal(t, exit, cmd.ProcessState.ExitCode(), "%s%s", &out, &errs)
	var object struct {
		Reused int `json:"reused"`
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &object), out.String())
	require.NoFileExists(t, filepath.Join(o.dir, table+".partial"))
	return object.Reused, errs.String()
}

// interrupt starts to make a table, stops the process in the middle, and makes
// everything as it was before.
func (o *office) interrupt(t *testing.T, table string, stop func(*exec.Cmd) error) {
	t.Helper()
	slow, err := os.Create(o.path(slowName))
	require.NoError(t, err)
	require.NoError(t, slow.Truncate(64<<30)) // zeros that take no room, for longer than a test
	require.NoError(t, slow.Close())
	cmd := o.command(t.Context(), o.args(table)...)
	require.NoError(t, cmd.Start())
	partial := filepath.Join(o.dir, table+".partial")
	require.Eventually(t, func() bool {
		data, err := os.ReadFile(partial)
		return err == nil && bytes.Count(data, []byte("\n")) > 10
	}, time.Minute, 5*time.Millisecond)
	require.NoError(t, stop(cmd))
	require.Error(t, cmd.Wait())
	require.NoFileExists(t, filepath.Join(o.dir, table))
	require.FileExists(t, partial)
	require.NoError(t, os.Remove(o.path(slowName)))
}

// TestBulkResumed stops verify while it makes a table. The same command again
// makes the table that an undisturbed run makes, and reads no document again that
// has not changed.
func TestBulkResumed(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes some seconds")
	}
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: sparse files and interrupts are made in another way on Windows")
	}
	o := newOffice(t)
	kill := func(cmd *exec.Cmd) error { return cmd.Process.Kill() }
	resumed := func(t *testing.T, table string) int {
		reused, _ := o.verify(t, 3, table)
		require.Equal(t, o.whole, o.table(t, table))
		return reused
	}
	t.Run("killed", func(t *testing.T) {
		o.interrupt(t, "killed.csv", kill)
		o.interrupt(t, "killed.csv", kill)
		require.Greater(t, resumed(t, "killed.csv"), 10)
	})
	t.Run("interrupted", func(t *testing.T) {
		o.interrupt(t, "interrupted.csv", func(cmd *exec.Cmd) error { return cmd.Process.Signal(os.Interrupt) })
		require.Greater(t, resumed(t, "interrupted.csv"), 10)
	})
	t.Run("cut anywhere", func(t *testing.T) {
		o.interrupt(t, "cut.csv", kill)
		partial := filepath.Join(o.dir, "cut.csv.partial")
		data, err := os.ReadFile(partial)
		require.NoError(t, err)
		for _, n := range []int{0, 1, 5, 31, 200, len(data) / 2, len(data) - 1, len(data)} {
			require.NoError(t, os.WriteFile(partial, data[:n], 0o600))
			reused := resumed(t, "cut.csv")
			if n > len(data)/3 {
				require.NotZero(t, reused, n)
			}
			require.NoError(t, os.Remove(filepath.Join(o.dir, "cut.csv")))
		}
		// What a power cut leaves where data was not written yet.
		require.NoError(t, os.WriteFile(partial, append(data[:len(data)/2:len(data)/2], make([]byte, 5000)...), 0o600))
		require.NotZero(t, resumed(t, "cut.csv"))
	})
	t.Run("two at once", func(t *testing.T) {
		o.interrupt(t, "two.csv", func(cmd *exec.Cmd) error {
			out, err := o.command(t.Context(), o.args("two.csv")...).Output()
			require.Error(t, err)
			require.Contains(t, string(out), "another gradseal is making this table")
			return cmd.Process.Kill()
		})
		resumed(t, "two.csv")
	})
	t.Run("a document changed", func(t *testing.T) {
		o.interrupt(t, "changed.csv", kill)
		path := o.path("transcript-1.pdf")
		issued, err := os.ReadFile(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(path, smallPDF("changed too, of another size"), 0o666))
		o.verify(t, 3, "changed.csv")
		require.Regexp(t, `(?m)^`+filepath.Join(o.folder, "transcript-1.pdf")+`,INVALID`, o.table(t, "changed.csv"))
		require.NoError(t, os.WriteFile(path, issued, 0o666))
	})
	t.Run("a proof came", func(t *testing.T) {
		o.interrupt(t, "proof.csv", kill)
		beside := o.path("transcript-1.pdf.proof.json")
		require.NoError(t, os.Rename(beside, beside+".away"))
		reused, _ := o.verify(t, 3, "proof.csv")
		require.NotZero(t, reused)
		require.Regexp(t, `(?m)^`+filepath.Join(o.folder, "transcript-1.pdf")+`,CANNOT TELL`, o.table(t, "proof.csv"))
		o.interrupt(t, "proof2.csv", kill)
		require.NoError(t, os.Rename(beside+".away", beside))
		require.NotZero(t, resumed(t, "proof2.csv"))
	})
	t.Run("other terms", func(t *testing.T) {
		o.interrupt(t, "terms.csv", kill)
		cmd := o.command(t.Context(), "--json", "verify", "--network", "regtest", "--confirmations", "9", o.folder, "--csv", "terms.csv")
		var notes bytes.Buffer
		cmd.Stderr = &notes
		out, _ := cmd.Output()
		require.Contains(t, notes.String(), "is judged again, because of what verify was asked for")
		require.Contains(t, string(out), `"reused":0,`)
		require.NotContains(t, o.table(t, "terms.csv"), ",VALID")
	})
	t.Run("a newer status list", func(t *testing.T) {
		o.interrupt(t, "list.csv", kill)
		o.run(t, "anchor", o.addFolder(t, 1))
		reused, notes := o.verify(t, 3, "list.csv")
		require.Zero(t, reused)
		require.Contains(t, notes, "is judged again, because of the trusted issuers or their status lists")
	})
}
