// Command lab makes what the lab asks to be handed in, from the real programs: the report and the recording.
//
//	docs/lab/make
//
// installs what that needs on Debian and runs it; README.md tells the variables. It runs at the root of the repository.
//
//   - script.go: what the recording shows and says; acts.go: what can be done in it; stage.go: the terminals
//   - cast.go: the steps in their times; speech.go: the narration; record.go: the recording's files
//   - report.go: the PDF, of the pages in docs; report.html: how it is set; probe.go: the probe's run
//   - architecture.go: the picture of the packages, docs/architecture.svg
package main

import (
	"errors"
	"fmt"
	"os"
)

const usage = "give one of: report FOLDER PROBE.json, record FOLDER PROGRAMS, architecture"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "architecture":
		drawn, err := architecture()
		if err != nil {
			return err
		}
		return os.WriteFile("docs/architecture.svg", drawn, 0o644)
	case len(args) == 3 && args[0] == "record":
		return record(args[1], args[2])
	case len(args) == 3 && args[0] == "report":
		p, err := readProbe(args[2])
		if err != nil {
			return err
		}
		made, err := printReport(args[1], author{os.Getenv("FIRST"), os.Getenv("LAST"), os.Getenv("NUMBER"), os.Getenv("CODE"), os.Getenv("RECORDING")}, p)
		if err == nil {
			fmt.Println(made)
		}
		return err
	}
	return errors.New(usage)
}
