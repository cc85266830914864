package flags

import "syscall"

// NoCore keeps the memory of this process, in which passwords and tokens are, out of core files, should it crash: for good, since
// the hard limit goes as well. Programs that the kernel pipes cores to (systemd-coredump, apport) go by it too. What a process may not
// lower, it has lowered already, so there is no error to report.
func NoCore() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
}
