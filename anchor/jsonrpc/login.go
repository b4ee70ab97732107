package jsonrpc

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"gradseal/anchor"
)

// Login returns the user name and the password for a request.
type Login func() (user, password string, err error)

// Password is the login of a user whose password does not change.
func Password(user, password string) Login {
	return func() (string, string, error) { return user, password, nil }
}

// maxSecret is the size in bytes of the largest file with a login. Bitcoin
// Core's has 75.
const maxSecret = 4096

// Cookie is the login in the file that Bitcoin Core writes at each start
// (DATADIR/.cookie, on test networks in a folder of the network's name): user
// and password with a colon between.
func Cookie(file string) Login {
	return func() (string, string, error) {
		text, err := readSecret(file)
		if errors.Is(err, fs.ErrNotExist) {
			return "", "", &anchor.Remedy{
				Err:  fmt.Errorf("%w: %w", anchor.ErrUnreachable, err),
				Text: "start bitcoind, which writes its cookie then, or give the cookie file of its data directory and network",
			}
		}
		if err != nil {
			return "", "", err
		}
		user, password, ok := strings.Cut(text, ":")
		if !ok {
			return "", "", fmt.Errorf("%s: not a cookie file: no colon", file)
		}
		return user, password, nil
	}
}

// PasswordFile is the login of a user whose password is the first line of a
// file, without its line end.
func PasswordFile(user, file string) Login {
	return func() (string, string, error) {
		text, err := readSecret(file)
		if err != nil {
			return "", "", err
		}
		line, _, _ := strings.Cut(text, "\n")
		return user, strings.TrimSuffix(line, "\r"), nil
	}
}

func readSecret(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", err
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("%s: more than %d bytes, want a password", file, maxSecret)
	}
	return string(b), nil
}
