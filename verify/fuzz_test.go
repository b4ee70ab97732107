package verify_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"gradseal/bitcoin"
	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/proof"
	"gradseal/proof/ots"
	"gradseal/trust"
	"gradseal/verify"
)

// FuzzVerify runs the verifier from file to verdict. Two documents of one batch
// are known to it, one of them withdrawn. All is made the same in every process,
// so that what one fuzzing process finds means the same to another.
func FuzzVerify(f *testing.F) {
	good := ownScene(f, issue(f, 9, 4, uniStatement(ownTime), dean, registrar))
	gone := ownScene(f, issue(f, 9, 5, uniStatement(ownTime), dean, registrar))
	gone.withdraw()
	gone.useList(f)
	good.trust.Status = gone.trust.Status
	v := good.verifier(f)
	goodFile, goneFile := good.file(f), gone.file(f)
	requireResult(f, v.Verify(good.digest, goodFile), verify.Valid, nil)
	requireResult(f, v.Verify(gone.digest, goneFile), verify.Withdrawn, findings{verify.Status: failed(verify.DocumentWithdrawn)})

	f.Add(goodFile)
	f.Add(goneFile)
	f.Add([]byte(strings.Replace(string(goodFile), "proof/1", "proof/2", 1)))
	good.proof.Bitcoin.Successors = good.hs[2:]
	f.Add(good.file(f))
	good.proof.Bitcoin = nil
	f.Add(good.file(f))
	two := issue(f, 9, 4, uniStatement(ownTime), dean, registrar)
	join(f, two, nil, issuer.Statement{Issuer: allianceID, Network: bitcoin.Regtest, Issued: ownTime}, secretary)
	f.Add(ownScene(f, two).file(f))
	addTimestamp(f, gone)
	f.Add(gone.file(f))
	gone.proof.Bitcoin = nil
	f.Add(gone.file(f))

	f.Fuzz(func(t *testing.T, data []byte) {
		r := v.Verify(good.digest, data)
		require.Equal(t, good.verifier(t).Verify(good.digest, data), r, "what the verifier remembers changes no answer")
		requireConsistent(t, r)
		if r.Verdict == verify.Valid {
			requireSame(t, goodFile, data)
		}
		r = v.Verify(gone.digest, data)
		requireConsistent(t, r)
		require.NotEqual(t, verify.Valid, r.Verdict)
		if r.Verdict == verify.Withdrawn && r.Header != nil && r.Checks[verify.Anchor].Outcome == verify.OK {
			requireSame(t, goneFile, data)
		}
	})
}

// requireSame checks that a proof which leads to the block of another is that
// one, but for what no verdict rests on: headers that prove nothing to a verifier
// with a header chain, and a second attestation. A timestamp that decides can be
// written in several ways, such as with one operation split into two.
func requireSame(t testing.TB, want, got []byte) {
	t.Helper()
	w, err := proof.Parse(want)
	require.NoError(t, err)
	p, err := proof.Parse(got)
	require.NoError(t, err)
	p.OpenTimestamps = nil
	if p.Bitcoin == nil {
		w.Bitcoin = nil
	} else {
		p.Bitcoin.Successors = nil
	}
	want, err = proof.Marshal(w)
	require.NoError(t, err)
	got, err = proof.Marshal(p)
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}

// FuzzJudgeTimestamp runs the verifier from .ots file to verdict: whatever the
// file says, it proves no more than existence.
func FuzzJudgeTimestamp(f *testing.F) {
	s := ownScene(f, issue(f, 9, 4, uniStatement(ownTime), dean, registrar))
	v := s.verifier(f)
	p, err := proof.Parse(s.file(f))
	require.NoError(f, err)
	file, err := p.Export(nil)
	require.NoError(f, err)
	good, err := file.Marshal()
	require.NoError(f, err)
	f.Add(good)
	for _, a := range []ots.Attestation{ots.Pending("https://calendar.example"), ots.Bitcoin(1 << 40), {Tag: ots.TagLitecoin, Payload: "\x02"}} {
		file.Timestamp = ots.Merge(file.Timestamp, &ots.Timestamp{Attestations: []ots.Attestation{a}})
		data, err := file.Marshal()
		require.NoError(f, err)
		f.Add(data)
	}
	for _, op := range []ots.Operation{ots.SHA1, ots.RIPEMD160} {
		weak := &ots.File{Hash: op, Digest: make([]byte, 20), Timestamp: ots.Path{Ops: []ots.Operation{ots.Hexlify, ots.Reverse}, Attestation: ots.Bitcoin(2)}.Timestamp()}
		data, err := weak.Marshal()
		require.NoError(f, err)
		f.Add(data)
	}

	f.Fuzz(func(t *testing.T, data []byte) {
		r := v.JudgeTimestamp(s.digest[:], verify.ReadTimestamp(data))
		requireConsistent(t, r)
		require.Contains(t, []verify.Verdict{verify.Invalid, verify.CannotTell}, r.Verdict)
		require.Equal(t, r.Problem == nil, r.Existence != nil)
		if r.Verdict == verify.CannotTell && !r.NoLaterThan.IsZero() {
			require.Equal(t, s.proof.Bitcoin.Header.Hash(), r.Header.Hash, "no other block has the document")
		}
	})
}

// requireConsistent checks what holds of every result.
func requireConsistent(t testing.TB, r *verify.Result) {
	t.Helper()
	require.Equal(t, r.Problem != nil, r.Reason != "")
	if r.Problem != nil {
		require.Contains(t, []verify.Verdict{verify.Invalid, verify.CannotTell}, r.Verdict)
		requireNotChecked(t, r)
		require.Less(t, len(r.Problem.Error()), 1000)
		return
	}
	require.Equal(t, r.Verdict == verify.Valid, r.First() == nil)
	for i, c := range r.Checks {
		require.Equal(t, c.Outcome == verify.OK, c.Reason == "")
		require.False(t, c.Outcome == verify.Failed && i != verify.Status && r.Verdict != verify.Invalid)
		require.False(t, c.Outcome != verify.OK && r.Verdict == verify.Valid)
		require.Less(t, len(c.Detail), 1000)
		require.False(t, bytes.ContainsAny([]byte(c.Detail), "\n\r\x1b"), "details are one line: %q", c.Detail)
	}
}

// FuzzVerifyAll changes all that a verifier is given at once: the document, its
// proof, the status list and the pack with the header chain. What it has of its own
// is the issuer file that it pinned.
//
// VALID then says that the document is byte for byte the issued one; that the
// proof is the one that was made, but for what requireSame names; that the list has
// the text of one that the officers signed; and that the block is the one that was
// mined. Nothing else may differ without the verdict.
func FuzzVerifyAll(f *testing.F) {
	s := ownScene(f, issue(f, 9, 4, uniStatement(ownTime), dean, registrar))
	document, file := documents(9)[4].content, s.file(f)
	pinned, pinnedData := uniFileData(f, s.time.Add(-day), time.Time{})
	list, listData := statusList(f, s.list, dean, registrar)
	chain := append([]bitcoin.Header{bitcoin.Regtest.Genesis()}, s.hs...)
	packed := func(hs []bitcoin.Header, lists ...[]byte) []byte {
		segment, err := (&headers.Segment{Network: bitcoin.Regtest, Source: "a test", Headers: hs}).Marshal()
		require.NoError(f, err)
		pack, err := trust.NewPack(pinnedData, lists, [][]byte{segment})
		require.NoError(f, err)
		data, err := pack.Marshal()
		require.NoError(f, err)
		return data
	}
	good := packed(chain, listData)
	judge := func(t testing.TB, document, file, listData, packData []byte) *verify.Result {
		own := verify.Trust{Issuers: []*issuer.File{pinned}}
		if l, note, err := issuer.ParseStatus(listData); err == nil {
			own.Status = []verify.StatusList{{StatusList: l, Note: note}}
		}
		if p, err := trust.ParsePack(packData); err == nil && len(p.Segments) > 0 {
			own.Chain = chainOf(p.Segments[0], s.policy.Now)
		}
		v, err := verify.New(own, s.policy)
		require.NoError(t, err)
		document, file = inside(document, file)
		return v.Verify(digestOf(t, document), file)
	}
	requireResult(f, judge(f, document, file, listData, good), verify.Valid, nil)
	trailer, err := proof.Trailer(bytes.NewReader(document), int64(len(document)), file)
	require.NoError(f, err)
	embedded := append(bytes.Clone(document), trailer...)
	requireResult(f, judge(f, embedded, nil, listData, good), verify.Valid, nil)

	s.withdraw()
	_, withdrawn := statusList(f, s.list, dean, registrar)
	_, bySpare := statusList(f, list.StatusList, spare)
	f.Add(document, file, listData, good)
	f.Add(embedded, []byte{}, listData, good)
	f.Add(documents(9)[5].content, file, listData, good)
	f.Add(document, file, withdrawn, good)
	f.Add(document, file, bySpare, good)
	f.Add(document, file, listData, packed(chain[:2], listData))
	s.proof.Bitcoin.Successors = s.hs[2:]
	f.Add(document, s.file(f), listData, good)

	f.Fuzz(func(t *testing.T, gotDocument, gotFile, gotList, gotPack []byte) {
		r := judge(t, gotDocument, gotFile, gotList, gotPack)
		requireConsistent(t, r)
		if r.Verdict != verify.Valid {
			return
		}
		gotDocument, gotFile = inside(gotDocument, gotFile)
		require.Equal(t, string(document), string(gotDocument))
		requireSame(t, file, gotFile)
		_, note, err := issuer.ParseStatus(gotList)
		require.NoError(t, err)
		require.Equal(t, list.Note.Text, note.Text)
		require.Equal(t, s.proof.Bitcoin.Header.Hash(), r.Header.Hash)
	})
}

// inside takes the proof out of a document that carries one.
func inside(document, proofFile []byte) (original, used []byte) {
	n, carried, err := proof.SplitTrailer(bytes.NewReader(document), int64(len(document)))
	if err != nil {
		return document, proofFile
	}
	return document[:n], carried
}

// chainOf is a header chain in memory, nil where the segment is no beginning of one.
func chainOf(s *headers.Segment, now time.Time) verify.Chain {
	m, err := headers.NewMemory(bitcoin.Regtest)
	if err != nil || m.Import(s, headers.Options{Now: now}) != nil || m.Chain() == nil {
		return nil
	}
	return m.Chain()
}
