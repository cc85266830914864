package issuer

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/crypto/acme"
)

// Inspection is how it stands with the CA.
type Inspection struct {
	Failures int       // orders that failed since one succeeded
	Again    time.Time // when the CA is asked next, where there are any
}

// Inspect fetches the CA's directory, which asks it for nothing else, and reads how the last orders ended. It changes nothing.
func Inspect(ctx context.Context, o Options) (Inspection, error) {
	dir, err := o.folder()
	if err != nil {
		return Inspection{}, err
	}
	h, err := client(o.CAFile)
	if err != nil {
		return Inspection{}, err
	}
	defer h.CloseIdleConnections()
	if _, err := (&acme.Client{HTTPClient: h, DirectoryURL: o.Directory, UserAgent: "parleyd", RetryBackoff: again}).Discover(ctx); err != nil {
		return Inspection{}, fmt.Errorf("the CA cannot be asked: %w", err)
	}
	failed := readFailures(filepath.Join(dir, failuresName), time.Now())
	return Inspection{failed.n, failed.again}, nil
}
