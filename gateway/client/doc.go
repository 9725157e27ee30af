// Package client speaks to a gateway over HTTP: it submits files and follows them,
// and it reads the log as far as an information governance lead, a partner or anybody
// may see it.
//
// # Submitting
//
// Submit sends a file and comes back with what became of every row, or with a job
// that goes on at the gateway; Wait waits for its end. A small body goes in one
// request, a large one in pieces (draft-ietf-httpbis-resumable-upload). What can be
// sent again is: a broken connection, a gateway that is starting and one that has too
// much to do are waited for, and an upload goes on where the gateway has it, also from
// another process. That is safe because of the Idempotency-Key, which is the digest of
// what is sent unless the caller gives one: the gateway knows a submission by it.
//
//	Submit ──> complete | rejected | dry_run
//	   └─────> processing ──Wait──> complete | rejected | dry_run | cancelled | failed
//
// An error that the gateway answered holds a *Problem (errors.As), and has the kind
// that package fault gives to the same refusal inside the gateway.
//
// # Trust
//
// The client believes nothing it is told about the log: what it hands on is verified
// by the callers (audit.Verify and its like), and tiles are held against the
// checkpoint's root before a proof is made of them. Bodies are bounded. Redirects are
// not followed, since a token goes with each request; the token stands in a header and
// never in a URL, and rows leave the machine over TLS only, unless the caller says that
// the network is encrypted by itself.
package client
