package calendar

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Aggregators are the public services that digests are submitted to by default.
// The timestamps they give name calendars that Public has.
var Aggregators = []string{
	"https://a.pool.opentimestamps.org",
	"https://b.pool.opentimestamps.org",
	"https://a.pool.eternitywall.com",
	"https://ots.btc.catallaxy.com",
}

// Public are the public calendars: those that the reference implementation
// asks.
var Public = mustParse(
	"https://*.calendar.opentimestamps.org",
	"https://*.calendar.eternitywall.com",
	"https://*.calendar.catallaxy.com",
)

// Whitelist says which calendars may be asked because a timestamp names them.
// The zero value allows none.
type Whitelist struct{ entries []entry }

// entry is a calendar, or all in the sub-domains of a host.
type entry struct {
	address
	below bool // any sub-domain of the host, of one or more labels, and not the host
}

// ParseWhitelist reads URLs of calendars, as Config has them. A host of https
// can begin with "*.", which stands for one or more labels:
// "https://*.calendar.example" is every calendar below calendar.example, and not
// that one itself. Two labels at least must follow, so that nobody allows all
// of a country.
func ParseWhitelist(urls []string) (Whitelist, error) {
	var w Whitelist
	for _, url := range urls {
		e, err := parseEntry(url)
		if err != nil {
			return Whitelist{}, err
		}
		w.entries = append(w.entries, e)
	}
	return w, nil
}

func parseEntry(url string) (entry, error) {
	rest, below := strings.CutPrefix(url, "https://*.")
	if !below {
		at, err := parseAddress(url)
		return entry{address: at}, err
	}
	at, err := parseAddress("https://" + rest)
	if err == nil && (isIP(at.host) || !strings.Contains(at.host, ".")) {
		err = errors.New("want two labels at least behind the asterisk")
	}
	if err != nil {
		return entry{}, fmt.Errorf("malformed entry %q of the whitelist: %w", url, err)
	}
	return entry{at, true}, nil
}

// mustParse is for the list that is built in.
func mustParse(urls ...string) Whitelist {
	w, err := ParseWhitelist(urls)
	if err != nil {
		panic(err)
	}
	return w
}

// Allows reports whether a calendar may be asked: scheme, host, port and path
// are those of an entry. Upper and lower case of the host are the same, a port
// is that of the scheme where none is given, and a slash at the end counts for
// nothing. What New refuses is not allowed.
func (w Whitelist) Allows(uri string) bool {
	at, err := parseAddress(uri)
	return err == nil && slices.ContainsFunc(w.entries, func(e entry) bool { return e.has(at) })
}

func (e entry) has(at address) bool {
	if e.below {
		return strings.HasSuffix(at.host, "."+e.host) && at.scheme == e.scheme && at.port == e.port && at.path == e.path
	}
	return at == e.address
}

// String lists the entries, with commas between them.
func (w Whitelist) String() string {
	var all []string
	for _, e := range w.entries {
		text := e.address.String()
		if e.below {
			text = strings.Replace(text, "://", "://*.", 1)
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}
