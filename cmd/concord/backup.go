package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/backup"
	"github.com/concord-gateway/concord/gateway/config"
)

// backupCmd makes a backup.
type backupCmd struct {
	Config  string `required:"" type:"existingfile" help:"The configuration file (YAML)." placeholder:"FILE"`
	Out     string `required:"" type:"path" help:"The file to make; nothing may be there." placeholder:"FILE"`
	LogOnly bool   `help:"Leave the records out: the log, its checkpoint and the events. Small, for often."`
	JSON    bool   `help:"Print the summary as JSON."`
}

// Run copies and says what was copied.
func (b *backupCmd) Run(c *console) error {
	cfg, err := config.Load(b.Config)
	if err != nil {
		return err
	}
	s := c.stages()
	made, err := gateway.Backup(c.ctx, cfg, gateway.BackupOptions{Out: b.Out, LogOnly: b.LogOnly, Progress: s.at})
	s.done()
	if err != nil {
		return err
	}
	if b.JSON {
		return printJSON(c.out, made)
	}
	what := "backup"
	if made.LogOnly {
		what = "log"
	}
	_, err = fmt.Fprintf(c.out, "%-11s %s, %d bytes\nlog         %d entries in %d batches, up to a published checkpoint\n"+
		"events      %d\nrecords     %d\nsha256      %s\n",
		what, b.Out, made.Bytes, made.Entries, made.Batches, made.Events, made.Records, made.SHA256)
	return err
}

// restoreCmd restores a backup.
type restoreCmd struct {
	File   string   `arg:"" type:"existingfile" help:"The backup."`
	Config string   `required:"" type:"existingfile" help:"The configuration file (YAML) of an empty store." placeholder:"FILE"`
	Log    string   `type:"existingfile" help:"The newest log: a copy, whole or --log-only, or an export of the API. Required." placeholder:"LOGFILE"`
	Key    []string `sep:"none" help:"A public key of the log, or a file of them; the keyring's own if none is given." placeholder:"VKEY"`
	JSON   bool     `help:"Print the summary as JSON."`
}

// Run restores and says what was restored.
func (r *restoreCmd) Run(c *console) error {
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	keys, err := verifierKeys(r.Key)
	if err != nil {
		return err
	}
	s := c.stages()
	res, err := gateway.Restore(c.ctx, cfg, gateway.RestoreOptions{File: r.File, Log: r.Log, Keys: keys, Progress: s.at})
	s.done()
	if err != nil {
		return err
	}
	if r.JSON {
		return printJSON(c.out, res)
	}
	return printRestored(c.out, &res)
}

// printRestored says for a person what was restored, and what is left to do.
func printRestored(w io.Writer, r *backup.Restored) error {
	var b strings.Builder
	fmt.Fprintf(&b, "backup      of %s, %d entries\n", r.Backup.Time.Format("2006-01-02 15:04:05 UTC"), r.Backup.Size)
	fmt.Fprintf(&b, "log         %d entries, of which %d are newer than the backup\n", r.Size, r.Newer)
	fmt.Fprintf(&b, "root        %s\n", r.Root)
	fmt.Fprintf(&b, "events      %d\nrecords     %d\n", r.Events, r.Records)
	fmt.Fprintf(&b, "erasures    %d applied again: %d records of the backup were left out\n", r.Erasures, r.Erased)
	if r.LeftOut > 0 {
		fmt.Fprintf(&b, "left out    the last %d entries of the export, which no checkpoint covers\n", r.LeftOut)
	}
	if r.Unsealed > 0 {
		fmt.Fprintf(&b, "unsealed    %d entries came from an export: who they were about, and why, is lost\n", r.Unsealed)
	}
	const most = 20
	for i, s := range r.Resubmit {
		if i == most {
			fmt.Fprintf(&b, "send again  and %d more (--json lists all)\n", len(r.Resubmit)-most)
			break
		}
		fmt.Fprintf(&b, "send again  submission %s of %s to %s, entry %d\n", s.ID, s.Provider, s.Dataset, s.Index)
	}
	b.WriteString("result      RESTORED and verified\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// stages shows one bar after the other.
type stages struct {
	c    *console
	what string
	bar  *bar
}

func (c *console) stages() *stages { return &stages{c: c, bar: &bar{}} }

func (s *stages) at(what string, done, total int64) {
	if what != s.what {
		s.bar.done()
		s.what, s.bar = what, s.c.progress(what)
	}
	s.bar.at(done, total)
}

func (s *stages) done() { s.bar.done() }
