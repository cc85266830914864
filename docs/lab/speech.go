package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// sound is speech: samples of 16 bits, one channel.
type sound struct {
	rate    int // a second
	samples []int16
}

func (s *sound) length() time.Duration {
	return time.Duration(len(s.samples)) * time.Second / time.Duration(s.rate)
}

// speak has flite say a text, a little slower than it would.
func speak(text string) (*sound, error) {
	dir, err := os.MkdirTemp("", "parley-speech-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "said.wav")
	if out, err := exec.Command("flite", "-voice", "slt", "--setf", "duration_stretch=1.06", "-t", text, "-o", file).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("flite: %w\n%s", err, out)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	s, err := readWAV(raw)
	if err != nil {
		return nil, fmt.Errorf("flite: %w", err)
	}
	return s, nil
}

// wavHeader is that of a WAV file with uncompressed samples, as flite and this program write it.
type wavHeader struct {
	RIFF          [4]byte
	Size          uint32
	WAVE, Fmt     [4]byte
	FmtSize       uint32
	Format, Chans uint16
	Rate, Bytes   uint32
	Align, Bits   uint16
	Data          [4]byte
	DataSize      uint32
}

func readWAV(raw []byte) (*sound, error) {
	var h wavHeader
	r := bytes.NewReader(raw)
	if err := binary.Read(r, binary.LittleEndian, &h); err != nil {
		return nil, err
	}
	if string(h.RIFF[:])+string(h.WAVE[:])+string(h.Data[:]) != "RIFFWAVEdata" || h.Format != 1 || h.Chans != 1 || h.Bits != 16 || h.Rate == 0 {
		return nil, errors.New("it is no sound of one channel and 16 bits")
	}
	s := &sound{rate: int(h.Rate), samples: make([]int16, min(int64(h.DataSize), int64(r.Len()))/2)}
	return s, binary.Read(r, binary.LittleEndian, s.samples)
}

func (s *sound) wav() []byte {
	size := uint32(2 * len(s.samples))
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, wavHeader{ // into memory
		RIFF: [4]byte([]byte("RIFF")), Size: 36 + size, WAVE: [4]byte([]byte("WAVE")), Fmt: [4]byte([]byte("fmt ")), FmtSize: 16,
		Format: 1, Chans: 1, Rate: uint32(s.rate), Bytes: uint32(2 * s.rate), Align: 2, Bits: 16, Data: [4]byte([]byte("data")), DataSize: size,
	})
	binary.Write(&b, binary.LittleEndian, s.samples)
	return b.Bytes()
}

// narrate speaks every step.
func narrate(script []step) (all []*sound, err error) {
	for i, st := range script {
		s, err := speak(fmt.Sprintf("Part %d. %s", i+1, st.said))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// together is the whole narration: each step's speech in its place, with silence around it.
func together(said []*sound) *sound {
	whole := &sound{rate: said[0].rate}
	silence := func(d time.Duration) []int16 { return make([]int16, int(d.Seconds()*float64(whole.rate))) }
	for _, s := range said {
		whole.samples = append(append(append(whole.samples, silence(before)...), s.samples...), silence(after)...)
	}
	return whole
}

func lengths(said []*sound) (all []time.Duration) {
	for _, s := range said {
		all = append(all, s.length())
	}
	return all
}
