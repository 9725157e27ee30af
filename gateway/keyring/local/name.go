package local

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// longest is the most bytes of an encoded scope, which leaves room in the 255
// that file systems allow for a suffix.
const longest = 200

// fileName is the name of a scope in the folder, without a suffix. Lower-case
// letters, digits, "-" and "_" stand for themselves, every other byte is "%" and
// two hex digits: so no two scopes share a name, on a file system that ignores
// case either, and no name leads out of the folder. A scope too long for that
// is "~" and its SHA-256.
func fileName(scope string) string {
	const digits = "0123456789abcdef"
	var b strings.Builder
	for i := range len(scope) {
		c := scope[i]
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&0xf])
		}
	}
	if b.Len() > longest {
		sum := sha256.Sum256([]byte(scope))
		return "~" + hex.EncodeToString(sum[:])
	}
	return b.String()
}
