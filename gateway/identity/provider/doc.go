// Package provider fetches the keys of an identity provider over HTTPS and keeps
// them: an identity.KeySource of keys that rotate.
//
// Where the keys are, the configuration says or the provider's own description
// (OpenID Connect Discovery 1.0), which must name the issuer byte for byte. What
// holds:
//
//   - Only HTTPS, with certificates of the authorities given; plain HTTP only to
//     this machine itself, and only where Options.Loopback says so. A redirect to
//     another scheme or host is an error; so is an answer of more than 1 MiB, and
//     one that takes more than five seconds.
//   - The keys are fetched in the background, every Options.Every, and after a
//     failure every Options.Gap. A key that the provider has withdrawn is gone with
//     the next fetch that succeeds.
//   - An unknown key id starts a fetch, but at most one in each Options.Gap, and
//     never two at once: callers wait for the one under way. A flood of unknown
//     ids makes one fetch.
//   - When the provider does not answer, the last keys hold for Options.Keep.
//     Then, and before the first fetch, every key is Unavailable. An id that is
//     unknown is Unavailable too as long as the provider cannot be asked.
//   - What a token says has no say in where keys are fetched from.
//
// State of one provider:
//
//	empty -- fetched --> fresh -- Keep passes without a fetch --> stale
//	  ^ Unavailable        | known key: its Key                     | Unavailable
//	  |                    ^------------------ fetched -------------|
//
// The keys are in memory only: a gateway that starts while the provider is down
// has none of it until it is back. Other issuers are not touched by that.
package provider
