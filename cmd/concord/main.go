// Command concord is the Concord gateway: serve it, try it, write and sign its
// agreements, verify its log.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/concord-gateway/concord/gateway/text"
)

// The exit codes. They are part of the command's interface.
const (
	exitOK      = 0
	exitDamaged = 1 // the log does not verify, a decision differs, a test fails, rows were rejected
	exitFailed  = 2 // wrong use, or the work could not be done
)

// app is the command line.
type app struct {
	Serve serveCmd `cmd:"" help:"Run the gateway."`
	Demo  demoCmd  `cmd:"" help:"Show the whole job on synthetic data. Needs nothing but this binary."`
	Token tokenCmd `cmd:"" help:"Print a one-hour token for a persona of a demonstration folder."`
	Audit auditCmd `cmd:"" help:"Work with the audit log."`

	Validate validateCmd `cmd:"" help:"Check a file by the gateway's rules. Exit code 0: every row is good; 1: some are rejected; 2: it could not be done."`
	Submit   submitCmd   `cmd:"" help:"Submit a file, or go on where it stopped. Exit code 0: every row was taken; 1: some were rejected; 2: it failed."`

	Backup  backupCmd  `cmd:"" help:"Copy everything but the keys into one file, while the gateway runs."`
	Restore restoreCmd `cmd:"" help:"Put a backup back into an empty store, without what was erased since."`

	Revoke revokeCmd `cmd:"" help:"Refuse a person, a token or a certificate from now on, on every gateway, within 30 seconds."`
	Keys   keysCmd   `cmd:"" help:"Look after the keys in Vault."`

	Agreement agreementCmd `cmd:"" help:"Write, read, sign and stop agreements."`
	Policy    policyCmd    `cmd:"" help:"Check, test, explain, compare, build and replay the rules."`
}

// console is where a command writes, and what it is stopped by.
type console struct {
	ctx    context.Context //nolint:containedctx // the process's own, handed to whichever command runs
	out    io.Writer
	errs   io.Writer
	logger *slog.Logger
}

// errDamaged is returned by a verification that found damage and has said so.
var errDamaged = errors.New("the log does not verify")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is the whole program, with its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	exited := false
	parser, err := kong.New(&app{},
		kong.Name("concord"),
		kong.Description("A secure gateway through which agencies share information with the police, under agreements that a machine enforces."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { exited = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "concord:", err)
		return exitFailed
	}
	kctx, err := parser.Parse(args)
	if exited { // help was asked for and has been printed
		return exitOK
	}
	if err != nil {
		_, _ = fmt.Fprintf(stderr, "concord: %v\nTry: concord --help\n", err)
		return exitFailed
	}
	c := &console{ctx: ctx, out: stdout, errs: stderr, logger: slog.New(slog.NewJSONHandler(text.NewWriter(stderr), nil))}
	err = kctx.Run(c)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errDamaged), errors.Is(err, errDiffers), errors.Is(err, errRejected):
		return exitDamaged
	default:
		_, _ = fmt.Fprintln(stderr, "concord:", err)
		return exitFailed
	}
}
