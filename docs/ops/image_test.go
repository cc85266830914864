package ops_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"parley/internal/parleytest"
)

// descriptor points to a blob (OCI image specification, descriptor.md).
type descriptor struct {
	MediaType, Digest string
	Size              int
}

// image is an OCI archive, taken apart.
type image struct {
	t     *testing.T
	files map[string][]byte
}

func openImage(t *testing.T, path string) *image {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	i := &image{t: t, files: make(map[string][]byte)}
	entries(t, f, func(h *tar.Header, content []byte) { i.files[h.Name] = content })
	return i
}

func entries(t *testing.T, r io.Reader, visit func(*tar.Header, []byte)) {
	t.Helper()
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if err == io.EOF {
			return
		}
		content, rerr := io.ReadAll(archive)
		if err := errors.Join(err, rerr); err != nil {
			t.Fatal(err)
		}
		visit(h, content)
	}
}

// blob returns what d points to, if it is that.
func (i *image) blob(d descriptor) []byte {
	i.t.Helper()
	b := i.files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
	if len(b) == 0 || len(b) != d.Size || d.Digest != fmt.Sprintf("sha256:%x", sha256.Sum256(b)) {
		i.t.Fatalf("%+v has %d bytes of another digest", d, len(b))
	}
	return b
}

func (i *image) json(b []byte, into any) {
	i.t.Helper()
	if err := json.Unmarshal(b, into); err != nil {
		i.t.Fatalf("%v: %s", err, b)
	}
}

// layer returns the only layer, and the configuration.
func (i *image) layer() (layer descriptor, config []byte) {
	i.t.Helper()
	var index struct{ Manifests []descriptor }
	i.json(i.files["index.json"], &index)
	if len(index.Manifests) != 1 {
		i.t.Fatalf("%d manifests", len(index.Manifests))
	}
	var manifest struct {
		Config descriptor
		Layers []descriptor
	}
	i.json(i.blob(index.Manifests[0]), &manifest)
	if len(manifest.Layers) != 1 {
		i.t.Fatalf("%d layers", len(manifest.Layers))
	}
	return manifest.Layers[0], i.blob(manifest.Config)
}

// check holds what the image says of itself against what was promised.
func (i *image) check() {
	i.t.Helper()
	layer, text := i.layer()
	var config struct {
		OS, Architecture string
		Config           struct {
			User                  string
			ExposedPorts, Volumes map[string]struct{}
			Entrypoint, Env       []string
			Labels                map[string]string
		}
		RootFS struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	i.json(text, &config)
	_, port := config.Config.ExposedPorts["7443/tcp"]
	_, volume := config.Config.Volumes["/data"]
	if config.OS != "linux" || config.Config.User != "65532:65532" || !port || !volume || !slices.Equal(config.Config.Entrypoint, []string{"/usr/bin/parleyd"}) ||
		!slices.Equal(config.RootFS.DiffIDs, []string{layer.Digest}) || config.Config.Labels["org.opencontainers.image.revision"] == "" {
		i.t.Errorf("the configuration is %s", text)
	}
	var names []string
	entries(i.t, bytes.NewReader(i.blob(layer)), func(h *tar.Header, _ []byte) {
		names = append(names, h.Name)
		if own := strings.HasPrefix(h.Name, "data"); own != (h.Uid == 65532) || own != (h.Gid == 65532) || h.Mode&0o022 != 0 && h.Name != "tmp/" {
			i.t.Errorf("%s is %d:%d's, mode %o", h.Name, h.Uid, h.Gid, h.Mode)
		}
	})
	if want := []string{"certs/", "tmp/", "usr/", "usr/bin/", "usr/bin/parleyd", "data/"}; !slices.Equal(names, want) {
		i.t.Errorf("the image has %q, and is to have %q", names, want)
	}
}

// serve runs the image's program in the image's files, as its user.
func (i *image) serve() {
	i.t.Helper()
	if os.Geteuid() != 0 {
		parleytest.Missing(i.t, "only root may change the root")
	}
	layer, _ := i.layer()
	root := i.t.TempDir()
	entries(i.t, bytes.NewReader(i.blob(layer)), func(h *tar.Header, content []byte) {
		path := filepath.Join(root, h.Name)
		var err error
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(path, h.FileInfo().Mode().Perm())
		} else {
			err = os.WriteFile(path, content, h.FileInfo().Mode().Perm())
		}
		if err := errors.Join(err, os.Chown(path, h.Uid, h.Gid)); err != nil {
			i.t.Fatal(err)
		}
	})
	within := &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
	if err := os.Chown(filepath.Join(root, "certs"), 65532, 65532); err != nil { // else mounted
		i.t.Fatal(err)
	}
	if err := os.Chmod(root, 0o755); err != nil {
		i.t.Fatal(err)
	}
	program := func(args ...string) *exec.Cmd {
		return &exec.Cmd{Path: "/usr/bin/parleyd", Args: append([]string{"parleyd"}, args...), Dir: "/", SysProcAttr: within,
			Env: []string{"PARLEY_DATA=/data", "PARLEY_CERT=/certs/server.pem", "PARLEY_KEY=/certs/server-key.pem"}}
	}
	if out, err := program("certs", "--out", "/certs", "--host", "localhost").CombinedOutput(); err != nil {
		i.t.Fatalf("%v\n%s", err, out)
	}
	server := program("--listen", "127.0.0.1:0")
	stderr, err := server.StderrPipe()
	if err != nil {
		i.t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() { server.Process.Kill() })
	var log strings.Builder
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Fprintln(&log, lines.Text())
		if strings.Contains(lines.Text(), `"listening"`) {
			server.Process.Signal(syscall.SIGTERM)
		}
	}
	if err := server.Wait(); err != nil || !strings.Contains(log.String(), `"stopped"`) {
		i.t.Errorf("in its image the server ended with %v\n%s", err, log.String())
	}
}

// TestImage: the image is whole, says what it is to say, and is the same twice. TestPackages runs what is in it.
func TestImage(t *testing.T) {
	unraced(t)
	if err := exec.Command(parleytest.Need(t, "git"), "rev-parse", "HEAD").Run(); err != nil {
		parleytest.Missing(t, "this is no git repository, which tells the version: %v", err)
	}
	bin := "PARLEY_BIN=" + filepath.Dir(parleytest.Build(t, "parleyd"))
	first, second := script(t, "../..", "image", bin), script(t, "../..", "image", bin)
	openImage(t, first).check()
	a, err := os.ReadFile(first)
	b, berr := os.ReadFile(second)
	if errors.Join(err, berr) != nil || !bytes.Equal(a, b) {
		t.Errorf("two images of the same are not the same: %v", errors.Join(err, berr))
	}
}
