// Package vault keeps Concord's keys in HashiCorp Vault.
//
// What seals and hashes are Tink keysets, as in keyring/local. Each is made here,
// wrapped by a transit key that never leaves Vault, and stored wrapped in a KV
// version 2 mount by a create that only one gateway can win (check-and-set 0): so
// gateways that make a key at once all get the same. Every scope has a transit key
// of its own. Signing keys are transit keys themselves, and Vault signs.
//
//	<transit>/keys/record.ISA-1.2026-11           wraps the keysets of record/ISA-1/2026-11
//	<kv>/data/keysets/record.ISA-1.2026-11.seal   a keyset, wrapped
//	<kv>/data/destroyed/record.ISA-1.2026-11      the tombstone of a destroyed scope
//	<transit>/keys/sign.log                       the log key, of which version 1 signs
//
// Destroy leaves a tombstone and then deletes the transit key: no copy of the
// wrapped keysets is of any use afterwards, in a backup either. A snapshot of Vault
// itself from before does bring the key back; it has to expire.
//
// # Vault is not asked per record, field or request
//
// A keyset that was fetched is held in memory for Options.Cache at most. From half
// of that time on it is fetched again beside the work, where it is used; so a Vault
// that is slow costs nobody anything, and one that is sealed, gone, or has revoked
// the gateway's token is felt when the time is over: then every sealer answers
// Unavailable, with the reason in words, until Vault answers again. A key that was
// destroyed through another gateway is forgotten after the same time at the latest.
// A hasher, which cannot fail, is meant to be asked for anew for each piece of work.
// What was forgotten lies in freed memory until Go uses that again.
//
// An answer of 429 or 5xx, and a connection that fails, is tried again twice within
// Options.Timeout. After a call that failed for good no other is made for a second:
// callers get its reason at once.
//
// # Who is trusted
//
// Vault, and what its certificate says (Options.CAFile, which is read once). A
// certificate that is exchanged for another that is trusted goes unnoticed; any other
// is an outage. Vault's environment variables (VAULT_TOKEN, VAULT_SKIP_VERIFY and so
// on) have no effect, redirects are not followed. The login is by AppRole or by a
// Kubernetes service account; its secrets are read from files at each login and are in
// no error and no log line. The token is renewed in the background; when that fails it
// logs in again. deploy/vault holds the policies that the gateway works under: it may
// neither list, overwrite nor delete keysets, nor delete any transit key but those of
// scopes that are destroyed. A keyset that somebody deletes with its metadata in KV
// leaves no trace there. A ring that has held it takes no other in its place; for a new
// one the store's register (keyring/register) remembers it.
//
// # Keys from elsewhere
//
// Import brings the keys of another keyring in, under the same names, so that a gateway
// goes on with them. Keysets are wrapped as they are. Signing keys go by Vault's import
// of keys: to the RSA key of the transit mount, and so to nobody but Vault; they are as
// if made there, neither exportable nor rotated, but for what copies are left outside.
package vault
