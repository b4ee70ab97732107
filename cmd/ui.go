package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"gradseal/objects"
	"gradseal/words"
)

// Stdio is what the command line reads and writes.
type Stdio struct {
	In  io.Reader
	Out io.Writer // results
	Err io.Writer // everything else
}

// ui is the only place that prints. Results go to Out; notes, progress and
// errors go to Err.
type ui struct {
	Stdio
	json, quiet bool
	color       bool // Out is a terminal that may show colours
	live        bool // Err is a terminal: progress may be redrawn
}

func newUI(io Stdio) *ui {
	plain := os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb"
	return &ui{
		Stdio: io,
		color: isTerminal(io.Out) && !plain,
		live:  isTerminal(io.Err) && os.Getenv("TERM") != "dumb",
	}
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// result prints a line of what was asked for.
func (u *ui) result(format string, args ...any) {
	fmt.Fprintf(u.Out, format+"\n", args...)
}

// object prints a result as one line of JSON.
func (u *ui) object(v any) error {
	enc := json.NewEncoder(u.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// note prints what is going on; --quiet keeps it back.
func (u *ui) note(format string, args ...any) {
	if !u.quiet {
		fmt.Fprintf(u.Err, format+"\n", args...)
	}
}

// tell prints what a question is about: to Out, or under --json to Err, also under
// --quiet, for who answers has to see it.
func (u *ui) tell(format string, args ...any) {
	to := u.Out
	if u.json {
		to = u.Err
	}
	fmt.Fprintf(to, format+"\n", args...)
}

// warn prints what must be seen, also under --quiet.
func (u *ui) warn(format string, args ...any) {
	fmt.Fprintf(u.Err, "gradseal: warning: "+format+"\n", args...)
}

// hintedError is an error for which the next step is known.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// hinted adds the next step to an error.
func hinted(err error, format string, args ...any) error {
	return hintedError{err, fmt.Sprintf(format, args...)}
}

// errorJSON is the final error under --json.
type errorJSON struct {
	Version int    `json:"version"`
	Error   string `json:"error"`
	Hint    string `json:"hint,omitempty"`
	Exit    int    `json:"exit"`
	// Refused are the files that kept a batch from being signed.
	Refused []refusalJSON `json:"refused,omitempty"`
}

type refusalJSON struct {
	File  string `json:"file"`
	Fault string `json:"fault"`
}

// fail prints the final error.
func (u *ui) fail(ctx context.Context, err error) {
	var h hintedError
	errors.As(err, &h)
	text := plainFileError(err)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		text = "interrupted"
		if h.hint == "" {
			h.hint = "nothing is lost: run the same command again"
		}
	}
	if u.json {
		out := errorJSON{Version: jsonVersion, Error: text, Hint: h.hint, Exit: exitError}
		var refused refusedError
		if errors.As(err, &refused) {
			out.Refused = newRefusalsJSON(refused)
		}
		u.object(out)
		return
	}
	if !errors.As(err, new(refusedError)) { // which is safe, and of several lines
		text = safeOnce(text)
	}
	fmt.Fprintf(u.Err, "gradseal: error: %s\n", text)
	if h.hint != "" {
		fmt.Fprintf(u.Err, "gradseal: hint: %s\n", h.hint)
	}
}

// escaped is what safe, quoted and Go's %q make of what a terminal should not see.
var escaped = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\\u\{[0-9A-F]{1,6}\}|\\[abfnrtv"\\]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|\\U[0-9a-f]{8}`)
})

// safeOnce is safe for a text in which names are safe already.
func safeOnce(text string) string {
	var b strings.Builder
	from := 0
	for _, at := range escaped().FindAllStringIndex(text, -1) {
		b.WriteString(safe(text[from:at[0]]) + text[at[0]:at[1]])
		from = at[1]
	}
	return b.String() + safe(text[from:])
}

// plainFileError is the text of an error, in which what the system says of a file
// that is not there is in plain words.
func plainFileError(err error) string {
	var pathErr *fs.PathError
	if !errors.As(err, &pathErr) || !errors.Is(pathErr, fs.ErrNotExist) {
		return err.Error()
	}
	return strings.Replace(err.Error(), pathErr.Error(), pathErr.Path+": "+noSuchFile, 1)
}

const noSuchFile = "there is no such file or folder"

// jsonVersion is the version of the shapes that --json prints.
const jsonVersion = 1

// The colours of a verdict, as terminal escapes.
const (
	green  = "\x1b[1;32m"
	yellow = "\x1b[1;33m"
	red    = "\x1b[1;31m"
	bold   = "\x1b[1m"
	reset  = "\x1b[0m"
)

func (u *ui) paint(color, text string) string {
	if !u.color {
		return text
	}
	return color + text + reset
}

// safe returns text that may hold words of a stranger's file such that a
// terminal shows it and does nothing else.
func safe(s string) string { return words.Safe(s) }

// quoted is a name in quotation marks, which it cannot leave.
func quoted(s string) string { return words.Quoted(s) }

// shown is a path as it is printed: relative to the working directory where it
// is below it.
func shown(path string) string {
	if objects.IsURL(path) {
		return safe(path)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return safe(path)
	}
	path = abs
	if here, err := workingDirectory(); err == nil {
		if rel, err := filepath.Rel(here, abs); err == nil && filepath.IsLocal(rel) {
			path = rel
		}
	}
	return safe(path)
}

// workingDirectory does not change while the program runs.
var workingDirectory = sync.OnceValues(os.Getwd)

// number prints 12345 as 12,345.
func number[N int | int64 | uint32 | uint64](n N) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// count prints "1 document", "2 documents" and "2 batches".
func count[N int | int64 | uint32 | uint64](n N, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case strings.HasSuffix(noun, "ch"):
		noun += "e"
	}
	return number(n) + " " + noun + "s"
}

// size prints a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return count(n, "byte")
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}

// progress shows how far a long step has come: a bar with rate and time left
// on a terminal, elsewhere a plain line every ten seconds.
type progress struct {
	ui    *ui
	label string
	total int64
	bar   *progressbar.ProgressBar

	mu   sync.Mutex
	done int64
	next time.Time
	from time.Time
}

const plainInterval = 10 * time.Second

// startProgress begins a step of a total in bytes or in things.
func (u *ui) startProgress(label string, total int64, bytes bool) *progress {
	p := &progress{ui: u, label: label, total: total, from: time.Now()}
	p.next = p.from.Add(plainInterval)
	if u.quiet || !u.live {
		return p
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(u.Err),
		progressbar.OptionSetDescription(label),
		progressbar.OptionShowBytes(bytes),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionClearOnFinish(),
	}
	if !bytes { // of bytes the rate is shown anyway
		options = append(options, progressbar.OptionShowIts())
	}
	p.bar = progressbar.NewOptions64(total, options...)
	return p
}

// add counts n more as done. It may be called by several goroutines.
func (p *progress) add(n int64) {
	if p.bar != nil {
		p.bar.Add64(n)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
	now := time.Now()
	if now.Before(p.next) || p.done == 0 {
		return
	}
	p.next = now.Add(plainInterval)
	left := time.Duration(float64(now.Sub(p.from)) * float64(p.total-p.done) / float64(p.done))
	p.ui.note("%s: %d %%, %s left", p.label, 100*p.done/max(p.total, 1), left.Round(time.Second))
}

// finish takes the bar away.
func (p *progress) finish() {
	if p.bar != nil {
		p.bar.Finish()
	}
}

// ask prints a question to the terminal and returns the line that is typed.
func (u *ui) ask(ctx context.Context, question string) (string, error) {
	return u.prompt(ctx, question, func(f *os.File) (string, error) {
		var line []byte
		one := make([]byte, 1)
		for {
			n, err := f.Read(one)
			if n == 1 && one[0] == '\n' {
				return strings.TrimSpace(string(line)), nil
			}
			if err != nil {
				return "", err
			}
			line = append(line, one[:n]...)
		}
	})
}

// askSecret is ask for a passphrase: what is typed is not shown.
func (u *ui) askSecret(ctx context.Context, question string) (string, error) {
	return u.prompt(ctx, question, func(f *os.File) (string, error) {
		defer fmt.Fprintln(u.Err)
		secret, err := term.ReadPassword(int(f.Fd()))
		return string(secret), err
	})
}

var errNoTerminal = errors.New("there is no terminal to ask at")

// interactive reports whether there is somebody to ask.
func (u *ui) interactive() bool { return isTerminal(u.In) && isTerminal(u.Err) }

// prompt asks on the terminal. Ctrl-C ends it and leaves the terminal as it
// was, echo included.
func (u *ui) prompt(ctx context.Context, question string, read func(*os.File) (string, error)) (string, error) {
	if !u.interactive() {
		return "", errNoTerminal
	}
	f := u.In.(*os.File)
	before, err := term.GetState(int(f.Fd()))
	if err != nil {
		return "", err
	}
	fmt.Fprint(u.Err, question)
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := read(f)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		if errors.Is(a.err, io.EOF) {
			return "", errors.New("no answer was given")
		}
		return a.text, a.err
	case <-ctx.Done():
		fmt.Fprintln(u.Err)
		return "", errors.Join(context.Cause(ctx), term.Restore(int(f.Fd()), before))
	}
}
