package main

import (
	"encoding/binary"
	"io"
	"os"
	"time"
)

// delays measures this program's own share of the latencies that it reports: how long something that has arrived waits here until it is
// read, since others are served first. A pipe of its own stands for the connections.
type delays struct {
	*latencies
	r, w *os.File
	quit chan struct{}
	over chan struct{}
}

const delayEvery = 10 * time.Millisecond

// watchDelays starts measuring; close ends it.
func watchDelays(clock func() int64) (*delays, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	d := &delays{newLatencies(), r, w, make(chan struct{}), make(chan struct{}, 2)}
	go func() {
		defer func() { d.over <- struct{}{} }()
		tick := time.NewTicker(delayEvery)
		defer tick.Stop()
		for stamp := make([]byte, 8); ; {
			select {
			case <-tick.C:
				binary.LittleEndian.PutUint64(stamp, uint64(clock()))
				if _, err := d.w.Write(stamp); err != nil {
					return
				}
			case <-d.quit:
				return
			}
		}
	}()
	go func() {
		defer func() { d.over <- struct{}{} }()
		for stamp := make([]byte, 8); ; {
			if _, err := io.ReadFull(d.r, stamp); err != nil {
				return
			}
			d.record([]int64{clock() - int64(binary.LittleEndian.Uint64(stamp))})
		}
	}()
	return d, nil
}

func (d *delays) close() {
	close(d.quit)
	d.w.Close()
	<-d.over
	<-d.over
	d.r.Close()
}
