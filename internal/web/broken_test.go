package web_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// A server that keeps to the form of lines and to little else stands where the real one was.
const brokenServer = `
const names = ['', '__proto__', 'constructor', 'toString', '@', '@@', '@__proto__', '~', 'lobby', '@bob', '<img src=x onerror=alert(1)>', '"><svg onload=alert(1)>', 'x'.repeat(3000), '\u202e\u0000\u001b[31m', '%', '#', 'a b', '\u{1f600}']
let seed = 1
const random = (n) => (seed = Math.imul(seed, 48271) >>> 1) % n
const name = () => names[random(names.length)]
const id = () => [0, 1, 2, 3, 5, 8, 13, 21, 34, 9007199254740990][random(10)]
const times = ['0000-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', '2026-02-28T12:00:00.000Z']
const events = [
	() => ['MSG', id(), times[random(3)], name(), name(), name()],
	() => ['GONE', id(), name(), name()],
	() => ['JOIN', name(), name()], () => ['LEAVE', name(), name()],
	() => ['HERE', name(), id()], () => ['TOPIC', name(), name(), name()],
	() => ['SEEN', name(), id()], () => ['NOTE', name()],
	() => ['LATER', name()], () => ['CONSTRUCTOR', name()],
]
const some = (n) => Array.from({ length: n }, () => events[random(events.length)]().join('|'))
const answers = {
	HELLO: () => 'OK|session|pt1.x|lobby',
	LIST: () => 'OK|' + names.filter((n) => !n.includes(':')).map((n) => n + ':' + [id(), id(), id()].join(':')).join('|'),
	HISTORY: () => { const n = random(30); return [...Array.from({ length: n }, () => events[random(2)]().join('|')), 'OK|' + n].join('\n') },
	WHO: () => 'OK|' + names.join('|'), TOPIC: () => 'OK|' + name(), SEND: () => 'OK|' + id(), DELETE: () => 'ERROR|constructor|' + name(),
}
answers.FIND = answers.HISTORY
window.sessions = 0
window.taken = 0
window.WebSocket = class {
	constructor() { setTimeout(() => { sessions++; window.server = this; this.onopen() }) }
	send(line) {
		const answer = (answers[line.split('|')[0]] ?? (() => 'OK|'))()
		setTimeout(() => this.say(answer))
	}
	say(lines) { if (this.onmessage) { taken++; this.onmessage({ data: lines }) } }
	close() {}
}
window.flood = (n) => server.say(some(n).join('\n'))
`

// TestPageBroken: a server that says what no server should, in an order and with names that none has, makes neither markup nor a mistake of it.
func TestPageBroken(t *testing.T) {
	_, b := start(t)
	alice := b.person()
	do(t, alice.ctx, script(brokenServer), chromedp.Reload())
	alice.signIn("alice", "a password")
	alice.isOnline()
	for range 40 {
		js[bool](alice, `new Promise((go) => { flood(100); requestAnimationFrame(() => setTimeout(() => go(true))) })`)
		js[bool](alice, `(location.hash = [...document.querySelectorAll('#rooms a, #people a')].map((a) => a.hash)[random(20)] ?? '', true)`)
		js[bool](alice, `(document.querySelectorAll('#messages .more')[0]?.click(), true)`)
		alice.isOnline()
	}
	alice.isClean()
	if n := js[int](alice, `sessions`); n != 1 {
		t.Errorf("there were %d sessions", n)
	}
	if n := js[int](alice, `document.querySelectorAll('.chat img:not([src="icon.svg"]), .chat svg:not(.drawing), .chat [onerror], .chat [onload]').length`); n != 0 {
		t.Errorf("%d elements are made of what was said", n)
	}
	js[bool](alice, `(server.say(Array.from({ length: 100_000 }, (_, i) => 'MSG|' + (1000 + i) + '|2026-02-28T12:00:00.000Z|lobby|bob|number ' + i).join('\n')), location.hash = 'lobby', true)`)
	alice.await(`document.querySelector('#messages')?.textContent.includes('number 99999') || sessions > 1`)
	alice.isClean()
	for _, wrong := range []string{"OK|1", "no line", "MSG|1", "OK|1\nOK|2\nOK|3", "GONE|18446744073709551616|lobby|bob", "SEEN|lobby|-1", "HERE|lobby|1e3", "MSG|1|2026-13-01T00:00:00.000Z|lobby|bob|x"} {
		before := js[int](alice, `sessions`)
		js[bool](alice, `new Promise((go) => { const wait = () => document.getElementById('connection').textContent === 'connected' ? (server.say(%s), go(true)) : setTimeout(wait, 50); wait() })`, wrong)
		alice.await(`(document.getElementById('try-now').click(), sessions > %s)`, before)
		alice.isOnline()
	}
	alice.isClean()
}
