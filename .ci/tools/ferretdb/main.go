// Command ferretdb is a server that speaks the MongoDB protocol, for tests:
// FerretDB on SQLite.
//
// Usage: ferretdb [-listen ADDRESS] [-folder FOLDER]
//
// It prints its URI as one line when it answers, and ends when its standard input
// does, so that it never outlives the test that started it.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address; port 0 is a free one")
	folder := flag.String("folder", "", "existing folder for the databases; a temporary one if empty")
	flag.Parse()
	if err := run(*listen, *folder); err != nil {
		fmt.Fprintln(os.Stderr, "ferretdb:", err)
		os.Exit(1)
	}
}

func run(listen, folder string) error {
	if folder == "" {
		dir, err := os.MkdirTemp("", "ferretdb-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		folder = dir
	}
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: cmp.Or(listen, "127.0.0.1:0")}, Handler: "sqlite",
		// A test kills gateways, not this machine: the page cache is durable enough.
		SQLiteURL: "file:" + folder + "/?_pragma=synchronous(off)",
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1})),
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	go func() { fmt.Println(server.MongoDBURI()) }() // waits for Run
	return server.Run(ctx)
}
