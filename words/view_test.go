package words

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/diagnose"
	"gradseal/evidence"
	"gradseal/issuer"
	"gradseal/verify"
)

// vector is the input of a verdict vector (testdata/vectors/README.md), and the
// verdict.
type vector struct {
	Name     string
	Document *string // nil: it is not at hand
	Compact  string
	Proof    *string
	Issuers  []string
	Status   []struct {
		List   string
		Forked bool
	}
	Chain *struct {
		FirstHeight uint32 `json:"first_height"`
		Headers     []string
	}
	Policy struct {
		Network            string
		Confirmations      uint32
		AllowUnknownStatus bool `json:"allow_unknown_status"`
		CarriedWork        *struct {
			Bits string
			Time time.Time
		} `json:"carried_work"`
		Now time.Time
	}
	Verdict string
	Fails   string
}

// held is the part of a header chain that a vector has.
type held struct {
	network bitcoin.Network
	first   uint32
	headers []bitcoin.Header
}

func (c *held) Network() bitcoin.Network { return c.network }
func (c *held) Height() uint32           { return c.first + uint32(len(c.headers)) - 1 }
func (c *held) At(height uint32) (bitcoin.Header, error) {
	if height < c.first || height > c.Height() {
		return bitcoin.Header{}, fmt.Errorf("no header at height %d", height)
	}
	return c.headers[height-c.first], nil
}

// subject judges a vector as the page does.
func (v *vector) subject(t *testing.T) Subject {
	t.Helper()
	network, err := bitcoin.ParseNetwork(v.Policy.Network)
	require.NoError(t, err)
	policy := verify.Policy{Network: network, Confirmations: v.Policy.Confirmations, AllowUnknownStatus: v.Policy.AllowUnknownStatus, Now: v.Policy.Now}
	if y := v.Policy.CarriedWork; y != nil {
		bits, err := strconv.ParseUint(y.Bits, 16, 32)
		require.NoError(t, err)
		policy.UnsafeCarriedWork = &verify.Yardstick{Bits: uint32(bits), Time: y.Time}
	}
	verifier, err := verify.New(v.trust(t, network), policy)
	require.NoError(t, err)
	var find evidence.Finder
	if v.Proof != nil {
		p := verify.ReadProof([]byte(*v.Proof))
		find.Named = &p
	}
	s := Subject{Name: "diploma.pdf", Accepted: network, Surface: Page}
	if v.Document == nil {
		compact, err := hex.DecodeString(v.Compact)
		require.NoError(t, err)
		p := verify.ReadCompact(compact)
		s.Evidence.Proof, s.Result = &p, verifier.JudgeWithoutDocument(p)
		return s
	}
	document := io.NewSectionReader(strings.NewReader(*v.Document), 0, int64(len(*v.Document)))
	s.Evidence, err = find.Find("", document, io.Discard)
	require.NoError(t, err)
	s.Result = s.Evidence.Judge(verifier)
	return s
}

func (v *vector) trust(t *testing.T, network bitcoin.Network) verify.Trust {
	t.Helper()
	var believed verify.Trust
	for _, text := range v.Issuers {
		f, err := issuer.ParseFile([]byte(text))
		require.NoError(t, err)
		believed.Issuers = append(believed.Issuers, f)
	}
	for _, s := range v.Status {
		l, note, err := issuer.ParseStatus([]byte(s.List))
		require.NoError(t, err)
		believed.Status = append(believed.Status, verify.StatusList{StatusList: l, Note: note, Forked: s.Forked})
	}
	if v.Chain == nil {
		return believed
	}
	chain := &held{network: network, first: v.Chain.FirstHeight}
	for _, text := range v.Chain.Headers {
		raw, err := hex.DecodeString(text)
		require.NoError(t, err)
		header, err := bitcoin.ParseHeader(raw)
		require.NoError(t, err)
		chain.headers = append(chain.headers, header)
	}
	believed.Chain = chain
	return believed
}

func vectors(t *testing.T) []*vector {
	t.Helper()
	var all []*vector
	for _, kind := range []string{"verdict", "paper"} {
		data, err := os.ReadFile("../testdata/vectors/" + kind + ".json")
		require.NoError(t, err)
		var file struct{ Vectors []*vector }
		require.NoError(t, json.Unmarshal(data, &file))
		require.NotEmpty(t, file.Vectors)
		all = append(all, file.Vectors...)
	}
	require.Greater(t, len(all), 200)
	return all
}

// sentences are all texts of a view that are of words: nothing in them is left
// open, and each of them says something.
func sentences(v View) []string {
	all := append([]string{v.Word, v.Headline}, v.Story...)
	if v.Other != "" {
		all = append(all, v.Other)
	}
	all = append(all, v.NotProven...)
	for _, c := range v.Checks {
		all = append(all, c.Question, c.Word, c.Text)
	}
	for _, f := range v.Facts {
		all = append(all, f.Label, f.Value)
	}
	return all
}

var (
	keyAlone   = regexp.MustCompile(`^(headline|story|why|advice|check|fact|not-proven|outcome|verdict|withdrawal)\.[a-z.-]+$`)
	emptyPlace = regexp.MustCompile(`“”|  | ,|by \.|than \.|at \.|，不晚于。|（）`)
)

func requireWhole(t *testing.T, v View) {
	t.Helper()
	for _, s := range sentences(v) {
		require.NotEmpty(t, s)
		require.NotRegexp(t, placeholder, s, "a place is left open")
		require.NotRegexp(t, keyAlone, s, "a key without a text")
		require.NotRegexp(t, emptyPlace, s, "a place with nothing in it")
	}
	require.Equal(t, v.Verdict == "valid", v.Advice == "")
	require.NotRegexp(t, placeholder, v.Advice)
}

// TestVectors: everything that a proof can be answered with has words in every
// language, on every surface.
func TestVectors(t *testing.T) {
	languages := map[string]*Language{"en": load(t, "en"), "zh": load(t, "zh")}
	for _, vector := range vectors(t) {
		s := vector.subject(t)
		require.Equal(t, vector.Verdict, s.Result.Verdict.String(), vector.Name)
		for tag, l := range languages {
			for _, surface := range []Surface{CommandLine, Page} {
				s.Surface = surface
				v := l.View(s)
				t.Run(vector.Name+"/"+tag, func(t *testing.T) {
					requireWhole(t, v)
					require.Equal(t, vector.Verdict, v.Verdict)
					require.Equal(t, s.Result.Problem == nil, len(v.Checks) == 6)
					require.Equal(t, network(s.Result, s.Accepted) != bitcoin.Mainnet, v.TestNetwork != "")
					require.Equal(t, tag == "zh", hasHan(v.Headline), v.Headline)
					if s.Result.Verdict == verify.Valid && !s.Result.WorkOnly {
						require.Contains(t, v.Headline, l.Day(s.Result.NoLaterThan))
					}
					differs := len(v.Checks) > 0 && v.Checks[verify.Document].Outcome == "failed"
					require.Equal(t, differs, v.Other != "", "the other answers are about another file")
					for i, c := range v.Checks {
						require.Equal(t, s.Result.Checks[i].Outcome.String(), c.Outcome)
					}
				})
			}
		}
	}
}

func hasHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}

// find returns the vector of a name.
func find(t *testing.T, name string) *vector {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Name == name {
			return v
		}
	}
	t.Fatalf("no vector %s", name)
	return nil
}

func TestValid(t *testing.T) {
	s := find(t, "verdict-valid").subject(t)
	v := load(t, "en").View(s)
	require.Equal(t, "VALID", v.Word)
	require.Equal(t, "Issued by “University of Example” no later than 22 November 2026.", v.Headline)
	require.Contains(t, v.Story, "The file is, byte for byte, as it was issued.")
	require.Contains(t, v.Story, "It was not withdrawn as of "+v.StatusAsOf+".")
	require.Empty(t, v.TestNetwork)
	for _, c := range v.Checks {
		require.Equal(t, "Yes", c.Word)
	}
	require.Len(t, v.NotProven, 3)
	require.Contains(t, values(v), hex.EncodeToString(s.Evidence.Digest[:]))
	require.Contains(t, values(v), s.Result.Header.Hash.String())
	require.Equal(t, "由“University of Example”签发，不晚于2026年11月22日。", load(t, "zh").View(s).Headline)
}

func values(v View) []string {
	var all []string
	for _, f := range v.Facts {
		all = append(all, f.Value)
	}
	return all
}

// TestDaysOfBlocks: a bound gives way to the two hours by which a block's time can
// be off, each to its own side. What is said of a block itself does not: it has
// one day, wherever it is named.
func TestDaysOfBlocks(t *testing.T) {
	s := find(t, "verdict-valid").subject(t)
	r := s.Result
	for _, c := range []struct{ time, before, own, after string }{
		{"2026-11-23T23:30:10Z", "23 November 2026", "23 November 2026", "24 November 2026"},
		{"2026-11-23T12:00:00Z", "23 November 2026", "23 November 2026", "23 November 2026"},
		{"2026-11-23T00:30:10Z", "22 November 2026", "23 November 2026", "23 November 2026"},
	} {
		at, err := time.Parse(time.RFC3339, c.time)
		require.NoError(t, err)
		r.Header = &verify.BlockAt{Height: 103, Time: at, Confirmations: 6}
		r.NoEarlier = &verify.BlockAt{Height: 102, Time: at, Confirmations: 7}
		r.Witness = &verify.BlockAt{Height: 104, Time: at, Confirmations: 5}
		r.NoLaterThan = r.Header.Day()
		v := load(t, "en").View(s)
		require.Contains(t, v.Headline, "no later than "+c.after)
		require.Contains(t, v.Story, "It was signed after block 102, which is of about "+c.before+".")
		require.Contains(t, v.Story, "A second timestamp in the proof leads to block 104: no later than "+c.after+".")
		require.Equal(t, "Block 103 of "+c.own+" (confirmations: 6).", v.Checks[verify.Block].Text)
	}
}

// TestStrangersWords: what a stranger wrote stays in its quotation marks.
func TestStrangersWords(t *testing.T) {
	r := verify.WithoutProof()
	r.Problem, r.Reason = nil, ""
	r.ClaimedIssuer, r.Network = "evil” is VALID “x\u202e", bitcoin.Mainnet
	r.Checks[verify.Issuer].Reason = verify.UnknownIssuer
	r.Checks[verify.Document].Outcome, r.Checks[verify.Inclusion].Outcome = verify.OK, verify.OK
	found := []diagnose.Finding{{Code: diagnose.Resaved, Args: map[string]string{"program": "a”\x1b<script>", "producer": "”"}}}
	v := load(t, "en").View(Subject{Name: "a\n<b>.pdf", Result: r, Accepted: bitcoin.Mainnet, Found: found})
	require.Equal(t, `a\u{A}<b>.pdf`, v.File)
	require.Contains(t, v.Headline, `“evil’ is VALID ‘x\u{202E}”`)
	for _, s := range sentences(v) {
		require.NotContains(t, s, "\x1b")
		require.NotContains(t, s, "<script>")
	}
}

// TestBareTimestamp: what a file of OpenTimestamps proves is never called issued.
func TestBareTimestamp(t *testing.T) {
	v, err := verify.New(verify.Trust{}, verify.Policy{Network: bitcoin.Mainnet, Confirmations: 6, Now: time.Unix(1_800_000_000, 0)})
	require.NoError(t, err)
	garbage := v.JudgeTimestamp(nil, verify.ReadTimestamp([]byte("no .ots file")))
	block := &verify.BlockAt{Height: 358391, Time: time.Unix(1432827678, 0), Confirmations: 100}
	dated := func(e verify.Existence) *verify.Result {
		r := v.JudgeTimestamp(nil, verify.ReadTimestamp(nil))
		r.Problem, r.Reason, r.Verdict = nil, "", verify.CannotTell
		r.Network, r.Existence, r.Header, r.NoLaterThan = bitcoin.Mainnet, &e, block, block.Day()
		for i := range r.Checks {
			r.Checks[i].Reason = verify.NoIssuerNamed
		}
		for _, i := range []int{verify.Document, verify.Anchor, verify.Block} {
			r.Checks[i] = verify.Check{Name: r.Checks[i].Name, Outcome: verify.OK, Detail: "ok"}
		}
		return r
	}
	undated := dated(verify.Existence{})
	undated.Header, undated.NoLaterThan = nil, time.Time{}
	for _, i := range []int{verify.Anchor, verify.Block} {
		undated.Checks[i].Outcome, undated.Checks[i].Reason = verify.Unknown, verify.NoAttestation
	}
	refuted := dated(verify.Existence{})
	refuted.Verdict, refuted.NoLaterThan = verify.Invalid, time.Time{}
	refuted.Checks[verify.Document].Outcome, refuted.Checks[verify.Document].Reason = verify.Failed, verify.DigestDiffers
	for name, c := range map[string]struct {
		r    *verify.Result
		want string
	}{
		"garbage":   {garbage, "The proof is damaged, or it is not a proof."},
		"dated":     {dated(verify.Existence{}), "This file existed no later than 28 May 2015. Who issued it is not proven."},
		"weak":      {dated(verify.Existence{WeakHash: "SHA-1"}), "Something with the same SHA-1 as this file existed no later than 28 May 2015. Who issued it is not proven."},
		"weak step": {dated(verify.Existence{WeakHash: "SHA-1", WeakStep: true}), "This file, or one made to look the same to SHA-1, existed no later than 28 May 2015. Who issued it is not proven."},
		"undated":   {undated, "Neither who issued this file nor by when it existed is proven."},
		"refuted":   {refuted, "This file is not the one that the timestamp is for."},
	} {
		for _, tag := range Languages() {
			view := load(t, tag).View(Subject{Name: "essay.txt", Result: c.r, Accepted: bitcoin.Mainnet})
			requireWhole(t, view)
			if tag == Default {
				require.Equal(t, c.want, view.Headline, name)
			}
			require.NotContains(t, strings.Join(sentences(view), "\n"), "Issued by", name)
		}
	}
}

func TestProblems(t *testing.T) {
	for _, r := range []*verify.Result{
		verify.WithoutProof(), verify.NotRead(errors.New("a\x1b[31m")), verify.Malformed(errors.New("x")),
	} {
		for _, tag := range Languages() {
			v := load(t, tag).View(Subject{Name: "a.pdf", Result: r, Accepted: bitcoin.Regtest})
			requireWhole(t, v)
			require.Empty(t, v.Checks)
			require.NotNil(t, v.Checks, "an empty list in JSON, not null")
			require.NotEmpty(t, v.TestNetwork)
			require.NotContains(t, strings.Join(values(v), ""), "\x1b")
		}
	}
}

// TestWithoutDocument: a proof on paper says which file was signed for, and not
// that the paper is it.
func TestWithoutDocument(t *testing.T) {
	for _, name := range []string{"paper-sound", "paper-pending"} {
		s := find(t, name).subject(t)
		digest, ok := s.Evidence.Proof.Digest()
		require.True(t, ok)
		for _, tag := range Languages() {
			view := load(t, tag).View(s)
			require.Equal(t, "cannot-tell", view.Verdict)
			require.Contains(t, strings.Join(view.Story, "\n"), hex.EncodeToString(digest[:]))
			require.Contains(t, values(view), hex.EncodeToString(digest[:]))
			require.Len(t, view.NotProven, 1)
			require.Equal(t, "unknown", view.Checks[verify.Document].Outcome)
		}
	}
}

// TestSpare: the facts are those of the proof that decided, which is not always
// the first that was found.
func TestSpare(t *testing.T) {
	s := find(t, "verdict-valid").subject(t)
	want := load(t, "en").View(s)
	other := verify.ReadProof([]byte(*find(t, otherProof(t, s)).Proof))
	s.Evidence.Spare = []*verify.Proof{s.Evidence.Proof}
	s.Evidence.Proof = &other
	require.Equal(t, want.Facts, load(t, "en").View(s).Facts)
}

// otherProof names a vector whose proof is of another statement.
func otherProof(t *testing.T, than Subject) string {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Proof == nil {
			continue
		}
		p := verify.ReadProof([]byte(*v.Proof))
		if parsed := p.Parsed(); parsed != nil && parsed.Layers[0].Statement.Title != than.Result.Title {
			return v.Name
		}
	}
	t.Fatal("no vector with another title")
	return ""
}

// TestJSON: a view is what the page gets, under the keys of its script.
func TestJSON(t *testing.T) {
	data, err := json.Marshal(load(t, "en").View(find(t, "verdict-valid").subject(t)))
	require.NoError(t, err)
	var v View
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(&v))
	for _, key := range []string{`"test_network":""`, `"not_proven":[`, `"status_as_of":"`, `"name":"document","question":"`, `"mono":true`} {
		require.Contains(t, string(data), key)
	}
}
