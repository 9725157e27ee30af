# What a gateway may do in Vault, and nothing else. concord-transit and concord-kv are
# the mounts; `default` is not needed besides.
#
# The names of transit keys begin with what the key is for (package
# gateway/keyring/vault): record.*, rejected.*, log.* and ref.* are destroyed when
# what they protect is over; index.*, case-link, edition and revocation never are; sign.* signs.

# Make the key that wraps the keysets of a scope, and destroy it. allowed_parameters
# keeps keys from being made exportable, and from being trimmed.
path "concord-transit/keys/record.*" {
  capabilities       = ["update", "delete"]
  allowed_parameters = { "type" = ["aes256-gcm96"], "deletion_allowed" = [true] }
}
path "concord-transit/keys/rejected.*" {
  capabilities       = ["update", "delete"]
  allowed_parameters = { "type" = ["aes256-gcm96"], "deletion_allowed" = [true] }
}
path "concord-transit/keys/log.*" {
  capabilities       = ["update", "delete"]
  allowed_parameters = { "type" = ["aes256-gcm96"], "deletion_allowed" = [true] }
}
path "concord-transit/keys/ref.*" {
  capabilities       = ["update", "delete"]
  allowed_parameters = { "type" = ["aes256-gcm96"], "deletion_allowed" = [true] }
}

# Make the others.
path "concord-transit/keys/index.*" {
  capabilities       = ["update"]
  allowed_parameters = { "type" = ["aes256-gcm96"] }
}
path "concord-transit/keys/case-link" {
  capabilities       = ["update"]
  allowed_parameters = { "type" = ["aes256-gcm96"] }
}
path "concord-transit/keys/edition" {
  capabilities       = ["update"]
  allowed_parameters = { "type" = ["aes256-gcm96"] }
}
path "concord-transit/keys/revocation" {
  capabilities       = ["update"]
  allowed_parameters = { "type" = ["aes256-gcm96"] }
}

# Wrap and unwrap. Not "create", with which encrypting would make keys.
path "concord-transit/encrypt/*" {
  capabilities = ["update"]
}
path "concord-transit/decrypt/*" {
  capabilities = ["update"]
}

# The log key: make a version, read its public half, sign.
path "concord-transit/keys/sign.*" {
  capabilities       = ["read", "update"]
  allowed_parameters = { "type" = ["ed25519"] }
}
path "concord-transit/sign/sign.*" {
  capabilities = ["update"]
}

# Wrapped keysets and tombstones are written once and read. They are never listed,
# changed or deleted.
path "concord-kv/data/keysets/*" {
  capabilities = ["create", "read"]
}
path "concord-kv/data/destroyed/*" {
  capabilities = ["create", "read"]
}

# Its own token.
path "auth/token/lookup-self" {
  capabilities = ["read"]
}
path "auth/token/renew-self" {
  capabilities = ["update"]
}
path "auth/token/revoke-self" {
  capabilities = ["update"]
}
