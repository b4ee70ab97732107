//go:build !linux

package main

import (
	"errors"
	"os"
)

func openTerminal() (master, slave *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}
