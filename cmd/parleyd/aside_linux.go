package main

import "golang.org/x/sys/unix"

// asidePriority is a tenth of the processor where others want it all, so that sign-ins go on then, too.
const asidePriority = 10

// yield lowers the priority of the calling thread. Where that is not allowed, it is as the others.
func yield() { _ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), asidePriority) }
