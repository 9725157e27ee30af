# What `concord keys rotate`, `rewrap`, `status` and `import` need: an operator's role,
# apart from the gateway's. It sees no keyset in the clear: transit/rewrap takes a
# ciphertext and gives one, and an import wraps keysets under the gateway's login.

path "concord-kv/metadata/keysets/" {
  capabilities = ["list"]
}
path "concord-kv/metadata/destroyed/" {
  capabilities = ["list"]
}
path "concord-kv/data/keysets/*" {
  capabilities = ["read", "update"]
}

path "concord-transit/rewrap/*" {
  capabilities = ["update"]
}

# Newest version and when it was made: no key material of a key that is not
# exportable.
path "concord-transit/keys/+" {
  capabilities = ["read"]
}
path "concord-transit/keys/+/rotate" {
  capabilities = ["update"]
}
# Signing keys have one version: another log key has another name, and is brought in
# by log.key_version of the gateway. Denying is stronger than what is above.
path "concord-transit/keys/sign.*" {
  capabilities = ["deny"]
}

# For `concord keys import`: bring in the first log key, where there is none; it can be
# neither exported nor rotated. Not a later version: who may bring that in would know the
# next log key.
path "concord-transit/wrapping_key" {
  capabilities = ["read"]
}
path "concord-transit/keys/sign.log/import" {
  capabilities       = ["update"]
  allowed_parameters = { "type" = ["ed25519"], "hash_function" = ["SHA256"], "ciphertext" = [] }
}

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
