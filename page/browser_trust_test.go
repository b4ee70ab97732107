package page_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/proof"
)

// testStatus: a newer status list counts, from whomever it comes; one that
// is older, forged or of somebody else does not.
func (c *chromium) testStatus(t *testing.T) {
	b := transcripts(t)
	v := c.open(t, pageOf(t, b.pack(t)))
	dir := t.TempDir()
	forged := *b
	forged.by = impostor
	lists := map[string][]byte{
		"second.status": b.status(t, 2, kbsu), "first.status": b.status(t, 1), "forged.status": forged.status(t, 3),
		"fork.status": b.status(t, 2), "strange.status": issue(t, college, map[string][]byte{"a.pdf": {1}}).status(t, 9),
	}
	v.choose(write(t, dir, b.files, kbsu, kbsu+proof.Suffix, lin, lin+proof.Suffix)...)
	require.Equal(t, []string{"VALID", "VALID"}, v.words())

	load := func(name string) { v.chooseIn("#status-file", write(t, dir, lists, name)...) }
	for _, name := range []string{"forged.status", "strange.status"} {
		load(name)
		require.NotEmpty(t, v.text("#trust-said"), name)
		require.Equal(t, []string{"VALID", "VALID"}, v.words(), name)
	}
	load("second.status")
	require.Contains(t, v.text("#trust-said"), "Taken in")
	require.Equal(t, []string{"WITHDRAWN", "VALID"}, v.words(), "the documents that are shown are judged anew")
	require.Equal(t, kbsu, v.verdicts()[0].File)
	v.shoot("withdrawn of two")
	load("first.status")
	require.Contains(t, v.text("#trust-said"), "older")
	require.Equal(t, []string{"WITHDRAWN", "VALID"}, v.words())

	// Dropped with the documents it is taken for what it is.
	v.startOver()
	v.drop(append(write(t, dir, b.files, lin, lin+proof.Suffix), write(t, dir, lists, "fork.status")...)...)
	require.Equal(t, []string{"CANNOT TELL"}, v.words(), "two lists with one number")
	require.Contains(t, v.text("footer"), "contradict each other")
}

// testPack: another institution is known after its fingerprint was typed,
// and not before.
func (c *chromium) testPack(t *testing.T) {
	b := transcripts(t)
	other := issue(t, college, map[string][]byte{"college.pdf": sample(t, "Leistungsausweis Jürg Brändli.pdf")})
	other.chain = b.chain // the page's: another one is no college's to bring
	v := c.open(t, pageOf(t, b.pack(t)))
	dir := t.TempDir()
	file := write(t, dir, map[string][]byte{"college.pack": other.pack(t)}, "college.pack")
	v.choose(write(t, dir, other.files, "college.pdf", "college.pdf"+proof.Suffix)...)
	require.Equal(t, []string{"CANNOT TELL"}, v.words())

	v.chooseIn("#pack-file", file...)
	require.True(t, eval[bool](v, `document.getElementById("pack-dialog").open`))
	require.Contains(t, v.text("#pack-claim"), college.name)
	require.NotContains(t, eval[string](v, `document.body.textContent`), college.fingerprint(t), "it is to be had from the institution")
	require.Equal(t, "fingerprint", eval[string](v, `document.activeElement.id`))
	v.shoot("pack")

	typed := func(fingerprint string) {
		v.run(`document.getElementById("fingerprint").value = ` + js(fingerprint))
		v.finish(func() { v.run(`document.getElementById("pack-add").click()`) })
	}
	for _, wrong := range []string{"", "1234", uni.fingerprint(t), impostor.fingerprint(t), strings.Replace(college.fingerprint(t), " ", "", -1)[:39]} {
		typed(wrong)
		require.NotEmpty(t, v.text("#pack-error"), wrong)
		require.True(t, eval[bool](v, `document.getElementById("pack-dialog").open`))
		require.NotContains(t, v.text("#issuers"), college.name)
	}
	v.shoot("pack refused")
	typed("  " + strings.ToUpper(college.fingerprint(t)) + "\n")
	require.False(t, eval[bool](v, `document.getElementById("pack-dialog").open`))
	require.Contains(t, v.text("#trust-said"), college.name)
	require.Contains(t, v.text("#issuers"), college.name)
	// Its documents are anchored in a chain that this page does not have.
	require.Equal(t, []string{"CANNOT TELL"}, v.words())
	require.Contains(t, v.text("#cards"), college.name, "who issued it is known now")

	// A stranger who writes the university's name into a pack gets nowhere, even
	// with a fingerprint that is right for it.
	stranger := issue(t, impostor, map[string][]byte{"a.pdf": sample(t, reissue)})
	v.chooseIn("#pack-file", write(t, dir, map[string][]byte{"a.pack": stranger.pack(t)}, "a.pack")...)
	typed(impostor.fingerprint(t))
	require.NotEmpty(t, v.text("#pack-error"))
	require.NotContains(t, v.text("#issuers"), impostor.fingerprint(t))
	v.run(`document.getElementById("pack-cancel").click()`)
	v.startOver()
	v.choose(write(t, dir, stranger.files, "a.pdf", "a.pdf"+proof.Suffix)...)
	require.NotEqual(t, []string{"VALID"}, v.words())
}
