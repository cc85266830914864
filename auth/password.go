package auth

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// Bounds of the bcrypt cost. A step doubles the time: about 1 ms at 4, a
// quarter of a second at 12, four seconds at 16.
const (
	MinCost     = bcrypt.MinCost // 4
	DefaultCost = 12
	MaxCost     = 16
	warnCost    = 10 // below it a stolen hash is guessed too fast
)

// The hash of an account is kept in one of two forms:
//
//	p1:$2a$12$…   bcrypt of the prepared password; all that is made here
//	$2a$10$…      bcrypt of the password itself, imported from elsewhere
const preparedForm = "p1:"

// The label keeps these MACs apart from all others; it is no secret.
const passwordLabel = "parley password v1"

// bcryptBytes is all of a password that bcrypt looks at.
const bcryptBytes = 72

// prepare returns what bcrypt is given for a password: 44 characters of base64.
//
// Given the password itself, bcrypt would ignore all that follows byte 72, and
// since it repeats its key with a NUL between, it could not tell "a" from
// "a\x00a". A hash of fixed length, in base64, has neither fault; the key keeps
// hashes that leaked elsewhere (plain SHA-256 of passwords) from being tried here.
func prepare(password Secret) []byte {
	mac := hmac.New(sha256.New, []byte(passwordLabel))
	mac.Write([]byte(password))
	return base64.StdEncoding.AppendEncode(nil, mac.Sum(nil))
}

// hashPassword returns the form kept. It takes as long as the cost says.
func hashPassword(password Secret, cost int) ([]byte, error) {
	h, err := bcrypt.GenerateFromPassword(prepare(password), cost)
	return append([]byte(preparedForm), h...), err
}

// hashCost returns the cost of a hash kept, or 0 if it is none that may be
// compared: of no known form, or so dear that it would hold a worker for minutes.
func hashCost(hash []byte) int {
	cost, err := bcrypt.Cost(bytes.TrimPrefix(hash, []byte(preparedForm)))
	if err != nil || cost > MaxCost {
		return 0
	}
	return cost
}

// importable says whether a hash made elsewhere may be kept: bcrypt's revisions without the fault of $2x$, whole, and not too dear.
func importable(hash string) bool {
	const (
		length   = 60
		alphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	)
	if len(hash) != length || hash[:2] != "$2" || strings.IndexByte("aby", hash[2]) < 0 || hashCost([]byte(hash)) == 0 {
		return false
	}
	return hash[3] == '$' && hash[6] == '$' && strings.Trim(hash[7:], alphabet) == ""
}

// matches compares in the time that the hash's cost says, whatever the answer.
func matches(hash []byte, password Secret) bool {
	if h, ok := bytes.CutPrefix(hash, []byte(preparedForm)); ok {
		return bcrypt.CompareHashAndPassword(h, prepare(password)) == nil
	}
	// Where the hash was made, bcrypt saw 72 bytes at the most and ended at a NUL.
	within := []byte(password)[:min(len(password), bcryptBytes)]
	ok := bcrypt.CompareHashAndPassword(hash, within) == nil
	return ok && strings.IndexByte(string(password), 0) < 0
}

// stale tells whether a hash is to be made anew when its password is next seen.
func stale(hash []byte, cost int) bool {
	return !bytes.HasPrefix(hash, []byte(preparedForm)) || hashCost(hash) != cost
}
