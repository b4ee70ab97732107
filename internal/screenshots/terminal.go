package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

// columns and rows are the size of the terminal.
const columns, rows = 100, 40

// onTerminal runs cmd on a pseudo-terminal and returns what it prints there, lines
// ended by LF, and its exit code.
func onTerminal(cmd *exec.Cmd) ([]byte, int, error) {
	master, slave, err := openTerminal()
	if err != nil {
		return nil, 0, err
	}
	defer master.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	err = cmd.Start()
	slave.Close()
	if err != nil {
		return nil, 0, err
	}
	output := readTerminal(master)
	err = cmd.Wait()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		return nil, 0, err
	}
	return bytes.ReplaceAll(output, []byte("\r\n"), []byte("\n")), cmd.ProcessState.ExitCode(), nil
}

// readTerminal reads until no process has the terminal open any more, which Linux
// reports as an error.
func readTerminal(master *os.File) []byte {
	var b bytes.Buffer
	b.ReadFrom(master)
	return b.Bytes()
}

// attribute is a control sequence that changes how text looks (ECMA-48, SGR).
var attribute = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// classes are the style classes of the attributes that the program uses.
var classes = map[string]string{"1": "bold", "31": "red", "32": "green", "33": "yellow", "2": "faint"}

// plain is what a terminal shows, without colours.
func plain(screen []byte) string { return string(attribute.ReplaceAll(screen, nil)) }

// drawn is what a terminal shows as HTML. Other control characters than those of
// attributes would have to be obeyed, and are an error.
func drawn(screen []byte) (string, error) {
	var b strings.Builder
	set := "" // the classes of the text that follows
	for len(screen) > 0 {
		at := attribute.FindSubmatchIndex(screen)
		if at == nil {
			at = []int{len(screen), len(screen), 0, 0}
		}
		text := string(screen[:at[0]])
		if i := strings.IndexFunc(text, func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
			return "", fmt.Errorf("control character %q on the terminal", text[i])
		}
		fmt.Fprintf(&b, `<span class="%s">%s</span>`, set, html.EscapeString(text))
		names, err := classesOf(string(screen[at[2]:at[3]]))
		if err != nil {
			return "", err
		}
		set, screen = names, screen[at[1]:]
	}
	return b.String(), nil
}

// classesOf are the classes of attributes such as "1;31". No attributes, or 0, end
// those that were set.
func classesOf(attributes string) (string, error) {
	var names []string
	for code := range strings.SplitSeq(attributes, ";") {
		name, ok := classes[code]
		switch {
		case code == "" || code == "0":
			names = names[:0]
		case !ok:
			return "", fmt.Errorf("unknown attribute %q on the terminal", attributes)
		default:
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, " "), nil
}

// terminalPage is a page with a window of the terminal. A line that is too long is
// broken where a terminal breaks it.
const terminalPage = `<!doctype html><meta charset="utf-8"><style>
body { margin: 0; background: #fff }
pre { display: inline-block; box-sizing: content-box; width: %dch; margin: 0; padding: 14px 18px;
	background: #16191d; color: #d6dade;
	font: 13px/1.42 "DejaVu Sans Mono", monospace; white-space: pre-wrap; word-break: break-all }
.bold { font-weight: bold } .red { color: #ff7b72 } .green { color: #56d364 } .yellow { color: #e3b341 } .faint { opacity: .65 }
</style><pre>%s</pre>`
