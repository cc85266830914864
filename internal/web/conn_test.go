package web

import (
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// FuzzUTF8Check: a text in parts is judged as the whole is.
func FuzzUTF8Check(f *testing.F) {
	for _, text := range []string{"", "a", "κόσμε ✈ 😀", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xce", "a\xff", "\xe2\n\x9c\x88", "\xc0\xaf", "\xf0\x9f\x98"} {
		f.Add([]byte(text), uint(1), uint(2))
	}
	f.Fuzz(func(t *testing.T, text []byte, i, j uint) {
		i %= uint(len(text)) + 1
		j = i + j%(uint(len(text))-i+1)
		var check utf8Check
		ok := check.add(text[:i]) && check.add(text[i:j]) && check.add(text[j:]) && !check.open()
		if ok != utf8.Valid(text) {
			t.Errorf("%q in parts to %d and %d: %v", text, i, j, ok)
		}
	})
}

// TestLoad: a page that browsers could not be told the type of, or that is not there, is no page.
func TestLoad(t *testing.T) {
	fine := fstest.MapFS{"index.html": {Data: []byte("hello")}, "js/a.js": {Data: []byte("1")}}
	files, err := load(fine)
	if err != nil || len(files) != 3 || string(files["/"].content) != "hello" || files["/js/a.js"].kind != "text/javascript; charset=utf-8" {
		t.Errorf("%v %v", files, err)
	}
	if files["/"].etag == files["/js/a.js"].etag {
		t.Error("two files have one ETag")
	}
	for name, bad := range map[string]fstest.MapFS{
		"no index":     {"a.js": {Data: []byte("1")}},
		"unknown type": {"index.html": {}, "notes.txt~": {}},
	} {
		if _, err := load(bad); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
}
