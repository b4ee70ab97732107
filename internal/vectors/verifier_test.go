package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
)

// The scripts of the verifier in Python, in vectorsDir. The first judges alone.
// The others import it: for what a verifier keeps before a verdict and for real
// files, and for proofs on paper.
const (
	verifierScript = "verifier.py"
	stateScript    = "state.py"
	paperScript    = "paper.py"
	judgeScript    = "judge.py" // reads the vectors for all
)

// stateKinds and paperKinds are the kinds of vectors that stateScript and
// paperScript judge. All others are those of verifierScript.
var (
	stateKinds = []string{"chain", "segment", "pack", "status-next", "issuer-next"}
	paperKinds = []string{"compact", "codes", "paper"}
)

// interpreter is Python itself: what PATH has may be a script that looks for it, which
// takes longer than many a run.
var interpreter = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-S", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

// runSecond runs a script in Python. It returns what was printed, and the exit
// code. Python is kept from writing bytecode beside it, and from modules other
// than its standard library (-S).
func runSecond(t *testing.T, script string, args ...string) (lines []string, code int) {
	t.Helper()
	python, err := interpreter()
	if err != nil {
		t.Skip("no python3 to run the second verifier with")
	}
	cmd := exec.Command(python, append([]string{"-B", "-S", script}, args...)...)
	cmd.Env = append(os.Environ(), "PYTHONIOENCODING=utf-8")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	require.Empty(t, stderr.String(), "%s", stdout)
	return strings.Split(strings.TrimSuffix(string(stdout), "\n"), "\n"), cmd.ProcessState.ExitCode()
}

func TestSecondVerifier(t *testing.T) {
	t.Parallel()
	count := make(map[string]int)
	for _, f := range files() {
		count[scriptOf(f.Kind)] += len(f.Vectors)
	}
	for _, script := range []string{verifierScript, stateScript, paperScript} {
		lines, code := runSecond(t, filepath.Join(vectorsDir, script))
		require.Equal(t, []string{fmt.Sprintf("%d vectors, 0 differ", count[script])}, lines)
		require.Zero(t, code)
	}
}

// A verifier that someone is to read must be short. The others do not count: a
// verdict needs nothing of stateScript, judgeScript judges nothing, and
// TestSecondVerifierMutated runs verifierScript with no other but that.
func TestSecondVerifierIsShort(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(vectorsDir, verifierScript))
	require.NoError(t, err)
	require.Less(t, bytes.Count(source, []byte("\n")), 470)
	for line := range strings.Lines(string(source)) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 100, "%s", line)
	}
}

// scriptOf returns the script that judges the vectors of a kind.
func scriptOf(kind string) string {
	switch {
	case slices.Contains(stateKinds, kind):
		return stateScript
	case slices.Contains(paperKinds, kind):
		return paperScript
	}
	return verifierScript
}

// secondMutations are changes of the second verifier, each with the kind of
// vectors that must see it.
var secondMutations = []struct{ kind, from, to string }{
	// hash prefixes and layouts
	{"chain", `network == "regtest" and headers`, `headers`},
	{"tree", `sha256("00" + entry)`, `sha256("04" + entry)`},
	{"tree", `sha256("01" + (path`, `sha256("00" + (path`},
	{"statement", `sha256("02" + sha256`, `sha256("01" + sha256`},
	{"verdict", `sha256("03" + proof`, `sha256("00" + proof`},
	{"signers", `encode().hex() + "0a01"`, `encode().hex() + "0a02"`},
	{"transaction", `6a2447534c31`, `6a2447534c32`},

	// the tree
	{"tree", `index=index < size`, `index=index <= size`},
	{"tree", `or index < last`, `or index <= last`},
	{"tree", `path_length=not path, `, ``},

	// keys and signatures
	{"public-key", `canonical=y < P`, `canonical=y <= P + 19`},
	{"public-key", `SMALL_ORDER = 0, 1, P - 1`, `SMALL_ORDER = 0, 1, P`},
	{"public-key", `26e8958f`, `27e8958f`},
	{"signature", `s=s < L`, `s=s < 2 * L`},
	{"signature", `(total[0] % 2 << 255)`, `(total[0] % 1 << 255)`},
	{"signature", `little_endian(k) % L`, `little_endian(k)`},
	{"signature", `len(signature) == 128`, `len(signature) >= 128`},

	// notes
	{"note", `tail.count("\n") <= 16`, `tail.count("\n") <= 17`},
	{"note", `{1,100}", name)`, `{1,101}", name)`},
	{"note", `\u2066-\u2069`, `\u2066-\u2068`},
	{"note", `[AQgw]==`, `[A-Za-z]==`},
	{"note", `len(value) > 8`, `len(value) >= 8`},
	{"note", `duplicate=(name, value[:8]) not in signatures`, `duplicate=True`},

	// key time and thresholds
	{"signers", `group.start <= t + 7200 <= group.end`, `group.start <= t + 7201 <= group.end`},
	{"signers", `group.start <= t + 7200 <= group.end`, `group.start <= t + 7200 < group.end`},
	{"signers", `group.start <= t + 7200 <= group.end`, `group.start < t + 7200 <= group.end`},
	{"signers", `t - 7200 <= group.end`, `t - 7200 < group.end`},
	{"signers", `t - 7200 <= group.end`, `t - 7199 <= group.end`},
	{"signers", `len(signed & group.keys) >= group.threshold`, `len(signed & group.keys) > 0`},

	// texts
	{"statement", `(NUMBER, int, 1, 2**32)`, `(NUMBER, int, 1, 2**32 - 1)`},
	{"statement", `"title": (*LABEL, 200)`, `"title": (*LABEL, 201)`},
	{"statement", `2009-01-01T00:00:00Z`, `2009-01-01T00:00:01Z`},
	{"statement", `\u3000]"`, `]"`},
	{"status-list", `2**53 - 1`, `2**53`},
	{"status-list", `status.next > status.asof`, `status.next >= status.asof`},
	{"status-list", `entries[-1:] < [entry]`, `entries[-1:] <= [entry]`},
	{"status-list", `entries[-1:] < [entry]`, `entries[:1] < [entry]`},
	{"issuer-file", `len(file.sets) <= 64`, `len(file.sets) <= 65`},
	{"issuer-file", `len(lines) <= 16`, `len(lines) <= 15`},
	{"issuer-file", `group.start >= before.end`, `group.start > before.end`},
	{"issuer-file", `signers(file, file) >= before.keys`, `signers(file, file) & before.keys`},

	// Bitcoin
	{"transaction", `65 <= len(rest) <= 4000`, `64 <= len(rest) <= 4000`},
	{"transaction", `65 <= len(rest) <= 4000`, `65 <= len(rest) <= 4001`},
	{"transaction", `compact_size=value >= least`, `compact_size=True`},
	{"transaction", `(2, 0xFD)`, `(2, 0xFC)`},
	{"transaction", `(4, 0x10000)`, `(4, 0xFFFF)`},
	{"transaction", `need("tx", left_over=not rest`, `need("tx", left_over=True`},
	{"transaction", `field[:16] == "0" * 16`, `field[:14] == "0" * 14`},
	{"block-path", `len(path) <= 24`, `len(path) <= 25`},
	{"block-path", `position >> len(path) == 0`, `position >> len(path) <= 1`},
	{"block-path", `left_duplicate=not left or not equal`, `left_duplicate=True`},
	{"block-path", `last or equal`, `last`},
	{"block-path", `s <= 4`, `s <= 3`},
	{"block-path", `pair[46 + s] == 1`, `pair[46 + s] >= 1`},
	{"header", `length <= 3 else digits * 256**(length - 3)`, `length <= 3 else digits * 256**(length - 2)`},
	{"header", `target < 2**256`, `target < 2**264`},
	{"header", `bits >> 23 & 1 == 0`, `bits >> 24 & 0 == 0`},

	// the proof and the trailer
	{"proof", `"layers": ["layers", 1, 4`, `"layers": ["layers", 1, 5`},
	{"proof", `["path", 0, 32`, `["path", 0, 33`},
	{"proof", `["block-path", 0, 24`, `["block-path", 0, 25`},
	{"proof", `{65,4000}`, `{65,4001}`},
	{"proof", `["successors", 0, 12`, `["successors", 0, 11`},
	{"proof", `value < 2**32`, `value <= 2**32`},
	{"proof", `spelling=json.dumps(value, indent=2, ensure_ascii=False) + "\n" == text`, `spelling=True`},
	{"proof", `layer_network=len(networks) == 1`, `layer_network=True`},
	{"proof", `2 <= int(version[1]) < 2**53`, `1 < int(version[1]) <= 2**53`},
	{"trailer", `{76}`, `{75}`},
	{"trailer", `[0-9]{0,9})\n%%EOF`, `[0-9]{0,8})\n%%EOF`},
	{"trailer", `end[2] == form[3]`, `True`},

	// timestamps
	{"timestamp", `len(rest) <= 10000`, `len(rest) <= 10001`},
	{"timestamp", `octet & 127`, `octet & 255`},
	{"timestamp", `([89a-f].)*([0-7][1-9a-f]|[1-7]0)|00`, `([89a-f].)*[0-7].`},
	{"timestamp", `value < 2**64`, `value <= 2**64 + 7`},
	{"timestamp", `fork=tag != "ff"`, `fork=True`},
	{"timestamp", `operation=tag in ("08", "f0", "f1")`, `operation=True`},
	{"timestamp", `if tag == "f0" else`, `if tag == "f1" else`},
	{"timestamp", `1 <= size <= 4096`, `size <= 4096`},
	{"timestamp", `1 <= size <= 4096`, `1 <= size <= 4097`},
	{"timestamp", `len(message) <= 2 * 4096`, `len(message) <= 2 * 4097`},
	{"timestamp", `len(message) <= 2 * 4096`, `len(message) < 2 * 4096`},
	{"timestamp", `operations <= 255`, `operations <= 256`},
	{"timestamp", `operations <= 255`, `operations < 255`},
	{"timestamp", `"0588960d73d71901"`, `"06869a0d73d71b45"`},
	{"timestamp", `height < 2**32`, `height <= 2**32`},
	{"timestamp", `height < 2**32`, `height < 2**31`},
	{"timestamp", `left_over=not rest, result`, `left_over=True, result`},
	{"timestamp", `result=len(message) == 64`, `result=True`},
	{"proof", `"attestations", 0, 2`, `"attestations", 0, 1`},
	{"proof", `{1,10000}`, `{1,9999}`},
	{"proof", `{1,10000}`, `{1,10001}`},
	{"proof", `{1,10000}`, `{0,10000}`},
	{"proof", `attestations=types == sorted({*types})`, `attestations=len(types) == len({*types})`},
	{"proof", `attestations=types == sorted({*types})`, `attestations=types == sorted(types)`},
	{"proof", `check_timestamp(proof.stamp.timestamp, "00" * 32)`, `pass`},
	{"verdict", `not_checked=proof.stamp and not inclusion and here`, `not_checked=proof.stamp and not inclusion`},
	{"verdict", `header[72:136] == claim.merkle_root`, `header`},
	{"verdict", `header[72:136] == claim.merkle_root`, `header[72:134] == claim.merkle_root[:62]`},
	{"verdict", `item, witness = given or found, given and found`, `item, witness = found or given, given and found`},
	{"verdict", `tip - witness.height + 1 >=`, `tip - witness.height + 2 >=`},
	{"verdict", `witness.height != given.height`, `True`},
	{"verdict", `anchor or (None if given else lost)`, `anchor or lost`},
	{"verdict", `anchor or (None if given else lost)`, `anchor`},

	// the verdict
	{"verdict", `item.height + 1 >= policy["confirmations"]`, `item.height + 1 > policy["confirmations"]`},
	{"verdict", `status.next >= now`, `status.next > now`},
	{"verdict", `status.asof >= block_time`, `status.asof > block_time`},
	{"verdict", `gmtime(t + 7200)`, `gmtime(t)`},
	{"verdict", `not status.forked`, `True`},
	{"verdict", `"signers/wrong-signature", "signers/too-few")`, `"signers/too-few", "")`},
	{"verdict", `statement.network == policy["network"]`, `True`},
	{"verdict", `present = max(`, `present = min(`},
	{"verdict", `not (policy["allow_unknown_status"] and`, `not (`},
	{"verdict", `if trailer.original >= 0 else file`, `if file else b""`},

	// carried work
	{"verdict", `len(item.successors) >= max(6`, `len(item.successors) >= max(5`},
	{"verdict", `policy["confirmations"] - 1)`, `policy["confirmations"] - 2)`},
	{"verdict", `["bits"], 16)) * 4`, `["bits"], 16)) * 5`},
	{"verdict", `header_target(header) <= most for header in headers)`, `header_target(header) < most for header in headers)`},
	{"verdict", `header_target(header) <= most for header in headers)`, `header_target(header) <= most for header in headers[1:])`},
	{"verdict", `header_target(header) <= most for header in headers)`, `header_target(header) <= most for header in headers[:7])`},
	{"verdict", `and start <= header_time`, `and start < header_time`},
	{"verdict", `and start <= header_time(item.header) <=`, `and header_time(item.header) <=`},
	{"verdict", `start + 63072000`, `start + 63072001`},
	{"verdict", `start + 63072000`, `start + 63071999`},
	{"verdict", `return (policy["network"] == "mainnet"`, `return (True`},
	{"verdict", `header_time(item.header) > header_time(tip_header)`, `header_time(item.header) >= header_time(tip_header)`},
	{"verdict", `or follows(item.header, tip_header)`, `or True`},
	{"verdict", `given.height > tip
`, `True
`},
	{"verdict", `not (block or work_only)`, `not block`},

	// what a verifier keeps
	{"chain", `height > 0 and refusal(`, `height < 0 and refusal(`},
	{"chain", `verifier.follows(headers[height + 1], headers[height])`, `True`},
	{"segment", `work[:8] == "00" * 4`, `work[:6] == "00" * 3`},
	{"segment", `1 <= network <= len(GENESIS)`, `network <= len(GENESIS)`},
	{"segment", `(?! )[ -~]{1,200}(?<! )`, `[ -~]{1,200}(?<! )`},
	{"segment", `(?! )[ -~]{1,200}(?<! )`, `(?! )[ -~]{1,200}`},
	{"segment", `[ -~]{1,200}`, `[ -~]{0,200}`},
	{"segment", `[ -~]{1,200}`, `[ -~]{1,201}`},
	{"segment", `[ -~]{1,200}`, `[ -\x7f]{1,200}`},
	{"segment", `1 <= count <= 2000000`, `count <= 2000000`},
	{"segment", `1 <= count <= 2000000`, `1 <= count <= 2000001`},
	{"segment", `first + count <= 2**24`, `first + count <= 2**24 + 1`},
	{"segment", `first + count <= 2**24`, `first + count < 2**24`},
	{"segment", `len(data) == 96 * count`, `len(data) >= 96 * count`},
	{"segment", `previous = verifier.double_sha256(headers[-1])`, `previous = verifier.double_sha256(headers[0])`},
	{"pack", `spelling=json.dumps(value`, `spelling=True or json.dumps(value`},
	{"pack", `pack.format == "gradseal-pack/1"`, `True`},
	{"pack", `status.issuer == file.issuer`, `True`},
	{"pack", `order(networks[-1]) < order(status.network)`, `order(networks[-1]) <= order(status.network)`},
	{"pack", `"pack/base64", verifier.BASE64`, `"pack/base64", verifier.BASE64.replace("AEIMQUYcgkosw048", "A-Za-z0-9+/")`},
	{"pack", `before[0] < place or`, `before[0] <= place or`},
	{"pack", `before < (place, segment.first)`, `before <= (place, segment.first)`},
	{"pack", `segment.first + segment.count
        segments`, `segment.first
        segments`},
	{"status-next", `older=new.sequence >= old.sequence`, `older=new.sequence > old.sequence`},
	{"status-next", `set(old.entries[key]) <= set(`, `set(old.entries[key]) >= set(`},
	{"status-next", `for old in both for key`, `for old in both[:1] for key`},
	{"status-next", `for old in both for key`, `for old in both[-1:] for key`},
	{"status-next", `same = not fork and new.text`, `same = new.text`},
	{"issuer-next", `in (0, 1)`, `in (0, 1, 2)`},
	{"issuer-next", `b.end < a.end`, `b.end <= b.end`},
	{"issuer-next", `last.keys) >= last.threshold`, `last.keys) > 0`},

	// paper
	{"compact", `version=version == 1`, `version=True`},
	{"compact", `newer=version < 2`, `newer=version < 3`},
	{"compact", `1 <= int(number_of_network, 16)`, `-9 <= int(number_of_network, 16)`},
	{"compact", `count=size <= most`, `count=size <= most + 1`},
	{"compact", `left_over=not rest`, `left_over=True`},
	{"compact", `text() or issuer`, `text()`},
	{"compact", `need("compact", number=not refusal(verifier.leb128, octets, "number"))`, `pass`},
	{"compact", `linked = left and count(1)`, `linked = left and count(2)`},
	{"compact", `"01" + number(int(height)) + verifier.reverse(block)`, `"01" + number(int(height)) + block`},
	{"compact", `name = "" if name == fields["issuer"] else name`, `pass`},
	{"compact", `all(map(verifier.follows`, `any(map(verifier.follows`},
	{"compact", `spelling=pack(value) == compact`, `spelling=True`},
	{"paper", `verifier.check_verdict(None, `, `verifier.check_verdict("", `},
	{"codes", `len(code) <= 700`, `len(code) <= 701`},
	{"codes", `number <= total <= 147`, `number <= total <= 148`},
	{"codes", `number <= total <= 147`, `total <= 147`},
	{"codes", `9 <= len(data) <= 454`, `9 <= len(data) <= 453`},
	{"codes", `other=first == (total, data[:8])`, `other=first[1] == data[:8]`},
	{"codes", `other=first == (total, data[:8])`, `other=first[0] == total`},
	{"codes", `twice=parts.get(number, code) == code`, `twice=True`},
	{"codes", `len(group) > 1 and value`, `value`},
	{"codes", `missing=first and len(parts) == first[0]`, `missing=first`},
	{"codes", `split=split(whole) ==`, `split=True or split(whole) ==`},
	{"codes", `-(-len(compact) // 446)`, `len(compact) // 446 + 1`},
}

// A verifier with one wrong constant or condition must not pass: otherwise the
// vectors lack a case.
func TestSecondVerifierMutated(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: a hundred runs of another program take a minute")
	}
	source := make(map[string][]byte)
	for _, name := range []string{verifierScript, stateScript, paperScript, judgeScript} {
		data, err := os.ReadFile(filepath.Join(vectorsDir, name))
		require.NoError(t, err)
		source[name] = data
	}
	// One difference is enough, and the rest takes long.
	const each, first = "differ.append(", `print("1 differs") or sys.exit(1) or (`
	require.Equal(t, 1, bytes.Count(source[judgeScript], []byte(each)))
	source[judgeScript] = bytes.ReplaceAll(source[judgeScript], []byte(each), []byte(first))
	for _, m := range secondMutations {
		t.Run(m.from+" to "+m.to, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			script := scriptOf(m.kind)
			require.Equal(t, 1, bytes.Count(source[script], []byte(m.from)), "the places where %s stands", m.from)
			changed := bytes.ReplaceAll(source[script], []byte(m.from), []byte(m.to))
			require.NoError(t, os.WriteFile(filepath.Join(dir, script), changed, 0o600))
			beside := []string{judgeScript}
			if script != verifierScript {
				beside = append(beside, verifierScript)
			}
			for _, name := range beside {
				require.NoError(t, os.WriteFile(filepath.Join(dir, name), source[name], 0o600))
			}
			lines, code := runSecond(t, filepath.Join(dir, script), filepath.Join(vectorsDir, m.kind+".json"))
			require.Equal(t, 1, code)
			require.Equal(t, []string{"1 differs"}, lines)
		})
	}
}

// What the program writes, the second verifier must find VALID, and what was
// changed since INVALID.
func TestSecondVerifierJudgesDocuments(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: building the program takes a while")
	}
	t.Parallel()
	dir := t.TempDir()
	program := filepath.Join(dir, "gradseal")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	execute(t, "go", "build", "-o", program, "gradseal")
	home, folder := filepath.Join(dir, "home"), filepath.Join(dir, "transcripts")
	require.NoError(t, os.Mkdir(folder, 0o700))
	names := []string{"KBSU-884120.pdf", "成绩单-林知遥-2022110417.pdf"}
	for _, name := range names {
		copyFile(t, filepath.Join(vectorsDir, "../transcripts", name), filepath.Join(folder, name))
	}
	execute(t, program, "anchor", "--home", home, folder)
	pack := filepath.Join(dir, "rehearsal.pack")
	execute(t, program, "issuer", "pack", "--home", home, "-o", pack)
	chain := filepath.Join(home, "headers", "regtest")

	first, second := filepath.Join(folder, names[0]), filepath.Join(folder, names[1])
	changed := filepath.Join(dir, "changed.pdf")
	data, err := os.ReadFile(first)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(changed, data, 0o600))

	known := []string{"--pack", pack, "--headers", chain, "--network", "regtest"}
	allOK := []string{"document   ok", "inclusion  ok", "issuer     ok", "anchor     ok", "block      ok", "status     ok"}
	judge := func(document, proof string, options ...string) ([]string, int) {
		return runSecond(t, filepath.Join(vectorsDir, stateScript), append([]string{"--document", document, "--proof", proof + ".proof.json"}, options...)...)
	}
	for _, document := range []string{first, second} {
		lines, code := judge(document, document, known...)
		require.Equal(t, append(allOK[:6:6], "VALID (TEST NETWORK)"), lines)
		require.Zero(t, code)
	}
	for _, document := range []string{changed, second} {
		lines, code := judge(document, first, known...)
		want := append([]string{"document   failed"}, allOK[1:]...)
		require.Equal(t, append(want, "INVALID (TEST NETWORK): document/digest-differs"), lines)
		require.Equal(t, 3, code)
	}
	lines, code := judge(first, first, "--pack", pack, "--network", "regtest")
	require.Equal(t, "CANNOT TELL (TEST NETWORK): block/no-header-chain", lines[6])
	require.Equal(t, 5, code)
	// A pack that is given twice is as one.
	lines, code = judge(first, first, append([]string{"--pack", pack}, known...)...)
	require.Equal(t, append(allOK[:6:6], "VALID (TEST NETWORK)"), lines)
	require.Zero(t, code)
	lines, code = judge(first, first, append([]string{"--confirmations", "1000"}, known...)...)
	require.Equal(t, "PENDING (TEST NETWORK): block/too-few-confirmations", lines[6])
	require.Equal(t, 4, code)

	// On a network that is not the program's own, the pack brings the headers.
	fromNode(t, chain)
	execute(t, program, "issuer", "pack", "--home", home, "-o", pack)
	lines, code = judge(first, first, "--pack", pack, "--network", "regtest")
	require.Equal(t, append(allOK[:6:6], "VALID (TEST NETWORK)"), lines)
	require.Zero(t, code)
}

// fromNode gives a rehearsal's header chain another source.
func fromNode(t *testing.T, path string) {
	t.Helper()
	c, err := headers.Open(path, bitcoin.Regtest)
	require.NoError(t, err)
	s, err := c.Segment(0, c.Height())
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, os.Remove(path))
	s.Source = "a shared node"
	require.NoError(t, headers.Import(path, s, headers.Options{Now: time.Now()}))
}

func execute(t *testing.T, name string, args ...string) {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, args, out)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	data, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(to, data, 0o600))
}
