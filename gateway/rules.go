package gateway

import (
	"context"
	"io/fs"
	"os"

	"github.com/concord-gateway/concord/gateway/activation"
	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
	"github.com/concord-gateway/concord/policies"
	"github.com/concord-gateway/concord/schemas"
)

// activate brings the rules into force and keeps them up to date until the
// gateway closes.
func (g *Gateway) activate(ctx context.Context, db Store, opt Options) error {
	source, err := policySource(g.cfg)
	if err != nil {
		return err
	}
	approvers, err := Approvers(g.cfg)
	if err != nil {
		return err
	}
	g.rules, err = activation.Open(ctx, activation.Deps{
		Source: source, Approvers: approvers, Log: g.log, Events: db.Events(),
		Origin: g.cfg.Log.Origin, Clock: opt.Clock, Logger: opt.Logger,
	})
	if err != nil {
		return err
	}
	if len(g.rules.Book().Current().Choice.Live) == 0 {
		opt.Logger.Warn("no agreement is live: nothing is released until the parties have approved one")
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.rules.Run(background, g.cfg.Policy.Every)
	}()
	g.onClose(func(context.Context) error {
		stop()
		<-done
		return nil
	})
	return nil
}

// policySource is where the configuration says that rules come from.
func policySource(cfg *config.Config) (activation.Source, error) {
	if cfg.Policy.Bundle != "" {
		return activation.BundleFile(cfg.Policy.Bundle, Authors(cfg)), nil
	}
	schemaFS, policyFS := fs.FS(schemas.Files), fs.FS(policies.Files)
	if cfg.SchemasDir != "" {
		schemaFS = os.DirFS(cfg.SchemasDir)
	}
	if cfg.PoliciesDir != "" {
		policyFS = os.DirFS(cfg.PoliciesDir)
	}
	files, err := bundle.Gather(policyFS, schemaFS)
	if err != nil {
		return nil, err
	}
	return activation.Fixed(files), nil
}

// Authors are the policy authors that a configuration registers.
func Authors(cfg *config.Config) []bundle.Author {
	out := make([]bundle.Author, len(cfg.Policy.Authors))
	for i, a := range cfg.Policy.Authors {
		out[i] = bundle.Author{Subject: a.Subject, Key: a.Key}
	}
	return out
}

// Approvers are the approvers that a configuration registers. An author's key,
// or an author in person, among them is refused: who writes an agreement does not
// approve it.
func Approvers(cfg *config.Config) (*approval.Approvers, error) {
	const op = "gateway.New"
	out := make([]approval.Approver, len(cfg.Policy.Approvers))
	for i, a := range cfg.Policy.Approvers {
		out[i] = approval.Approver{Agency: a.Agency, Subject: a.Subject, Key: a.Key}
		for _, author := range cfg.Policy.Authors {
			same, err := approval.SameKey(a.Key, author.Key)
			if err != nil {
				return nil, err
			}
			if same || approval.SamePerson(a.Subject, author.Subject) {
				return nil, fault.New(fault.Invalid, op, "An author and an approver have one key, or are one person.")
			}
		}
	}
	return approval.NewApprovers(out)
}
