package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/concord-gateway/concord/gateway/agreement"
)

// drawnConditions are the conditions that an agreement may have, and what they
// say in Go; the first stands for none. An agreement that is drawn has the
// number of its conditions at the end of its id, so that those of every id are
// compiled once.
var drawnConditions = []struct {
	rules string
	met   func(Input) bool
}{
	{"", func(Input) bool { return true }},
	{
		"permit if startswith(input.request.case_ref, \"OP-\")\n\ndeny contains \"This is no operation.\" if not permit\n",
		func(in Input) bool { return strings.HasPrefix(in.Request.CaseRef, "OP-") },
	},
	{
		"permit := true\n\ndeny contains \"Emergencies go another way.\" if input.request.emergency != null\n",
		func(in Input) bool { return in.Request.Emergency == nil },
	},
	{
		"permit if \"supervisor\" in input.actor.roles\n\ndeny := set()\n",
		func(in Input) bool { return slices.Contains(in.Actor.Roles, "supervisor") },
	},
	{
		"permit if input.usage.subjects_last_day < 3\n\npermit if input.request.kind == \"area\"\n\n" +
			"deny contains \"Not at night.\" if endswith(input.request.time, \"T23:59:59Z\")\n",
		func(in Input) bool {
			return (in.Usage.SubjectsLastDay < 3 || in.Request.Kind == kindArea) && !strings.HasSuffix(in.Request.Time, "T23:59:59Z")
		},
	},
}

func conditionedID(i, conditions int) string { return fmt.Sprintf("ISA-%d-%d", i, conditions) }

// drawnWith is the number of the conditions of a drawn agreement.
func drawnWith(id string) int {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		panic(err)
	}
	return n
}

// conditionsOf is the text of a drawn agreement's conditions.
func conditionsOf(id string) []byte {
	return fmt.Appendf(nil, "package concord.agreements[%q]\n\n%s", id, drawnConditions[drawnWith(id)].rules)
}

func conditionMet(a *agreement.Agreement, in Input) bool {
	return drawnConditions[drawnWith(a.ID)].met(in)
}

// compileDrawn compiles the core rules with the conditions of every agreement
// that may be drawn.
func compileDrawn(t *testing.T, s *sources) *ast.Compiler {
	t.Helper()
	all := *s
	all.modules, all.files = maps.Clone(s.modules), maps.Clone(s.files)
	for i := range maxDrawn {
		for n := 1; n < len(drawnConditions); n++ {
			id := conditionedID(i, n)
			if err := all.add(conditionsFile(id), conditionsOf(id), ""); err != nil {
				t.Fatal(err)
			}
		}
	}
	compiler, err := compile(all.modules)
	if err != nil {
		t.Fatal(err)
	}
	return compiler
}
