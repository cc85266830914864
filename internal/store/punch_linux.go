package store

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// punch has the file system take back the room of a part of a file, which reads as zeros from then on. given is false where it
// cannot do that.
func punch(f *os.File, at, n int64) (given bool, err error) {
	err = unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, at, n)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return false, nil
	}
	return true, err
}
