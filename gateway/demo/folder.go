// Package demo shows the whole of Concord on synthetic data.
//
// A demonstration is an ordinary gateway over an ordinary data folder, filled
// through the API by the personas of its partners. Two things are not
// ordinary: one process makes the keys of every party, and the people do not
// exist. The folder is therefore marked, and production mode refuses it.
package demo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
)

// The names inside a demonstration folder, besides those of the gateway.
const (
	issuerDir  = "issuer"
	configFile = "concord.yaml"
)

// defaultListen is where a gateway goes on that was started on any free port.
const defaultListen = "127.0.0.1:8080"

// Origin is the name of a demonstration's log.
const Origin = "concord.example/demo"

// Folder is the data folder of a demonstration.
type Folder struct {
	Dir    string
	Config *config.Config

	issuer *devissuer.Issuer
}

// Prepare makes a demonstration folder, or opens one that is there. A folder
// that holds something else is refused.
func Prepare(dir, listen string, now time.Time) (*Folder, error) {
	const op = "demo.Prepare"
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "The folder cannot be made.", err)
	}
	if _, err := os.Stat(filepath.Join(dir, gateway.DemoMark)); errors.Is(err, fs.ErrNotExist) {
		if err := initialise(dir, listen, now); err != nil {
			return nil, err
		}
	}
	return Open(dir)
}

// Open opens a demonstration folder that is there.
func Open(dir string) (*Folder, error) {
	if _, err := os.Stat(filepath.Join(dir, gateway.DemoMark)); err != nil {
		return nil, fault.Wrap(fault.Invalid, "demo.Open", "The folder is not that of a demonstration.", err)
	}
	cfg, err := config.Load(filepath.Join(dir, configFile))
	if err != nil {
		return nil, err
	}
	issuer, err := devissuer.Open(filepath.Join(dir, issuerDir))
	if err != nil {
		return nil, err
	}
	return &Folder{Dir: dir, Config: cfg, issuer: issuer}, nil
}

// initialise makes keys, configuration and mark in an empty folder.
func initialise(dir, listen string, now time.Time) error {
	const op = "demo.Prepare"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "The folder cannot be read.", err)
	}
	if len(entries) > 0 {
		return fault.New(fault.Invalid, op, "The folder is not empty and not that of a demonstration.")
	}
	if err := os.Chmod(dir, 0o700); err != nil { //nolint:gosec // a folder needs its x
		return fault.Wrap(fault.Unavailable, op, "The folder cannot be made private.", err)
	}
	if _, err := devissuer.Create(filepath.Join(dir, issuerDir), devissuer.Agencies()...); err != nil {
		return err
	}
	policy, err := found(filepath.Join(dir, policyDir), now)
	if err != nil {
		return err
	}
	// The mark comes last: a folder without it was never finished.
	mark := "One process made the keys of every party in this folder, and the people in it do not exist.\nIt is for demonstration only.\n"
	for _, file := range [][2]string{{configFile, configText(listen, &policy)}, {gateway.DemoMark, mark}} {
		if err := os.WriteFile(filepath.Join(dir, file[0]), []byte(file[1]), 0o600); err != nil {
			return fault.Wrap(fault.Unavailable, op, "The folder cannot be written.", err)
		}
	}
	return nil
}

// configText is the configuration with which `concord serve` goes on.
func configText(listen string, policy *config.Policy) string {
	if strings.HasSuffix(listen, ":0") {
		listen = defaultListen // a port that was free once need not be free again
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# A demonstration: concord serve --config %s\nlisten: %s\ndata_dir: .\nlog:\n  origin: %s\n  checkpoint_every: 1s\n",
		configFile, listen, Origin)
	fmt.Fprintf(&b, "policy:\n  bundle: %s\n  every: %s\n  authors:\n", policy.Bundle, policy.Every)
	for _, s := range policy.Authors {
		fmt.Fprintf(&b, "    - {subject: %q, key: %q}\n", s.Subject, s.Key)
	}
	b.WriteString("  approvers:\n")
	for _, s := range policy.Approvers {
		fmt.Fprintf(&b, "    - {agency: %q, subject: %q, key: %q}\n", s.Agency, s.Subject, s.Key)
	}
	b.WriteString("issuers:\n")
	for _, a := range devissuer.Agencies() {
		roles := make([]string, 0, len(devissuer.Roles(a)))
		for _, r := range devissuer.Roles(a) {
			roles = append(roles, string(r))
		}
		fmt.Fprintf(&b, "  - name: %s\n    agency: %s\n    audience: %s\n    jwks_file: %s\n    roles: [%s]\n",
			devissuer.Name(a), a, devissuer.Audience, devissuer.KeySetFile(issuerDir, a), strings.Join(roles, ", "))
	}
	return b.String()
}

// TokenLife is how long a persona's token lives.
const TokenLife = time.Hour

// Token mints a token for a persona.
func (f *Folder) Token(persona string) (string, error) {
	p, ok := devissuer.FindPersona(persona)
	if !ok {
		names := make([]string, 0)
		for _, known := range devissuer.Personas() {
			names = append(names, known.Name)
		}
		return "", fault.New(fault.NotFound, "demo.Token",
			"There is no such persona. The personas are "+strings.Join(names, ", ")+".")
	}
	return f.issuer.Mint(p.Claims, TokenLife)
}
