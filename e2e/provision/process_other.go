//go:build unix && !linux

package provision

import "syscall"

func attributes(c Command) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: c.User}
}
