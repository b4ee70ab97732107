package calendar_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"gradseal/anchor/calendar"
	"gradseal/proof/ots"
)

func whitelist(t testing.TB, urls ...string) calendar.Whitelist {
	t.Helper()
	w, err := calendar.ParseWhitelist(urls)
	require.NoError(t, err)
	return w
}

func TestPublic(t *testing.T) {
	for _, uri := range []string{
		"https://alice.btc.calendar.opentimestamps.org",
		"https://bob.btc.calendar.opentimestamps.org",
		"https://finney.calendar.eternitywall.com",
		"https://btc.calendar.catallaxy.com",
		"https://a.b.c.calendar.catallaxy.com/",
		"https://Alice.BTC.calendar.OpenTimestamps.org",
		"https://alice.btc.calendar.opentimestamps.org:443",
	} {
		require.True(t, calendar.Public.Allows(uri), uri)
	}
	for _, uri := range []string{
		"",
		"alice.btc.calendar.opentimestamps.org",
		"//alice.btc.calendar.opentimestamps.org",
		"http://alice.btc.calendar.opentimestamps.org",
		"HTTPS://alice.btc.calendar.opentimestamps.org",
		"ftp://alice.btc.calendar.opentimestamps.org",
		"https:alice.btc.calendar.opentimestamps.org",
		"https:/alice.btc.calendar.opentimestamps.org",
		"https:///alice.btc.calendar.opentimestamps.org",
		"https://calendar.opentimestamps.org",
		"https://.calendar.opentimestamps.org",
		"https://a..calendar.opentimestamps.org",
		"https://-.calendar.opentimestamps.org",
		"https://a_b.calendar.opentimestamps.org",
		"https://evilcalendar.opentimestamps.org",
		"https://calendar.opentimestamps.org.evil.example",
		"https://a.calendar.opentimestamps.org.evil.example",
		"https://a.calendar.opentimestamps.org.",
		"https://a.calendar.opentimestamps.org..",
		"https://evil.example/.calendar.opentimestamps.org",
		"https://evil.example/a.calendar.opentimestamps.org",
		"https://evil.example:443/a.calendar.opentimestamps.org",
		"https://evil.example:.calendar.opentimestamps.org",
		"https://evil.example?.calendar.opentimestamps.org",
		"https://evil.example#.calendar.opentimestamps.org",
		"https://evil.example\\.calendar.opentimestamps.org",
		"https://evil.example%2f.calendar.opentimestamps.org",
		"https://evil.example\x00.calendar.opentimestamps.org",
		"https://me@a.calendar.opentimestamps.org",
		"https://a.calendar.opentimestamps.org@evil.example",
		"https://a.calendar.opentimestamps.org:a@evil.example",
		"https://a.calendar.opentimestamps.org:",
		"https://a.calendar.opentimestamps.org:0443",
		"https://a.calendar.opentimestamps.org:0",
		"https://a.calendar.opentimestamps.org:65979", // 443 in 16 bits
		"https://a.calendar.opentimestamps.org:444",
		"https://a.calendar.opentimestamps.org:443:443",
		"https://a.calendar.opentimestamps.org//",
		"https://a.calendar.opentimestamps.org/.",
		"https://a.calendar.opentimestamps.org/..",
		"https://a.calendar.opentimestamps.org/x",
		"https://a.calendar.opentimestamps.org/?x",
		"https://a.calendar.opentimestamps.org/#x",
		" https://a.calendar.opentimestamps.org",
		"https://a.calendar.opentimestamps.org\n",
		"https://ä.calendar.opentimestamps.org",
		"https://*.calendar.opentimestamps.org",
		"https://" + strings.Repeat("a", 64) + ".calendar.opentimestamps.org",
		"https://" + strings.Repeat("a.", 120) + "calendar.opentimestamps.org",
		"https://a.calendar.opentimestamps.org" + strings.Repeat("/", 1000),
		"https://127.0.0.1",
		"http://127.0.0.1",
	} {
		require.False(t, calendar.Public.Allows(uri), uri)
	}
}

func TestWhitelist(t *testing.T) {
	w := whitelist(t, "https://Calendar.example/path/", "http://127.0.0.1:1234", "http://localhost", "https://*.cal.example:8443/ots", "https://192.0.2.1")
	for _, uri := range []string{
		"https://calendar.example/path", "https://CALENDAR.example:443/path/", "http://127.0.0.1:1234", "http://127.0.0.1:1234/",
		"http://localhost", "http://LOCALHOST:80", "https://a.cal.example:8443/ots", "https://a.b.CAL.example:8443/ots/", "https://192.0.2.1",
	} {
		require.True(t, w.Allows(uri), uri)
	}
	for _, uri := range []string{
		"https://calendar.example", "https://calendar.example/PATH", "https://calendar.example/path/x", "https://calendar.example/path//",
		"https://calendar.example//path", "https://calendar.example/x/../path", "https://calendar.example/./path", "https://a.calendar.example/path",
		"http://127.0.0.1", "http://127.0.0.1:12345", "http://127.0.0.1:1234/x", "https://127.0.0.1:1234", "http://127.1:1234", "http://127.0.0.2:1234",
		"http://0x7f000001:1234", "http://2130706433:1234", "http://0127.0.0.1:1234", "http://127.0.0.1.:1234", "http://localhost.:1234",
		"http://localhost:81", "https://localhost", "https://cal.example:8443/ots", "https://a.cal.example/ots", "https://a.cal.example:8443",
		"https://a.192.0.2.1", "https://1.192.0.2.1",
	} {
		require.False(t, w.Allows(uri), uri)
	}
	require.False(t, calendar.Whitelist{}.Allows("https://calendar.example/path"), "the zero value allows none")
	require.Equal(t, "https://calendar.example/path, http://127.0.0.1:1234, http://localhost, https://*.cal.example:8443/ots, https://192.0.2.1", w.String())
	require.Equal(t, w, whitelist(t, strings.Split(w.String(), ", ")...))
}

func TestParseWhitelistRefuses(t *testing.T) {
	for entry, want := range map[string]string{
		"":                        `malformed URL ""`,
		"calendar.example":        "does not begin with",
		"*.calendar.example":      "of letters, digits and",
		"http://*.example.com":    "of letters, digits and",
		"https://*":               "of letters, digits and",
		"https://*.":              `"" is not the name of a host`,
		"https://*.com":           "want two labels at least behind the asterisk",
		"https://*.0.2.1":         `"0.2.1" is not the name of a host`,
		"https://*.192.0.2.1":     "want two labels at least behind the asterisk",
		"https://a.*.example.com": "of letters, digits and",
		"https://*.*.example.com": "of letters, digits and",
		"https://**.example.com":  "of letters, digits and",
		"https://*example.com":    "of letters, digits and",
		"http://calendar.example": "it must begin with https:// unless the calendar is on this machine",
		"http://192.0.2.1":        "it must begin with https:// unless",
		"https://[::1]":           "of letters, digits and",
		"https://a.example:x":     `"x" is not a port`,
		"https://a.example/../b":  `"/../b" is not a plain path`,
		"https://a.example//":     `"//" is not a plain path`,
		"https://me@a.example":    "of letters, digits and",
		"https://a.example/?q":    "of letters, digits and",
	} {
		w, err := calendar.ParseWhitelist([]string{"https://calendar.example", entry})
		require.ErrorContains(t, err, want, entry)
		require.Equal(t, calendar.Whitelist{}, w)
	}
}

// TestAggregatorsAreURLs: and none of them is a calendar of the whitelist.
func TestAggregatorsAreURLs(t *testing.T) {
	for _, text := range calendar.Aggregators {
		c, err := calendar.New(calendar.Config{URL: text})
		require.NoError(t, err)
		require.Equal(t, text, c.URL())
		require.False(t, calendar.Public.Allows(text))
	}
}

// FuzzWhitelist holds what is allowed to what net/url reads, by which the
// request is made.
func FuzzWhitelist(f *testing.F) {
	for _, seed := range []string{
		"https://alice.btc.calendar.opentimestamps.org", "https://evil.example/.calendar.opentimestamps.org", "https://a.calendar.catallaxy.com:443/",
		"http://127.0.0.1:1234/", "https://*.calendar.example:8443/ots", "https://a.calendar.opentimestamps.org:443:443", "https://a.calendar.opentimestamps.org/..",
		"https://me@a.calendar.opentimestamps.org", "https://a.calendar.opentimestamps.org.", "http://localhost:80", "https://A.CALENDAR.eternitywall.com//",
	} {
		f.Add(seed)
	}
	hosts := []string{".calendar.opentimestamps.org", ".calendar.eternitywall.com", ".calendar.catallaxy.com"}
	f.Fuzz(func(t *testing.T, text string) {
		if calendar.Public.Allows(text) {
			u, err := url.Parse(text)
			require.NoError(t, err)
			host := strings.ToLower(u.Hostname())
			allowed := false
			for _, suffix := range hosts {
				allowed = allowed || len(host) > len(suffix) && strings.HasSuffix(host, suffix)
			}
			require.True(t, allowed, host)
			require.Equal(t, "https", u.Scheme)
			require.Nil(t, u.User)
			require.Contains(t, []string{"", "443"}, u.Port())
			require.Contains(t, []string{"", "/"}, u.EscapedPath())
			require.Empty(t, u.RawQuery+u.Fragment)
			_, ok := ots.Pending(text).URI()
			require.True(t, ok)
		}
		w, err := calendar.ParseWhitelist([]string{text})
		if err != nil {
			return
		}
		require.Equal(t, w, whitelist(t, w.String()))
		if strings.Contains(text, "*") {
			require.False(t, w.Allows(text))
			require.False(t, w.Allows(strings.Replace(text, "*.", "", 1)))
			require.True(t, w.Allows(strings.Replace(text, "*", "a.b", 1)))
			return
		}
		require.True(t, w.Allows(text))
		require.False(t, w.Allows(strings.Replace(text, "://", "://a.", 1)))
		c, err := calendar.New(calendar.Config{URL: text})
		require.NoError(t, err)
		require.Equal(t, w.String(), c.URL())
		require.True(t, w.Allows(c.URL()))
	})
}
