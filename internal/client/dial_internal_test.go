package client

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"strconv"
	"testing"

	"parley/tlsutil"
)

// fakeDNS answers every question for an IPv4 address with these, and others with none.
func fakeDNS(t *testing.T, hosts ...string) *net.Resolver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		for packet := make([]byte, 512); ; {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			end := 12 + bytes.IndexByte(packet[12:n], 0) + 5 // of the question: RFC 1035, 4.1.2
			answer := append([]byte{}, packet[:end]...)
			copy(answer[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
			if binary.BigEndian.Uint16(packet[end-4:]) == 1 {
				answer[7] = byte(len(hosts))
				for _, host := range hosts {
					answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
					answer = append(answer, net.ParseIP(host).To4()...)
				}
			}
			conn.WriteTo(answer, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// Of a name with several addresses the next is tried where one refuses, or its server does not let in, and the first again where all do.
func TestAddressesInTurn(t *testing.T) {
	first, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(first.Addr().(*net.TCPAddr).Port)
	second, err := net.Listen("tcp", "127.0.0.2:"+port)
	if err != nil {
		first.Close()
		t.Skip("there is no second address to listen at: ", err)
	}
	defer second.Close()
	d, err := NewDialer("chat.example.org:"+port, tlsutil.ClientOptions{Pin: "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})
	if err != nil {
		t.Fatal(err)
	}
	d.resolver = fakeDNS(t, "127.0.0.1", "127.0.0.2")
	reaches := func(want net.Listener) {
		t.Helper()
		conn, err := d.connect(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if got := conn.RemoteAddr().String(); got != want.Addr().String() {
			t.Fatalf("it reaches %s, want %s", got, want.Addr())
		}
	}
	reaches(first)
	reaches(first)
	d.Avoid(first.Addr())
	reaches(second)
	reaches(second)
	d.Avoid(second.Addr())
	reaches(first)
	first.Close()
	reaches(second)
}
