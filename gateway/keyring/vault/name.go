package vault

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// longest is the most bytes of an encoded scope.
const longest = 200

// signClass begins the names of signing keys.
const signClass = "sign"

// keyName is the name of a scope's transit key and of its places in KV. Letters,
// digits and "-" stand for themselves, "/" is ".", every other byte is "_" and two
// hex digits, and so is a last byte that Vault would not take there. So no two
// scopes share a name, and the first part of a scope, which policies name, is the
// first part of the name. A scope that is too long keeps that part and is a SHA-256.
// No scope has a name of a signing key.
func keyName(scope string) string {
	if class, _, _ := strings.Cut(scope, "/"); class == signClass {
		return escaped(scope[0]) + encoded(scope[1:])
	}
	return encoded(scope)
}

// signName is the name of the transit key of a signing key.
func signName(name string) string { return encoded(signClass + "/" + name) }

func encoded(scope string) string {
	var b strings.Builder
	for i := range len(scope) {
		c := scope[i]
		switch {
		case alphanumeric(c), c == '-' && 0 < i && i < len(scope)-1:
			b.WriteByte(c)
		case c == '/' && 0 < i && i < len(scope)-1 && scope[i-1] != '/': // Vault takes no ".."
			b.WriteByte('.')
		default:
			b.WriteString(escaped(c))
		}
	}
	if b.Len() <= longest {
		return b.String()
	}
	class, _, _ := strings.Cut(b.String(), ".")
	if len(class) > longest/2 {
		class = "long"
	}
	sum := sha256.Sum256([]byte(scope))
	return class + "._sha256_" + hex.EncodeToString(sum[:]) // "_sh" escapes nothing
}

func alphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func escaped(c byte) string { return "_" + hex.EncodeToString([]byte{c}) }
