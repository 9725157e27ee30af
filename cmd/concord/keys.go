package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
)

// keysCmd works with the keys.
type keysCmd struct {
	Status keysStatusCmd `cmd:"" help:"List the wrapped keysets in Vault and the versions that wrap them."`
	Rotate keysRotateCmd `cmd:"" help:"Give every wrapping key in Vault a new version, while gateways run."`
	Rewrap keysRewrapCmd `cmd:"" help:"Put every keyset under the newest version of its wrapping key, while gateways run."`
	Import keysImportCmd `cmd:"" help:"Bring the keys of a folder into Vault, while no gateway runs, and check that each opens there. It can be run again."`
}

// keysDesk is where the keys are, and who asks: an operator's role, not a gateway's
// (deploy/vault/operator.hcl).
type keysDesk struct {
	Config       string `required:"" type:"existingfile" help:"The configuration file (YAML) that names Vault." placeholder:"FILE"`
	RoleIDFile   string `name:"role-id-file" type:"existingfile" help:"The operator's role id, in the place of the configuration's." placeholder:"FILE"`
	SecretIDFile string `name:"secret-id-file" type:"existingfile" help:"The operator's secret id, likewise." placeholder:"FILE"`
}

func (d *keysDesk) open(c *console) (*gateway.KeyDesk, error) {
	_, operator, err := d.configs()
	if err != nil {
		return nil, err
	}
	return gateway.OpenKeyDesk(c.ctx, operator, c.logger)
}

// configs are the configuration with the gateway's login, and with the operator's.
func (d *keysDesk) configs() (cfg, operator *config.Config, err error) {
	if cfg, err = config.Load(d.Config); err != nil {
		return nil, nil, err
	}
	changed := *cfg
	if d.RoleIDFile != "" || d.SecretIDFile != "" {
		role, id := d.RoleIDFile, d.SecretIDFile
		if role == "" || id == "" {
			return nil, nil, errors.New("--role-id-file and --secret-id-file go together")
		}
		changed.Keys.Vault.UseAppRole(role, id)
	}
	return cfg, &changed, nil
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

// keysImportCmd brings keys into Vault.
type keysImportCmd struct {
	keysDesk

	From string `required:"" type:"existingdir" help:"The folder of the keys, which is only read: keys in the data folder." placeholder:"DIR"`
}

// Run imports and says what is left to do.
func (k *keysImportCmd) Run(c *console) error {
	cfg, operator, err := k.configs()
	if err != nil {
		return err
	}
	r, err := gateway.ImportKeys(c.ctx, cfg, operator, k.From, c.logger)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "keysets    %d\nlog keys   %d\ndestroyed  %d scopes, which stay destroyed\n"+
		"unchanged  %d of these were in Vault already\n"+
		"verified   the log key signed the log, of whose %d entries the private parts open; each of %d keys that the store's rows name,\n"+
		"           and of %d in its register of keys, is there or destroyed; every key opens through Vault and is the same\n"+
		"next       start a gateway on Vault, then destroy %s and every copy of it: who has one can read what is sealed so far.\n"+
		"           The log key lay in a file: raise log.key_version, and the next is made in Vault\n",
		r.Keysets, r.Signers, r.Destroyed, r.There, r.Entries, r.Named, r.Registered, k.From)
	return err
}
