package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
)

// keysCmd works with the keys in Vault.
type keysCmd struct {
	Status keysStatusCmd `cmd:"" help:"List the wrapped keysets in Vault and the versions that wrap them.."`
	Rotate keysRotateCmd `cmd:"" help:"Give every wrapping key in Vault a new version, while gateways run."`
	Rewrap keysRewrapCmd `cmd:"" help:"Put every keyset under the newest version of its wrapping key, while gateways run."`
}

// keysDesk is where the keys are, and who asks: an operator's role, not a gateway's
// (deploy/vault/operator.hcl).
type keysDesk struct {
	Config       string `required:"" type:"existingfile" help:"The configuration file (YAML) that names Vault." placeholder:"FILE"`
	RoleIDFile   string `name:"role-id-file" type:"existingfile" help:"The operator's role id, in the place of the configuration's." placeholder:"FILE"`
	SecretIDFile string `name:"secret-id-file" type:"existingfile" help:"The operator's secret id, likewise." placeholder:"FILE"`
}

func (d *keysDesk) open(c *console) (*gateway.KeyDesk, error) {
	cfg, err := config.Load(d.Config)
	if err != nil {
		return nil, err
	}
	if d.RoleIDFile != "" || d.SecretIDFile != "" {
		role, id := d.RoleIDFile, d.SecretIDFile
		if role == "" || id == "" {
			return nil, errors.New("--role-id-file and --secret-id-file go together")
		}
		cfg.Keys.Vault.UseAppRole(role, id)
	}
	return gateway.OpenKeyDesk(c.ctx, cfg, c.logger)
}

// keysStatusCmd lists keysets.
type keysStatusCmd struct{ keysDesk }

// Run prints a line for each keyset.
func (k *keysStatusCmd) Run(c *console) error {
	desk, err := k.open(c)
	if err != nil {
		return err
	}
	defer desk.Close()
	keysets, err := desk.Status(c.ctx)
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "KEYSET\tWRAPPED BY VERSION\tNEWEST\tSTATE")
	for _, s := range keysets {
		state := "newest"
		switch {
		case s.Destroyed:
			state = "destroyed"
		case s.Lost:
			state = "LOST: restore Vault"
		case s.Version != s.Newest:
			state = "to be rewrapped"
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.Name, s.Version, s.Newest, state)
	}
	if flushed := w.Flush(); err == nil {
		err = flushed
	}
	return err
}

// keysRotateCmd rotates.
type keysRotateCmd struct{ keysDesk }

// Run rotates and says how many.
func (k *keysRotateCmd) Run(c *console) error {
	desk, err := k.open(c)
	if err != nil {
		return err
	}
	defer desk.Close()
	r, err := desk.Rotate(c.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "keysets    %d, of which %d are destroyed\nrotated    %d wrapping keys; `concord keys rewrap` puts the keysets under them\n",
		r.Keysets, r.Destroyed, r.Rotated)
	return err
}

// keysRewrapCmd rewraps.
type keysRewrapCmd struct{ keysDesk }

// Run rewraps and says how many.
func (k *keysRewrapCmd) Run(c *console) error {
	desk, err := k.open(c)
	if err != nil {
		return err
	}
	defer desk.Close()
	r, err := desk.Rewrap(c.ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "keysets    %d, of which %d are destroyed\nrewrapped  %d\nunchanged  %d were under the newest version\n",
		r.Keysets, r.Destroyed, r.Rewrapped, r.Newest)
	return err
}
