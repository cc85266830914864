// Command lab makes what the lab asks to be handed in, from the real programs: the report and the recording.
//
//	docs/lab/make
//
// installs what that needs on Debian and runs it; README.md tells the variables. It runs at the root of the repository.
//
//   - script.go: what the recording shows and says; acts.go: what can be done in it; stage.go: the terminals
//   - cast.go: the steps in their times; speech.go: the narration; record.go: the recording's files
//   - report.go: the PDF, of the pages in docs and a run of the probe; report.html: how it is set
//   - architecture.go: the picture of the packages, docs/architecture.svg
package main

import (
	"errors"
	"fmt"
	"os"
)

// jobs are what can be asked for, with the number of arguments.
var jobs = map[string]struct {
	args int
	run  func(args []string) error
}{
	"author":       {0, func([]string) error { return environment().check() }},
	"architecture": {0, func([]string) error { return writeArchitecture("docs/architecture.svg") }},
	"report":       {2, func(args []string) error { return report(args[0], args[1]) }},
	"record":       {2, func(args []string) error { return record(args[0], args[1]) }},
}

const usage = `give one of
  author                      says what the environment lacks for a report: FIRST, LAST, NUMBER, CODE, RECORDING
  report FOLDER PROBE.json    prints the report, with what the probe said by --json
  record FOLDER PROGRAMS      makes the recording with the parleyd and the parley in a folder
  architecture                draws docs/architecture.svg`

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	j, known := jobs[args[0]]
	if !known || len(args)-1 != j.args {
		return errors.New(usage)
	}
	return j.run(args[1:])
}

// environment is the author that the environment names.
func environment() author {
	return author{os.Getenv("FIRST"), os.Getenv("LAST"), os.Getenv("NUMBER"), os.Getenv("CODE"), os.Getenv("RECORDING")}
}

func report(folder, probe string) error {
	p, err := readProbe(probe)
	if err != nil {
		return err
	}
	made, err := printReport(folder, environment(), p)
	if err == nil {
		fmt.Println(made)
	}
	return err
}

func writeArchitecture(file string) error {
	drawn, err := architecture()
	if err != nil {
		return err
	}
	return os.WriteFile(file, drawn, 0o644)
}
