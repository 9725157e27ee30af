package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/config"
)

type auditCmd struct {
	Verify      verifyCmd      `cmd:"" help:"Recompute a log or a part of it, and compare. Exit code 0: it verifies; 1: it does not; 2: it could not be read."`
	Export      exportCmd      `cmd:"" help:"Write the log into a file that can be verified anywhere. It holds no sealed parts."`
	Extract     extractCmd     `cmd:"" help:"Write one entry with its proof into a file: evidence for whoever is not given the rest."`
	Reindex     reindexCmd     `cmd:"" help:"Rebuild what the log is searched by, from the log."`
	Disclosures disclosuresCmd `cmd:"" help:"Write a partner's register, with proofs, into a file that can be verified offline."`
}

// tokenFromEnv is the token that a gateway is asked with.
func tokenFromEnv() (string, error) {
	token := os.Getenv("CONCORD_TOKEN")
	if token == "" {
		return "", errors.New("CONCORD_TOKEN is not set: a gateway is asked with a token")
	}
	return token, nil
}

// dial returns a client of a gateway.
func dial(server string) (*client.Client, error) {
	token, err := tokenFromEnv()
	if err != nil {
		return nil, err
	}
	return client.New(server, token)
}

// logFlags say where a log is read from.
type logFlags struct {
	Config string `xor:"source" required:"" type:"existingfile" help:"The log in the store of this configuration." placeholder:"FILE"`
	Dir    string `xor:"source" required:"" help:"The log in this data folder, offline." placeholder:"DIR"`
	Server string `xor:"source" required:"" help:"This server's log, with an information governance lead's token in CONCORD_TOKEN." placeholder:"URL"`
}

// open opens the log where it is stored.
func (l *logFlags) open(c *console, use func(context.Context, audit.Store) error) error {
	if l.Dir != "" {
		return gateway.WithLog(c.ctx, gateway.Folder(l.Dir), use)
	}
	cfg, err := config.Load(l.Config)
	if err != nil {
		return err
	}
	return gateway.WithLog(c.ctx, cfg, use)
}

// reindexCmd rebuilds what the log is searched by.
type reindexCmd struct {
	Config string `required:"" type:"existingfile" help:"The configuration file (YAML)." placeholder:"FILE"`
}

// Run rebuilds, or on MongoDB, where there is nothing to rebuild, checks.
func (r *reindexCmd) Run(c *console) error {
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	return gateway.Reindex(c.ctx, cfg)
}

// exportCmd writes an export.
type exportCmd struct {
	logFlags

	Out string `required:"" help:"The file to write; it must not be there." placeholder:"FILE"`
}

// Run writes the export.
func (e *exportCmd) Run(c *console) error {
	return create(e.Out, func(w io.Writer) error {
		if e.Server != "" {
			return download(c, e.Server, w)
		}
		return e.open(c, func(ctx context.Context, store audit.Store) error { return audit.WriteExport(ctx, w, store) })
	})
}

// download copies the export of a server.
func download(c *console, server string, w io.Writer) (err error) {
	asked, err := dial(server)
	if err != nil {
		return err
	}
	body, err := asked.Export(c.ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, body.Close()) }()
	if _, err := io.Copy(w, body); err != nil {
		return fmt.Errorf("the export was cut off: %w", err)
	}
	return nil
}

// extractCmd writes one entry with its proof.
type extractCmd struct {
	logFlags

	Index int64  `arg:"" help:"The index of the entry."`
	Out   string `required:"" help:"The file to write; it must not be there." placeholder:"FILE"`
}

// Run writes the evidence.
func (e *extractCmd) Run(c *console) error {
	evidence, err := e.evidence(c)
	if err != nil {
		return err
	}
	return create(e.Out, func(w io.Writer) error { return printJSON(w, evidence) })
}

func (e *extractCmd) evidence(c *console) (evidence audit.Evidence, err error) {
	if e.Server == "" {
		err = e.open(c, func(ctx context.Context, store audit.Store) error {
			evidence, err = audit.ExtractEvidence(ctx, store, e.Index)
			return err
		})
		return evidence, err
	}
	asked, err := dial(e.Server)
	if err != nil {
		return evidence, err
	}
	return asked.Evidence(c.ctx, strconv.FormatInt(e.Index, 10))
}

// disclosuresCmd writes a partner's register.
type disclosuresCmd struct {
	Server string `required:"" help:"The gateway, asked with a partner's governance token in CONCORD_TOKEN." placeholder:"URL"`
	Out    string `required:"" help:"The file to write; it must not be there." placeholder:"FILE"`
}

// Run fetches the register and makes the proofs from the public tiles.
func (d *disclosuresCmd) Run(c *console) error {
	asked, err := dial(d.Server)
	if err != nil {
		return err
	}
	opening, uses, err := asked.Register(c.ctx)
	if err != nil {
		return err
	}
	if err := create(d.Out, func(w io.Writer) error { return audit.WriteRegister(w, opening, uses) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(c.out, "%d uses of the data of %s, up to checkpoint %d, are in %s\n",
		opening.Seq, opening.Provider, opening.Index+1, d.Out)
	return err
}
