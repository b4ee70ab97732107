package testnode

import (
	"os/exec"
	"syscall"
)

// endWithParent has the kernel kill the program when the test is killed, which
// then cannot do it.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
