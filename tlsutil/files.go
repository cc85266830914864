package tlsutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxPEM bounds, in bytes, what is read of any certificate, key or CA file. The CA bundles of operating systems are a quarter of it.
const maxPEM = 1 << 20

// readFile returns the whole of a regular file of at most maxPEM bytes, and its state as it was before the first byte was read: a change that comes
// later shows as a difference from that state.
func readFile(name string) ([]byte, fs.FileInfo, error) {
	// Opening a named pipe would wait for a writer, so its kind is asked first.
	if info, err := os.Stat(name); err != nil {
		return nil, nil, err
	} else if !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxPEM+1))
	if err != nil {
		return nil, nil, err
	}
	if len(data) > maxPEM {
		return nil, nil, fmt.Errorf("%s is larger than %d bytes: this is no certificate or key", name, maxPEM)
	}
	return data, info, nil
}

// readKey is readFile for a private key, which nobody but its owner may be able to use.
func readKey(name string) ([]byte, fs.FileInfo, error) {
	data, info, err := readFile(name)
	if err != nil {
		return nil, nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && !credential(name, mode) {
		return nil, nil, fmt.Errorf("private key %s has mode %04o: others than its owner can get at it; run: chmod 600 %s", name, mode, name)
	}
	return data, info, nil
}

// credential says whether a file with this mode is one of systemd's credentials (LoadCredential=), which it keeps in a directory that nobody
// else can enter. Where it lets a service's user in by an access control list, the list's mask shows as the group's right to read.
func credential(name string, mode fs.FileMode) bool {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	return dir != "" && mode&0o037 == 0 && filepath.Dir(name) == filepath.Clean(dir)
}

// ReadOrMakeKey returns the private key, of ECDSA, that the file name holds in PEM (PKCS #8), and makes it where there is none: P-256, mode 0600.
func ReadOrMakeKey(name string) (*ecdsa.PrivateKey, error) {
	data, _, err := readKey(name)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(name)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s holds no key in PEM", name)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	ours, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a key of another kind than ECDSA", name)
	}
	return ours, nil
}

func makeKey(name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	data, err := keyPEM(key)
	if err != nil {
		return nil, err
	}
	return key, WriteFile(name, data, 0o600)
}

// A pendingFile is a new content for name that waits beside it, on disk, until commit puts it in place.
type pendingFile struct {
	name, temp string
}

// stage writes data beside name. The file has mode 0600 from its creation on (os.CreateTemp promises that, and O_EXCL), and mode only when whole.
func stage(name string, data []byte, mode fs.FileMode) (pendingFile, error) {
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return pendingFile{}, err
	}
	p := pendingFile{name: name, temp: f.Name()}
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		p.discard()
		return pendingFile{}, err
	}
	return p, nil
}

func (p pendingFile) commit() error { return os.Rename(p.temp, p.name) }

// discard does nothing after commit, which took the file away.
func (p pendingFile) discard() { _ = os.Remove(p.temp) }

// WriteFile puts a file of that content in the place of name, whole or not at all, also where the power goes. It is never wider than mode, or 0600
// while it is being written.
func WriteFile(name string, data []byte, mode fs.FileMode) error {
	p, err := stage(name, data, mode)
	if err != nil {
		return err
	}
	defer p.discard()
	if err := p.commit(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(name))
}

// syncDir makes the renames in dir outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
