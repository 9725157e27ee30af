# What `concord keys rotate`, `rewrap` and `status` need: an operator's role, apart
# from the gateway's. It sees no keyset in the clear: transit/rewrap takes a
# ciphertext and gives one.

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

path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
