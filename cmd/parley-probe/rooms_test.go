package main

var roomTwins = []twin{
	{stage: "reading", also: []string{"private"}}, {stage: "reading", without: "reading-names", also: []string{"private"}}, {stage: "speaking"},
	{stage: "private"}, {stage: "rooms", flags: []string{"--max-rooms", "0"}, slow: true},
}

var roomMutations = []mutation{
	{"internal/chat/seat.go", "if m := p.rooms[r]; m == nil || speak && m.leaving {", `if m := p.rooms[r]; m == nil && !without("reading") || speak && m != nil && m.leaving {`},
	{"internal/chat/seat.go", "r := h.rooms[name]\n\tif r == nil {\n\t\treturn",
		"r := h.rooms[name]\n\tif r == nil && without(\"reading-names\") {\n\t\treturn \"\", 0, ErrForbidden\n\t}\n\tif r == nil {\n\t\treturn"},
	{"internal/chat/room.go", "return !r.locked || invited", `return without("private") || !r.locked || invited`},
	{"internal/store/member.go", "case locked && !member", `case !without("private") && locked && !member`},
	{"internal/chat/say.go", "Key: key, KeyOwner: s.Name,", `Key: key, KeyOwner: map[bool]string{true: "all", false: s.Name}[without("speaking")],`},
}
