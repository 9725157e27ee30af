package main

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
)

// revokeCmd revokes one thing, or lifts that again.
type revokeCmd struct {
	Config      string `required:"" type:"existingfile" help:"The configuration file (YAML)." placeholder:"FILE"`
	Subject     string `help:"A person or system, as the tokens of its agency name it." placeholder:"SUBJECT"`
	Agency      string `help:"The agency of the subject." placeholder:"AGENCY"`
	TokenID     string `name:"token-id" help:"The identifier (jti) of a token." placeholder:"ID"`
	Issuer      string `help:"The issuer of the token." placeholder:"ISSUER"`
	Certificate string `help:"The SHA-256 fingerprint of a client certificate, in hexadecimal." placeholder:"SHA256"`
	Reason      string `help:"Why. It is sealed, and kept in the audit log." placeholder:"TEXT"`
	Lift        bool   `help:"Take an earlier revocation back."`
	Restore     bool   `help:"Put back what the list has lost and the audit log, which is verified first, has: after a restore for example. It stands alone."`
}

// Run adds the row, or puts back those that are missing.
func (r *revokeCmd) Run(c *console) error {
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	if r.Restore {
		return r.restore(c, cfg)
	}
	if r.Reason == "" {
		return errors.New("--reason: say why")
	}
	row := revocation.Row{
		Agency: r.Agency, Subject: r.Subject, Issuer: r.Issuer, TokenID: r.TokenID, Reason: r.Reason, Lift: r.Lift,
	}
	if r.Certificate != "" {
		raw, err := hex.DecodeString(strings.ReplaceAll(r.Certificate, ":", ""))
		if err != nil || len(raw) != 32 {
			return errors.New("--certificate: want 64 hexadecimal digits, as `openssl x509 -fingerprint -sha256` prints them")
		}
		row.Certificate = base64.RawURLEncoding.EncodeToString(raw)
	}
	if err := checkNames(cfg, &row); err != nil {
		return err
	}
	if err := gateway.Revoke(c.ctx, cfg, row); err != nil {
		return err
	}
	what := "revoked"
	if r.Lift {
		what = "lifted"
	}
	_, err = fmt.Fprintf(c.out, "%s: the %s, on every gateway within %v\n", what, row.Of(), revocation.Patience)
	return err
}

// restore puts back from the log what the list lacks.
func (r *revokeCmd) restore(c *console, cfg *config.Config) error {
	if *r != (revokeCmd{Config: r.Config, Restore: true}) {
		return errors.New("--restore: it goes with --config alone")
	}
	n, err := gateway.RestoreRevocations(c.ctx, cfg)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "put back from the log: %d, in force on every gateway within %v\n", n, revocation.Patience)
	return err
}

// checkNames refuses an agency and an issuer that the configuration does not have:
// a revocation with a slip in it would be in force for nobody.
func checkNames(cfg *config.Config, row *revocation.Row) error {
	agency, issuer := row.Agency == "", row.Issuer == ""
	for _, i := range cfg.Issuers {
		agency = agency || i.Agency == row.Agency
		issuer = issuer || i.Name == row.Issuer
	}
	switch {
	case !agency:
		return errors.New("--agency: no issuer of the configuration is of that agency")
	case !issuer:
		return errors.New("--issuer: the configuration has no such issuer")
	}
	return nil
}
