// Package regular opens files that are nothing but files: no folder, no device, and
// no named pipe, which would make its reader wait for the other end.
//
// Package os asks the system about each file that it opens whether it could be
// waited for, as for a pipe or a terminal, and takes note of it. Five system calls of
// that kind for each of many small files take longer than reading them. A File here is
// a descriptor and nothing else.
package regular

import (
	"errors"
	"fmt"
)

// ErrNotRegular says that what was to be opened is no regular file.
var ErrNotRegular = errors.New("is not a regular file")

func notRegular(path string) error { return fmt.Errorf("%s: %w", path, ErrNotRegular) }
