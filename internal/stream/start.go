package stream

// Start is the sequence from which Read hands over everything that was ever appended.
func (s *Stream) Start() uint64 { return s.mark + 1 }
