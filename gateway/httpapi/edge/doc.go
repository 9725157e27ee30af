// Package edge is where connections come in: TLS, time-outs, and what is answered before
// any handler is asked.
//
// It guarantees that
//   - over TLS nothing older than TLS 1.2 is spoken, and of that only AEAD suites with
//     ephemeral keys; 1.3 is preferred. Sessions are not resumed: a client authority
//     that is taken away counts from the next connection on;
//   - a client certificate that is shown has to verify against the client authorities;
//     without authorities none is asked for. Whether one is needed is not decided here;
//   - files that are replaced are read again within a second, without a restart. If they
//     cannot be read the last good ones stay, and the operator is told once;
//   - only HTTP/1.1 (and 1.0) is served. HTTP/2 would add header compression, streams
//     that are reset in floods and a second way to frame a body, for callers that send a
//     few requests a second; who wants it puts a proxy in front;
//   - a header that does not come in time, or is too large, is refused, and so is a
//     connection that waits too long for its next request;
//   - every answer says no-store and nosniff: also those that net/http writes itself, to
//     what is no request at all.
//
// How slow a body or the taking of an answer may be is package httpapi's, which knows
// the request.
package edge
