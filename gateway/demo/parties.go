package demo

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/gateway/rulebook"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// The names inside the policy folder of a demonstration. Its policies/ and
// schemas/ are those that an author would edit.
const (
	policyDir  = "policy"
	keyDir     = "keys"
	bundleFile = "bundle.tar.gz"
)

// author is the persona who writes the agreements and signs the bundles.
const author = "policy-author"

// Parties are the authors and approvers of a demonstration, whose keys one
// process makes.
type Parties struct {
	// keys are the private keys by persona.
	keys map[string]string
	// Config is what a gateway is told of them.
	Config config.Policy
}

// NewParties makes a key for the policy author and for each persona who
// approves.
func NewParties() (*Parties, error) {
	p := &Parties{keys: map[string]string{}, Config: config.Policy{Every: config.DefaultPolicyEvery}}
	for _, who := range devissuer.Personas() {
		signatory := config.Signatory{Subject: who.Subject}
		isAuthor := who.Name == author
		if !isAuthor && !slices.Contains(who.Roles, identity.Approver) {
			continue
		}
		private, public, err := approval.NewKey(who.Agency + "/" + who.Name)
		if err != nil {
			return nil, err
		}
		p.keys[who.Name], signatory.Key = private, public
		if isAuthor {
			p.Config.Authors = append(p.Config.Authors, signatory)
			continue
		}
		signatory.Agency = who.Agency
		p.Config.Approvers = append(p.Config.Approvers, signatory)
	}
	return p, nil
}

// Sign approves every agreement version among the files in the name of all its
// parties, from a date, and returns the files with the approvals.
func (p *Parties) Sign(files bundle.Files, from time.Time) (bundle.Files, error) {
	draft, err := rulebook.Read(files)
	if err != nil {
		return nil, err
	}
	out := bundle.Files{}
	for name, raw := range files {
		out[name] = raw
	}
	for _, a := range draft.Versions {
		statement := approval.Statement{
			Agreement: a.ID, Version: a.Version, Digest: draft.Digest(rulebook.VersionOf(a)),
			LiveFrom: from.UTC().Truncate(time.Second), Impact: approval.NoImpact,
		}
		var note []byte
		for _, agency := range approval.Parties(a) {
			key, err := p.keyOf(agency)
			if err != nil {
				return nil, err
			}
			if note, err = approval.Sign(statement, note, key); err != nil {
				return nil, err
			}
		}
		out["agreements/"+a.Folder()+"/"+rulebook.ApprovalFile] = note
	}
	return out, nil
}

// keyOf returns the key of the persona who approves for an agency.
func (p *Parties) keyOf(agency string) (string, error) {
	for _, who := range devissuer.Personas() {
		if key, ok := p.keys[who.Name]; ok && who.Agency == agency && who.Name != author {
			return key, nil
		}
	}
	return "", fault.New(fault.NotFound, "demo.Sign", "Nobody approves agreements for "+agency+".")
}

// Bundle signs files as the policy author.
func (p *Parties) Bundle(files bundle.Files, sequence int64) ([]byte, error) {
	return bundle.Build(files, sequence, p.keys[author])
}

// found writes a policy folder: the keys of all parties, what an author would
// edit, with everybody's approval, and the first bundle of it.
func found(dir string, from time.Time) (config.Policy, error) {
	parties, err := NewParties()
	if err != nil {
		return config.Policy{}, err
	}
	files, err := bundle.Gather(policies.Files, schemas.Files)
	if err != nil {
		return config.Policy{}, err
	}
	if files, err = parties.Sign(files, from); err != nil {
		return config.Policy{}, err
	}
	raw, err := parties.Bundle(files, 1)
	if err != nil {
		return config.Policy{}, err
	}
	write := map[string][]byte{bundleFile: raw}
	for persona, key := range parties.keys {
		write[path.Join(keyDir, persona+".key")] = []byte(key + "\n")
	}
	for name, content := range files {
		write[path.Join(sourceDir(name), name)] = content
	}
	for name, content := range write {
		if err := writeFile(filepath.Join(dir, filepath.FromSlash(name)), content); err != nil {
			return config.Policy{}, fault.Wrap(fault.Unavailable, "demo.Prepare", "The folder cannot be written.", err)
		}
	}
	parties.Config.Bundle = policyDir + "/" + bundleFile
	return parties.Config, copyTests(dir)
}

// sourceDir says which folder of an author a file of a bundle comes from.
func sourceDir(name string) string {
	if name == "places.json" || path.Dir(name) == "datasets" {
		return "schemas"
	}
	return "policies"
}

// copyTests adds the tests of the rules, which a bundle leaves behind.
func copyTests(dir string) error {
	return fs.WalkDir(policies.Files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		to := filepath.Join(dir, "policies", filepath.FromSlash(name))
		if _, err := os.Stat(to); err == nil {
			return nil
		}
		raw, err := policies.Files.ReadFile(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return writeFile(to, raw)
	})
}

func writeFile(name string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	return os.WriteFile(name, content, 0o600)
}
