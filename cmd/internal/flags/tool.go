package flags

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"parley/protocol"
)

// Main is main of a tool that runs against a server: run gets a context that the first signal ends (a second one
// ends the process), and the command line; its error is printed under the tool's name. Main returns run's exit code.
func Main(tool string, run func(ctx context.Context, args []string) (int, error)) int {
	// The reader of a pipe may go away at any time; that is an error of write(2), not the end of this process.
	signal.Ignore(syscall.SIGPIPE)
	NoCore()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	context.AfterFunc(ctx, stop)
	code, err := run(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, tool+": "+protocol.Printable(err.Error()))
	}
	return code
}

// Address is HOST:PORT on the command line, the port from 1 to 65535.
type Address string

// UnmarshalText implements encoding.TextUnmarshaler.
func (a *Address) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
		return fmt.Errorf("%q is not HOST:PORT with a port from 1 to 65535", text)
	}
	*a = Address(text)
	return nil
}

// Confirm asks on the terminal before something is done to a server that is not on loopback, and returns
// nil where the answer is yes. toDo ends what is said where there is nobody to ask: "to probe".
func Confirm(ctx context.Context, question, toDo string) error {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return errors.New("the server is not on loopback, and there is no terminal to ask on: give --yes if it is yours " + toDo)
	}
	fmt.Fprint(os.Stderr, question)
	answer := make(chan string, 1)
	go func() { // nothing can wake it; it ends with the process
		said, err := bufio.NewReader(os.Stdin).ReadString('\n')
		if err != nil && err != io.EOF {
			said = ""
		}
		answer <- said
	}()
	select {
	case said := <-answer:
		if strings.TrimSpace(said) == "yes" {
			return nil
		}
	case <-ctx.Done():
	}
	return errors.New("nothing was sent")
}

// Over says whether ctx has ended. A dial ends at ctx's deadline by itself, now and then before ctx does: Over waits for it then.
func Over(ctx context.Context) bool {
	if end, ok := ctx.Deadline(); ok && !time.Now().Before(end) {
		<-ctx.Done()
	}
	return ctx.Err() != nil
}
