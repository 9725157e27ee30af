package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/client"
)

// submitCmd submits a file.
type submitCmd struct {
	rowsFile

	Agreement string `required:"" help:"The agreement under which the rows are shared." placeholder:"ID"`
	Server    string `required:"" help:"The gateway, asked with a submitter's token in CONCORD_TOKEN or --token-file." placeholder:"URL"`
	TokenFile string `help:"Read the token from this file before each request, for files that take longer than a token lives." placeholder:"FILE"`

	Atomic  bool   `help:"Take all rows or, if any is rejected, none."`
	DryRun  bool   `help:"Have every row checked by the gateway and store nothing."`
	Errors  string `help:"Where the rejected rows go, as CSV; FILE with .errors.csv if not given." placeholder:"OUT.csv"`
	Receipt string `help:"Where the receipt goes, to which the log can be held; FILE.receipt.json if not given." placeholder:"OUT.json"`
	Force   bool   `help:"Replace an error file or a receipt of another submission."`
	NoWait  bool   `help:"Do not wait while the gateway works on the file. The same command without it tells what became of it."`
	JSON    bool   `help:"Print the result as JSON."`

	Key       string        `help:"The idempotency key; the same key is the same submission. A digest of what is sent if not given." placeholder:"KEY"`
	PieceSize int64         `help:"Upload in pieces of so many bytes, for networks that let no larger requests through." placeholder:"BYTES"`
	Patience  time.Duration `default:"5m" help:"How long to try again while the gateway cannot be reached." placeholder:"TIME"`
	PlainHTTP bool          `name:"plain-http" help:"Send over http:// to another machine. Only where the network encrypts by itself."`
}

// outcome is the result as it is printed and, without the errors, kept as a receipt.
type outcome struct {
	*client.Result

	File        string `json:"file"`
	Key         string `json:"idempotency_key"`
	ErrorFile   string `json:"error_file,omitempty"`
	ReceiptFile string `json:"receipt_file,omitempty"`
}

// Run submits, waits, keeps what is to be kept, and says what became of the rows.
func (s *submitCmd) Run(c *console) (err error) {
	asked, err := s.dial()
	if err != nil {
		return err
	}
	f, sub, err := s.submission()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	s.Errors, s.Receipt = orElse(s.Errors, s.beside(".errors.csv")), orElse(s.Receipt, s.File+".receipt.json")
	if err := s.free(sub.IdempotencyKey); err != nil {
		return err
	}
	result, err := s.send(c, asked, sub)
	if err != nil {
		return err
	}
	out := &outcome{Result: result, File: s.File, Key: sub.IdempotencyKey}
	if err := s.keep(c.ctx, asked, out); err != nil {
		return err
	}
	return s.report(c, out)
}

func orElse(path, otherwise string) string {
	if path == "" {
		return otherwise
	}
	return path
}

// dial returns a client with the token that the command has.
func (s *submitCmd) dial() (*client.Client, error) {
	options := []client.Option{client.WithPatience(s.Patience)}
	if s.PlainHTTP {
		options = append(options, client.WithPlainHTTP())
	}
	if s.TokenFile != "" {
		return client.New(s.Server, "", append(options, client.WithTokens(func(context.Context) (string, error) {
			raw, err := os.ReadFile(s.TokenFile)
			return strings.TrimSpace(string(raw)), err
		}))...)
	}
	token, err := tokenFromEnv()
	if err != nil {
		return nil, fmt.Errorf("%w, or give --token-file", err)
	}
	return client.New(s.Server, token, options...)
}

// submission opens the file and says all that is to be said of it. The key is made of
// what was read: a file that changes afterwards is not sent.
func (s *submitCmd) submission() (io.Closer, client.Submission, error) {
	sub := client.Submission{
		Dataset: s.Dataset, Agreement: s.Agreement, Atomic: s.Atomic, DryRun: s.DryRun,
		IdempotencyKey: s.Key, PieceSize: s.PieceSize,
	}
	var err error
	if sub.Format, sub.Encoding, err = s.form(); err != nil {
		return nil, sub, err
	}
	f, err := openSteady(s.File)
	if err != nil {
		return nil, sub, err
	}
	sub.Body, sub.Size = f, f.size
	if sub.IdempotencyKey == "" {
		if sub.IdempotencyKey, err = client.Key(sub); err != nil {
			return nil, sub, errors.Join(err, f.Close())
		}
	}
	return f, sub, nil
}

// free checks, before anything is sent, that no file of another submission has the
// names that this one needs. Those of the same submission are written again.
func (s *submitCmd) free(key string) error {
	if s.Force {
		return nil
	}
	if raw, err := os.ReadFile(s.Receipt); err == nil {
		var kept outcome
		if json.Unmarshal(raw, &kept) == nil && kept.Key == key {
			s.Force = true
			return nil
		}
	}
	for _, name := range []string{s.Errors, s.Receipt} {
		if there(name) {
			return fmt.Errorf("%s is there already, from something else: move it away, give --errors and --receipt, or --force", name)
		}
	}
	return nil
}

// send sends the file and, unless that is not wanted, waits for its end.
func (s *submitCmd) send(c *console, asked *client.Client, sub client.Submission) (*client.Result, error) {
	shown := &follow{console: c}
	sub.Progress = shown.at
	result, err := asked.Submit(c.ctx, sub)
	if err == nil && !s.NoWait && !result.State.Ended() {
		shown.at(client.Progress{State: result.State, Result: result})
		result, err = asked.Wait(c.ctx, result.ID, shown.at)
	}
	shown.done()
	if err != nil && c.ctx.Err() != nil {
		return nil, shown.stopped()
	}
	return result, err
}

// keep writes the error file and the receipt.
func (s *submitCmd) keep(ctx context.Context, asked *client.Client, out *outcome) error {
	if out.Rejected > 0 && out.State.Ended() && !s.DryRun { // of a dry run nothing is kept
		if err := put(s.Errors, s.Force, func(w io.Writer) error { return asked.ErrorFile(ctx, out.ID, w) }); err != nil {
			return fmt.Errorf("the submission %s has ended, but its error file is not here; run the same command again: %w", out.ID, err)
		}
		out.ErrorFile = s.Errors
	}
	if out.Receipt == nil {
		return nil
	}
	kept, short := *out, *out.Result
	short.Errors, kept.Result = nil, &short
	if err := put(s.Receipt, s.Force, func(w io.Writer) error { return printJSON(w, kept) }); err != nil {
		return fmt.Errorf("the submission %s has ended, but its receipt cannot be kept; run the same command again: %w", out.ID, err)
	}
	out.ReceiptFile = s.Receipt
	return nil
}
