//go:build !linux

package store

import "os"

func punch(*os.File, int64, int64) (given bool, err error) { return false, nil }
