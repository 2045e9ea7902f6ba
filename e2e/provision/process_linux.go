package provision

import "syscall"

// attributes has the kernel end the child when this process ends in a way that leaves no time for it.
func attributes(c Command) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: c.Stop, Credential: c.User}
}
