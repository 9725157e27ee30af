// Package limit bounds how much anybody may ask of one gateway, and how much at
// once.
//
// Every request but those of the class Exempt passes it. Before anybody is known
// there is a bucket of tokens for each client address, and one for all of them
// together; they pay for requests that fail to authenticate and for public routes.
// What an agency sends with valid tokens costs its address nothing: its people may
// all come from one. Once the caller is known, the principal and the agency each pay
// from a bucket of the class of the route. Beside the buckets stand caps on what is
// under way at once: in the whole gateway, of one agency, and on routes of the class
// Heavy.
//
// It guarantees that
//   - from a bucket of rate r and burst b at most b + r*d requests are let through in
//     any time d, and nobody is charged for a request that another bucket refuses;
//   - after Refusal.Retry without a request the next one is let through;
//   - memory is bounded: buckets of principals and agencies are made only for callers
//     who have proved who they are, and no table has more than Config.Buckets. A bucket
//     that is full again is the same as none, and is dropped when room is needed. When
//     there is no room, newcomers share one bucket.
//
// It does not see other gateways: N of them let N times as much through. What has to
// hold across gateways, the quotas of agreements, is counted in the log by its
// sequencer (package audit). A restart fills every bucket.
//
// The token buckets are those of golang.org/x/time/rate. Nothing here waits or reads
// a clock of its own.
package limit
