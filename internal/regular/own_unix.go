//go:build unix

package regular

import "golang.org/x/sys/unix"

// OwnFlags are for os.OpenFile: no link is followed, and no named pipe waited for.
const OwnFlags = unix.O_NOFOLLOW | unix.O_NONBLOCK
