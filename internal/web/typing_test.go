package web_test

import (
	"testing"

	"parley/internal/parleytest"
)

// TestPageTyping: an Enter or Escape that ends an input method's composition sends nothing and goes nowhere, a megabyte that is pasted is
// told to be too much.
func TestPageTyping(t *testing.T) {
	_, b := start(t)
	alice := b.person()
	alice.signIn("alice", parleytest.Password)
	alice.isOnline()
	press := func(key, more string) bool {
		return js[bool](alice, `(document.getElementById('text').dispatchEvent(new KeyboardEvent('keydown', { key: %s, bubbles: true, cancelable: true, `+more+` })), document.getElementById('text').value === '')`, key)
	}
	const put = `((text) => { const box = document.getElementById('text'); box.value = text; return box.dispatchEvent(new Event('input', { bubbles: true })) })`
	js[bool](alice, put+`('かな')`)
	for _, more := range []string{"isComposing: true, keyCode: 229", "keyCode: 229"} { // Chromium and Firefox; Safari
		if press("Enter", more) {
			t.Errorf("an Enter of an input method (%s) sends", more)
		}
	}
	js[bool](alice, `(document.getElementById('find').click(), true)`)
	alice.await(`!document.getElementById('find-form').hidden`)
	press("Escape", "isComposing: true, keyCode: 229")
	if !js[bool](alice, `!document.getElementById('find-form').hidden`) {
		t.Error("an Escape of an input method closes the search")
	}
	if !press("Enter", "keyCode: 13") {
		t.Error("Enter does not send")
	}
	alice.shows("かな")

	js[bool](alice, put+`('ab\n'.repeat(200_000))`)
	alice.await(`document.getElementById('composer-says').textContent === '200000 lines: 200000 messages.'`)
	press("Enter", "keyCode: 13")
	alice.await(`document.getElementById('composer-says').textContent === 'At most 256 messages can wait to be sent.'`)
	js[bool](alice, put+`('x'.repeat(1 << 20))`)
	alice.await(`document.getElementById('composer-says').textContent === '1046576 bytes too long for one message.'`)
	js[bool](alice, put+`('')`)
	alice.isClean()
}
