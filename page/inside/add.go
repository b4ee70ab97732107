package inside

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gradseal/headers"
	"gradseal/issuer"
	"gradseal/trust"
	"gradseal/words"
)

// AddStatus takes in a newer status list, or those in a pack, of issuers that the
// page knows: from whomever they come, the signature decides. It returns what
// became of them, in the language of the page; so does its error.
//
// Of a pack nothing else is taken: its headers are signed by nobody.
func (p *Page) AddStatus(data []byte) (string, error) {
	lists := [][]byte{data}
	if _, _, err := issuer.ParseStatus(data); err != nil {
		pack, packErr := readPack(data)
		if packErr != nil {
			return "", p.refuse("status.not", err)
		}
		if lists = pack.Status; len(lists) == 0 {
			return "", p.refuse("status.none", nil)
		}
	}
	var said []string
	for _, l := range lists {
		text, err := p.addList(l)
		if err != nil {
			return "", err
		}
		said = append(said, text)
	}
	return strings.Join(said, " "), nil
}

// addList takes in one list. Two lists that contradict each other are no error
// here: the page has learnt something, and shows it from now on.
func (p *Page) addList(data []byte) (string, error) {
	l, newer, err := p.shelf.importStatus(data, p.now())
	args := p.listArgs(l)
	switch {
	case errors.Is(err, trust.ErrStatusFork):
		return p.say("status.fork", args), nil
	case errors.Is(err, trust.ErrUnknownIssuer):
		return "", errors.New(p.say("status.unknown", args))
	case errors.Is(err, issuer.ErrStatusOlder):
		return "", errors.New(p.say("status.older", args))
	case err != nil:
		return "", p.refuse("status.invalid", err)
	case newer:
		return p.say("status.newer", args), nil
	}
	return p.say("status.same", args), nil
}

func (p *Page) listArgs(l trust.SignedList) map[string]string {
	if l.StatusList == nil {
		return nil
	}
	name := l.Issuer
	if e := p.shelf.entries[name]; e != nil {
		name = e.file.Name
	}
	return map[string]string{"name": words.Curly(name), "network": l.Network.String(), "day": p.language.Day(l.AsOf)}
}

// refuse is an error in the language of the page, with what was found wrong.
func (p *Page) refuse(key string, why error) error {
	if why == nil {
		return errors.New(p.say(key, nil))
	}
	return errors.New(p.say(key, map[string]string{"why": words.Safe(why.Error())}))
}

// Claim is what a pack says of itself.
type Claim struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// ReadPack returns whose a pack says it is. It does not return its fingerprint:
// whoever would read it here would type it here.
func (p *Page) ReadPack(data []byte) (Claim, error) {
	pack, err := readPack(data)
	if err != nil {
		return Claim{}, p.refuse("pack.not", err)
	}
	return Claim{ID: pack.File.ID, Name: words.Safe(pack.File.Name)}, nil
}

// AddPack takes in a pack of an issuer whose fingerprint the visitor has typed.
// It returns what became of it, in the language of the page; so does its error,
// after which nothing of the issuer was taken in.
func (p *Page) AddPack(data []byte, typed string) (string, error) {
	pack, err := readPack(data)
	if err != nil {
		return "", p.refuse("pack.not", err)
	}
	fingerprint, err := issuer.ParseFingerprint(typed)
	switch {
	case err != nil:
		return "", p.refuse("pack.fingerprint-malformed", nil)
	case fingerprint != pack.File.Fingerprint():
		return "", p.refuse("pack.fingerprint-differs", nil)
	}
	if _, err := p.shelf.plan(pack.Issuer); err != nil {
		return "", p.refuse("pack.invalid", err)
	}
	if err := pack.Check(p.now()); err != nil {
		return "", p.refuse("pack.invalid", err)
	}
	// Headers go first: a pack with false ones is not to be trusted at all.
	refused, err := p.takeHeaders(pack)
	if err != nil {
		return "", p.refuse("pack.invalid", err)
	}
	said, err := p.takeIssuer(pack)
	if err != nil {
		return "", p.refuse("pack.invalid", err)
	}
	if refused {
		said = append(said, p.say("pack.headers-refused", nil))
	} else if c := p.headers.Chain(); c != nil && len(pack.Segments) > 0 {
		said = append(said, p.say("pack.headers", map[string]string{"height": strconv.FormatUint(uint64(c.Height()), 10)}))
	}
	return strings.Join(said, " "), nil
}

// readPack reads a pack, or an issuer file alone.
func readPack(data []byte) (*trust.Pack, error) {
	if _, err := issuer.ParseFile(data); err == nil {
		return trust.NewPack(data, nil, nil)
	}
	return trust.ParsePack(data)
}

// takeIssuer takes in the issuer file and the status lists of a pack.
func (p *Page) takeIssuer(pack *trust.Pack) (said []string, err error) {
	change, err := p.shelf.add(pack.Issuer)
	if err != nil {
		return nil, err
	}
	key := map[trust.Change]string{trust.Added: "pack.added", trust.Updated: "pack.updated", trust.Unchanged: "pack.unchanged"}[change]
	said = append(said, p.say(key, map[string]string{"name": words.Curly(pack.File.Name)}))
	for _, l := range pack.Status {
		text, err := p.addList(l)
		if err != nil { // that of an older list, which stays out
			text = err.Error()
		}
		said = append(said, text)
	}
	return said, nil
}

// takeHeaders takes in the headers of a pack for the network that counts. False
// ones are an error. Those that contradict the chain of this page, or do not
// reach it, stay out: what its maker put in goes before what somebody gave the
// visitor.
func (p *Page) takeHeaders(pack *trust.Pack) (refused bool, err error) {
	for _, s := range pack.Segments {
		if s.Network != p.policy.Network {
			continue
		}
		err := p.takeSegment(s, headers.Options{Name: "pack of " + pack.File.ID, Now: p.now()})
		switch {
		case errors.Is(err, headers.ErrDisagree), errors.Is(err, headers.ErrLessWork),
			errors.Is(err, headers.ErrGap), errors.Is(err, headers.ErrFuture):
			refused = true
		case err != nil:
			return false, fmt.Errorf("headers of %s: %w", s.Network, err)
		}
	}
	return refused, nil
}

// takeSegment takes in headers. On a test network they must agree with those that
// are here.
func (p *Page) takeSegment(s *headers.Segment, o headers.Options) error {
	if c := p.headers.Chain(); c != nil && s.Network.IsTest() {
		if err := c.Agrees(s); err != nil {
			return err
		}
	}
	return p.headers.Import(s, o)
}
