package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed page
var embedded embed.FS

// types are the files that there may be; what the type of another is would be the browser's guess.
var types = map[string]string{
	".html":        "text/html; charset=utf-8",
	".js":          "text/javascript; charset=utf-8",
	".css":         "text/css; charset=utf-8",
	".svg":         "image/svg+xml",
	".png":         "image/png",
	".ico":         "image/x-icon",
	".webmanifest": "application/manifest+json",
}

// file is one of the page's.
type file struct {
	content []byte
	kind    string
	etag    string
}

// load reads the page's files by their paths.
func load(page fs.FS) (map[string]file, error) {
	files := make(map[string]file)
	err := fs.WalkDir(page, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(page, name)
		if err != nil {
			return err
		}
		kind, known := types[path.Ext(name)]
		if !known {
			return fmt.Errorf("web: page/%s: no content type for %q", name, path.Ext(name))
		}
		sum := sha256.Sum256(content)
		f := file{content: content, kind: kind, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
		files["/"+name] = f
		if name == "index.html" {
			files["/"] = f
		}
		return nil
	})
	if _, found := files["/"]; err == nil && !found {
		err = fmt.Errorf("web: page/index.html is missing")
	}
	return files, err
}

// write answers with the file. Browsers ask each time whether it is still the same, so that they have what the server has.
func (f file) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
}

// policy allows what the page's own files need, and nothing else: no inline code or style, no frame, no form, no other server. 'self' is
// also wss: to the same host (CSP 3, 6.7.2.8).
var policy = strings.Join([]string{
	"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "manifest-src 'self'",
	"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	"require-trusted-types-for 'script'", "trusted-types 'none'", // nothing may make markup or code of text: the browser refuses innerHTML and the like
}, "; ")

// headers are on every response.
var headers = [][2]string{
	{"Content-Security-Policy", policy},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
}

// secure sets the headers. A year of TLS alone is asked for where there is TLS; not of localhost, where it would hold for every
// server that somebody tries out on any port.
func secure(h http.Header, plain bool, host string) {
	for _, one := range headers {
		h.Set(one[0], one[1])
	}
	if name, _, _ := strings.Cut(host, ":"); !plain && !strings.EqualFold(name, "localhost") {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}
