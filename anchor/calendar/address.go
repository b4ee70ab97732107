package calendar

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"gradseal/anchor/web"
	"gradseal/proof/ots"
)

// address is where a calendar is.
type address struct {
	scheme string // "https", or "http" for this machine
	host   string // lower-case, without the port
	port   uint16 // that of the scheme where none is given
	path   string // empty, or with a slash before it and none behind
}

var schemePorts = map[string]uint16{"http": 80, "https": 443}

// parseAddress reads the URL of a calendar. It reads less than there are URLs:
// what two programs could read in two ways is refused.
func parseAddress(text string) (address, error) {
	at, err := parse(text)
	if err != nil {
		return address{}, fmt.Errorf("malformed URL %q of a calendar: %w", text, err)
	}
	if at.scheme == "http" && !web.IsLoopback(at.host) {
		return address{}, fmt.Errorf("unsupported URL %q of a calendar: it must begin with https:// unless the calendar is on this machine", text)
	}
	return at, nil
}

func parse(text string) (at address, err error) {
	// The characters of attestations leave no room for users, passwords, queries,
	// escapes, or IPv6 addresses.
	if _, ok := ots.Pending(text).URI(); !ok {
		return at, fmt.Errorf("want at most %d characters, of letters, digits and \"-._/:\" alone", ots.MaxURI)
	}
	scheme, rest, _ := strings.Cut(text, "://")
	usual, ok := schemePorts[scheme]
	if !ok {
		return at, errors.New("it does not begin with \"https://\" or \"http://\"")
	}
	at = address{scheme: scheme, port: usual}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	host, port, hasPort := strings.Cut(authority, ":")
	if at.host = strings.ToLower(host); !isHost(at.host) {
		return at, fmt.Errorf("%q is not the name of a host", host)
	}
	if hasPort {
		if at.port, err = parsePort(port); err != nil {
			return at, err
		}
	}
	if at.path = strings.TrimSuffix(path, "/"); !isPath(at.path) {
		return at, fmt.Errorf("%q is not a plain path", path)
	}
	return at, nil
}

// parsePort reads a port in its one spelling.
func parsePort(text string) (uint16, error) {
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || port == 0 || strconv.FormatUint(port, 10) != text {
		return 0, fmt.Errorf("%q is not a port", text)
	}
	return uint16(port), nil
}

// isHost reports whether a lower-case name is that of a host (RFC 1123 2.1), or
// an IPv4 address in its usual spelling.
func isHost(name string) bool {
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if len(label) == 0 || len(label) > 63 || strings.Trim(label, "-") != label || strings.ContainsAny(label, "_:/") {
			return false
		}
	}
	// A name that ends like a number is read as an address by some programs:
	// 127.1, 0x7f000001. No domain at the top begins with a digit.
	if last := labels[len(labels)-1]; '0' <= last[0] && last[0] <= '9' {
		return isIP(name)
	}
	return len(name) <= 253
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// isPath reports whether a path has no parts that are empty or lead elsewhere.
func isPath(path string) bool {
	if path == "" {
		return true
	}
	for _, part := range strings.Split(path[1:], "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

// String is the address in one spelling, without a port that is the scheme's.
func (a address) String() string {
	host := a.host
	if a.port != schemePorts[a.scheme] {
		host = net.JoinHostPort(host, strconv.Itoa(int(a.port)))
	}
	return a.scheme + "://" + host + a.path
}
