package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"parley/internal/parleytest"
)

var block = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")

// limit is how long the sheet may take.
const limit = 5 * time.Minute

// TestSheet does the lab sheet, command by command, with the answers in testdata.
func TestSheet(t *testing.T) {
	if parleytest.Race {
		t.Skip("scripts of other programs: they run without the race detector")
	}
	t.Parallel()
	for _, program := range []string{"bash", "openssl", "python3"} {
		parleytest.Need(t, program)
	}
	page, err := os.ReadFile("docs/lab/README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"lines", "client.py"} {
		answer, err := os.ReadFile(filepath.Join("docs/lab/testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), answer, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parleytest.Need(t, "tshark")
	skipped := ""
	if exec.Command("tshark", "-q", "-i", "lo", "-a", "duration:1", "-w", filepath.Join(dir, "try")).Run() != nil {
		skipped = "## 2. " // it may not capture here
	}
	commands := ""
	for part := range strings.SplitSeq(string(page), "\n## ") {
		if skipped != "" && strings.HasPrefix("## "+part, skipped) {
			continue
		}
		for _, m := range block.FindAllStringSubmatch(part, -1) {
			commands += m[1]
		}
	}
	_, port, _ := net.SplitHostPort(freeAddress())
	cmd := exec.Command("bash", "-c", commands) // it goes on after what fails, as people do; what is done says so
	cmd.Env = append(os.Environ(), "LAB="+dir, "PORT="+port)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with a server that it has left
	over := time.AfterFunc(limit, end)
	defer end()
	defer over.Stop()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, &out)
	}
	for i := range 5 {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) {
			if i == 1 && skipped != "" {
				t.Skip("tshark may not capture here: that takes root, or its group")
			}
			if !strings.Contains(out.String(), fmt.Sprintf("exercise %d: done\n", i+1)) {
				t.Errorf("it is not done:\n%s", &out)
			}
		})
	}
}
