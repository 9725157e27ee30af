package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/concord-gateway/concord/gateway/client"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
)

// A nightly job submits a file, waits for its end and keeps what was rejected.
func Example() { //nolint:testableexamples // it needs a gateway and a file
	ctx := context.Background()
	c, err := client.New("https://gateway.example", os.Getenv("CONCORD_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	f, err := os.Open("tenancies.csv")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		log.Fatal(err)
	}
	result, err := c.Submit(ctx, client.Submission{
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.CSV, Body: f, Size: info.Size(),
	})
	if err == nil && !result.State.Ended() {
		result, err = c.Wait(ctx, result.ID, nil)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Accepted, "accepted,", result.Rejected, "rejected")
	for e, err := range c.Errors(ctx, result.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Row, e.Column, e.Code, e.Message, e.Remedy)
	}
}

// The token is read anew for each request, because it lives for an hour.
func ExampleWithTokens() {
	_, err := client.New("https://gateway.example", "", client.WithTokens(func(context.Context) (string, error) {
		raw, err := os.ReadFile("/run/secrets/concord-token")
		return strings.TrimSpace(string(raw)), err
	}))
	fmt.Println(err)
	// Output: <nil>
}

// The same file under the same agreement is the same submission, however often it is
// sent; a dry run of it is another.
func ExampleKey() {
	const rows = "source_id,area\nT-1,E06000020\n"
	s := client.Submission{
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.CSV,
		Body: strings.NewReader(rows), Size: int64(len(rows)),
	}
	one, _ := client.Key(s)
	two, _ := client.Key(s)
	s.DryRun = true
	dry, _ := client.Key(s)
	fmt.Println(len(one), one == two, one == dry)
	// Output: 64 true false
}

// What the gateway refuses can be told apart by its kind and by its code.
func ExampleProblem() {
	c, err := client.New("http://gateway.example", "token")
	if err != nil {
		log.Fatal(err)
	}
	_, err = c.Submit(context.Background(), client.Submission{
		Dataset: "housing.tenancy", Agreement: "ISA-TH-WMP-001", Format: intake.CSV, Body: strings.NewReader(""),
	})
	if p, ok := errors.AsType[*client.Problem](err); ok {
		fmt.Println("the gateway refused:", p.Status, p.Code, p.Detail)
	}
	fmt.Println(fault.Is(err, fault.Invalid))
	// Output: true
}
