package parleytest

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// trust makes an operator, an account with JetStream and a user of it, as nsc does, and
// writes the user's credentials to a file. Nodes let nobody else in.
func (n *NATS) trust() {
	n.T.Helper()
	pair := func(create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		key, err := create()
		if err != nil {
			n.T.Fatal(err)
		}
		public, err := key.PublicKey()
		if err != nil {
			n.T.Fatal(err)
		}
		return key, public
	}
	operator, operatorID := pair(nkeys.CreateOperator)
	_, systemID := pair(nkeys.CreateAccount)
	account, accountID := pair(nkeys.CreateAccount)
	user, userID := pair(nkeys.CreateUser)
	sign := func(claims jwt.Claims, by nkeys.KeyPair) string {
		text, err := claims.Encode(by)
		if err != nil {
			n.T.Fatal(err)
		}
		return text
	}
	members := jwt.NewAccountClaims(accountID)
	members.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit, Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	n.trusted = fmt.Sprintf("operator: %s\nsystem_account: %s\nresolver: MEMORY\nresolver_preload: { %s: %s, %s: %s }\n",
		sign(jwt.NewOperatorClaims(operatorID), operator), systemID,
		systemID, sign(jwt.NewAccountClaims(systemID), operator), accountID, sign(members, operator))

	seed, err := user.Seed()
	if err != nil {
		n.T.Fatal(err)
	}
	creds, err := jwt.FormatUserConfig(sign(jwt.NewUserClaims(userID), account), seed)
	if err != nil {
		n.T.Fatal(err)
	}
	n.Creds = filepath.Join(n.T.TempDir(), "parley.creds")
	if err := os.WriteFile(n.Creds, creds, 0o600); err != nil {
		n.T.Fatal(err)
	}
}
