package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"parley/internal/parleytest"
)

// On a terminal that is small, and becomes another size meanwhile, everything that one must see to go on is there.
func TestFirstRunOnASmallTerminal(t *testing.T) {
	server := parleytest.Start(t)
	server.User("alice")
	env, _, _ := livingRoom(t)
	pin := pinOf(t, server)
	x := parleytest.OpenTmux(t, 40, 10, env, parleytest.Build(t, "parley"))
	x.Await("Server")
	x.Enter(server.Addr)
	x.Await("PgUp: above")
	seen := func(text string) {
		t.Helper()
		x.AwaitScreen(text+" is not shown", func(screen string) bool { return strings.Contains(strings.Join(strings.Fields(screen), ""), text) })
	}
	seen(pin)
	x.Keys("PPage")
	x.Await("Ask whoever runs it")
	x.Resize(80, 24)
	seen("Nobodywhomthismachinetrusts")
	seen(pin)
	x.Resize(40, 10)
	x.Paste(pin + "\n")
	seen("Trust" + pin)
	x.Keys("Enter")
	x.Await("Name")
	x.Enter("alice")
	x.Await("guest")
	x.Paste(parleytest.Password)
	x.Await("••••••")
	x.Keys("Enter")
	x.Await("you are alice")
	if strings.Contains(x.History(), pin[:20]) {
		t.Error("the form is left in what one can scroll back to")
	}
	x.Enter("/quit")
	if code := x.End(); code != 0 {
		t.Errorf("it ends with %d", code)
	}
}

// What a hostile server, or its certificate, says does not steer the terminal from within the form.
func TestEscapesInTheForm(t *testing.T) {
	addr, ca := hostile(t, func(line string) string {
		if strings.HasPrefix(line, "HELLO|") {
			return "NOTE|" + evil + "\nERROR|" + evil + "|" + evil + "refused\n"
		}
		return ""
	})
	env, _, _ := livingRoom(t)
	x := openTerminal(t, env)
	x.expect("Server")
	x.enter(addr)
	x.expect("sha256/")
	x.enter("\x1b[200~" + evil + "\x1b[201~") // pasted
	x.expect("begins")
	x.enter("\x15" + ca)
	x.expect("vouches")
	x.enter("alice")
	x.expect("guest")
	x.enter("whatever it is")
	x.expect("refused")
	steersNothing(t, x.shown())
	x.master.WriteString("\x03")
	x.end(1)

	named := serve(t, selfSigned(t, "localhost\x1b]52;c;ZXZpbA==\x07\x1b]0;title\x07"), obedient)
	x = openTerminal(t, env)
	x.expect("Server")
	x.enter(named)
	x.expect("asked")
	steersNothing(t, x.shown())
	x.master.WriteString("\x03")
	x.end(1)
}

// A signal ends the form, and leaves the terminal as it was.
func TestFormIsInterrupted(t *testing.T) {
	env, config, _ := livingRoom(t)
	x := openTerminal(t, env)
	x.expect("Server")
	x.cmd.Process.Signal(os.Interrupt)
	x.expect("\x1b[?1049l")
	x.expect("nothing was saved")
	x.end(1)
	if entries, _ := os.ReadDir(config); len(entries) > 0 {
		t.Errorf("there is %v", entries)
	}
}

// Whatever the server keeps waiting for, Esc ends the wait, and Ctrl+C the form.
func TestFormDoesNotWaitForever(t *testing.T) {
	silent := make(chan struct{})
	addr, ca := hostile(t, func(line string) string { <-silent; return "" })
	t.Cleanup(func() { close(silent) })
	deaf, err := net.Listen("tcp", "127.0.0.1:0") // connections come about, and no handshake
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	env, _, _ := livingRoom(t)
	x := openTerminal(t, env)
	x.expect("Server")
	x.enter(deaf.Addr().String())
	x.expect("Reaching")
	x.master.WriteString("\x1b")
	x.expect("HOST")
	x.enter("\x15" + addr)
	x.expect("sha256/")
	x.enter(ca)
	x.expect("vouches")
	x.enter("alice")
	x.expect("guest")
	x.enter("whatever it is")
	x.expect("Signing")
	x.master.WriteString("\x1b")
	x.expect("guest")
	x.enter("")
	x.expect("Signing")
	x.master.WriteString("\x03")
	x.expect("nothing was saved")
	x.end(1)
}

func TestFormNeedsATerminalThatCanShowIt(t *testing.T) {
	env, _, _ := livingRoom(t)
	x := openTerminal(t, append(env, "TERM=dumb"))
	x.expect("give USER@HOST")
	x.end(2)
}

// selfSigned is a certificate for a name, however odd.
func selfSigned(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{cert}, PrivateKey: key}
}
