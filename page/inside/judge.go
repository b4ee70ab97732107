package inside

import (
	"slices"

	"gradseal/diagnose"
	"gradseal/evidence"
	"gradseal/verify"
	"gradseal/words"
)

// Judgement is what is said about the files that the visitor dropped.
type Judgement struct {
	// Views are one for each document, in the order of the files; one for each
	// proof where there is no document.
	Views   []words.View `json:"views"`
	Ignored []Ignored    `json:"ignored"`
}

// Judge gives a verdict on every document among the files. progress is called
// with the bytes read so far and in all, and may be nil.
func (p *Page) Judge(files []File, progress func(done, total int64)) (*Judgement, error) {
	v, err := p.verifier()
	if err != nil {
		return nil, err
	}
	h := p.sortFiles(files)
	meter := newMeter(h.documents, progress)
	find := h.finder()
	used := make(map[*verify.Proof]bool)
	out := &Judgement{Views: []words.View{}, Ignored: []Ignored{}}
	for _, d := range h.documents {
		s := p.judge(v, find, d, meter)
		used[s.Evidence.Proof] = true
		for _, spare := range s.Evidence.Spare {
			used[spare] = true
		}
		out.Views = append(out.Views, p.language.View(s))
	}
	if len(h.documents) == 0 {
		out.Views = append(out.Views, p.withoutDocuments(v, &h)...)
	}
	for _, g := range h.proofs {
		if !used[g.Proof] {
			h.ignored = append(h.ignored, p.ignore(g.name, unusedProof(g)))
		}
	}
	out.Ignored = append(out.Ignored, h.ignored...)
	return out, nil
}

// withoutDocuments judges proofs of which no document is at hand, such as one
// that was read from paper: they say which file is wanted.
func (p *Page) withoutDocuments(v *verify.Verifier, h *heap) (views []words.View) {
	h.proofs = slices.DeleteFunc(h.proofs, func(g givenProof) bool {
		_, ok := g.Digest()
		if ok {
			views = append(views, p.language.View(words.Subject{
				Name: g.name, Evidence: evidence.Evidence{Proof: g.Proof}, Result: v.JudgeWithoutDocument(*g.Proof),
				Accepted: p.policy.Network, Surface: words.Page,
			}))
		}
		return ok
	})
	return views
}

func unusedProof(g givenProof) string {
	if _, ok := g.Digest(); !ok {
		return "not-a-proof"
	}
	return "no-document"
}

// verifier believes what the page does, now.
func (p *Page) verifier() (*verify.Verifier, error) {
	believed, policy := p.shelf.trust(), p.policy
	believed.Chain, policy.Now = p.chain(), p.now()
	return verify.New(believed, policy)
}

// judge gives the verdict on one document. One that cannot be read must not keep
// others from being judged.
func (p *Page) judge(v *verify.Verifier, find *evidence.Finder, d File, meter *meter) words.Subject {
	s := words.Subject{Name: d.Name, Accepted: p.policy.Network, Surface: words.Page}
	var err error
	if s.Evidence, err = find.Find(d.Name, d.SectionReader, meter); err != nil {
		s.Evidence, s.Result = evidence.Evidence{}, verify.NotRead(err)
		return s
	}
	s.Result = s.Evidence.Judge(v)
	if s.Found, err = diagnose.Explain(d.SectionReader, s.Evidence, s.Result); err != nil {
		s.Found = nil // the verdict stands without an explanation
	}
	return s
}

// meter reports how much of the documents was read.
type meter struct {
	done, total, told int64
	report            func(done, total int64)
}

// meterStep is after how many bytes the meter reports again.
const meterStep = 1 << 20

func newMeter(documents []File, report func(done, total int64)) *meter {
	m := &meter{report: report}
	for _, d := range documents {
		m.total += d.Size()
	}
	return m
}

func (m *meter) Write(b []byte) (int, error) {
	m.done += int64(len(b))
	if m.report != nil && (m.done-m.told >= meterStep || m.done == m.total) {
		m.told = m.done
		m.report(m.done, m.total)
	}
	return len(b), nil
}
