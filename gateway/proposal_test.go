package gateway_test

import (
	"encoding/json"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/replay"
	"github.com/concord-gateway/concord/gateway/rulebook"
)

// housingISA is the agreement that the tests of activation change.
const housingISA = "ISA-TH-WMP-001"

// proposal is a set of rules that an author has changed and the parties sign, or
// do not.
type proposal struct {
	t     testing.TB
	files bundle.Files
	// against is the revision that impact reports are made against, and lifts the
	// suspension that the next signature puts an end to.
	against string
	lifts   int64
}

// propose begins with the rules that all parties have approved.
func (h *house) propose() *proposal {
	t := h.t
	t.Helper()
	files, err := theFiles()
	if err != nil {
		t.Fatal(err)
	}
	return &proposal{t: t, files: maps.Clone(files), against: h.gw.Revision()}
}

// edit changes a text of a file, which must be there.
func (p *proposal) edit(name, old, to string) *proposal {
	p.t.Helper()
	text := string(p.files[name])
	if !strings.Contains(text, old) {
		p.t.Fatalf("%s has no %q", name, old)
	}
	p.files[name] = []byte(strings.Replace(text, old, to, 1))
	return p
}

// next is the successor of an agreement, with a text of it changed.
func (p *proposal) next(id, old, to string) *proposal {
	p.t.Helper()
	name := "agreements/" + id + "/next/agreement.json"
	p.files[name] = p.files["agreements/"+id+"/agreement.json"]
	return p.edit(name, `"version": 1`, `"version": 2`).edit(name, old, to)
}

// sign approves a version, live from a time, in the name of agencies. The report
// is about it unless impact says otherwise.
func (p *proposal) sign(id string, version int, from time.Time, impact string, agencies ...string) *proposal {
	p.t.Helper()
	draft, err := rulebook.Read(p.files)
	if err != nil {
		p.t.Fatal(err)
	}
	v := rulebook.Version{Agreement: id, Version: version}
	a, ok := draft.Get(v)
	if !ok {
		p.t.Fatalf("there is no version %d of %s", version, id)
	}
	s := approval.Statement{Agreement: id, Version: version, Digest: draft.Digest(v), LiveFrom: from.UTC().Truncate(time.Second), Impact: approval.NoImpact, Lifts: p.lifts}
	folder := "agreements/" + a.Folder() + "/"
	switch impact {
	case "":
		report, err := json.Marshal(replay.ImpactReport{Current: p.against, Digests: map[string]string{id: s.Digest}})
		if err != nil {
			p.t.Fatal(err)
		}
		p.files[folder+rulebook.ImpactFile], s.Impact = report, approval.ImpactHash(report)
	case approval.NoImpact:
	default:
		p.files[folder+rulebook.ImpactFile], s.Impact = []byte(impact), approval.ImpactHash([]byte(impact))
	}
	note, err := parties(p.t).Approve(s, nil, agencies...)
	if err != nil {
		p.t.Fatal(err)
	}
	p.files[folder+rulebook.ApprovalFile] = note
	return p
}

// signAll has every party sign every version again.
func (p *proposal) signAll(from time.Time) *proposal {
	p.t.Helper()
	draft, err := rulebook.Read(p.files)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, a := range draft.Versions {
		p.sign(a.ID, a.Version, from, "", approval.Parties(a)...)
	}
	return p
}

// bundle is the proposal as its author signs it.
func (p *proposal) bundle(sequence int64) []byte {
	p.t.Helper()
	raw, err := parties(p.t).Bundle(p.files, sequence)
	if err != nil {
		p.t.Fatal(err)
	}
	return raw
}

// offer puts a bundle in the place of the one in force and has the gateway look
// at it.
func (h *house) offer(raw []byte) error {
	h.t.Helper()
	tmp := h.cfg.Policy.Bundle + ".new"
	write(h.t, tmp, string(raw))
	if err := os.Rename(tmp, h.cfg.Policy.Bundle); err != nil {
		h.t.Fatal(err)
	}
	return h.gw.RefreshRules(h.t.Context())
}
