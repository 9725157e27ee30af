package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/concord-gateway/concord/gateway/fault"
)

// testTimeout bounds one Rego test.
const testTimeout = 10 * time.Second

// testSuffix ends the name of a file of Rego tests.
const testSuffix = "_test.rego"

// TestResult is what became of one test.
type TestResult struct {
	// Name is the test with its package, or the title of a case.
	Name   string `json:"name"`
	Passed bool   `json:"passed"`
	// Detail says what is wrong.
	Detail string `json:"detail,omitempty"`
}

// Line is one line for people.
func (r TestResult) Line() string {
	if r.Passed {
		return "passed    " + r.Name
	}
	return "FAILED    " + r.Name + ": " + r.Detail
}

// TestReport is what became of all tests.
type TestReport struct {
	Results        []TestResult `json:"results"`
	Passed, Failed int
	// Coverage is the share of the rules' lines, in per cent, that some test
	// evaluates, and Uncovered the places that none does.
	Coverage  float64  `json:"coverage"`
	Uncovered []string `json:"uncovered"`
}

// Add counts results in.
func (r *TestReport) Add(results ...TestResult) {
	for _, one := range results {
		if one.Passed {
			r.Passed++
		} else {
			r.Failed++
		}
	}
	r.Results = append(r.Results, results...)
}

// RunTests runs every Rego test among the files, each with its name. A file that
// does not parse, and tests that cannot be run, are faults of kind Invalid.
func RunTests(ctx context.Context, files map[string][]byte) (*TestReport, error) {
	const op = "policy.RunTests"
	modules := map[string]*ast.Module{}
	for name, raw := range files {
		m, err := ast.ParseModuleWithOpts(name, string(raw), ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, op, "A file of rules or tests cannot be read.", err)
		}
		modules[name] = m
	}
	tracer := cover.New()
	runner := tester.NewRunner().SetModules(modules).SetCoverageQueryTracer(tracer).
		SetTimeout(testTimeout).RaiseBuiltinErrors(true)
	ran, err := runner.RunTests(ctx, nil)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, op, "The tests cannot be run.", err)
	}
	report := &TestReport{}
	for r := range ran {
		one := TestResult{Name: strings.TrimPrefix(r.Package, "data.") + "." + r.Name, Passed: r.Pass()}
		if !one.Passed {
			one.Detail = strings.TrimSpace(r.String())
		}
		report.Add(one)
	}
	report.cover(tracer.Report(modules).Files)
	return report, nil
}

// cover sums up which lines of the rules some test evaluates.
func (r *TestReport) cover(files map[string]*cover.FileReport) {
	covered, all := 0, 0
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, testSuffix) {
			continue
		}
		f := files[name]
		covered, all = covered+f.CoveredLines, all+f.CoveredLines+f.NotCoveredLines
		for _, place := range f.NotCovered {
			r.Uncovered = append(r.Uncovered, fmt.Sprintf("%s:%d-%d", name, place.Start.Row, place.End.Row))
		}
	}
	r.Uncovered = slices.Compact(r.Uncovered)
	if all > 0 {
		r.Coverage = 100 * float64(covered) / float64(all)
	}
}
