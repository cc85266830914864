package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"parley/internal/parleytest"
	"parley/tlsutil"
)

// chromium is one headless Chromium for all tests. It trusts the key that their servers share, and nobody else's that a public CA has not signed.
var chromium struct {
	sync.Mutex
	dir  string          // of the servers' certificates, and of what it keeps; "" before the first test
	ctx  context.Context // of its first tab, which stays empty
	ends []func()
}

func closeChromium() {
	for _, end := range slices.Backward(chromium.ends) {
		end()
	}
	os.RemoveAll(chromium.dir)
}

// browser is what one test has of it: tabs of people of its own.
type browser struct {
	t      *testing.T
	ctx    context.Context // of the first tab
	server *parleytest.Server
}

// tab is one of its tabs. What is wrong in the page is noted there, from before its first script on.
type tab struct {
	t   *testing.T
	ctx context.Context
	url string
}

// serve starts a server that the browser trusts.
func serve(t *testing.T, flags ...string) *parleytest.Server {
	t.Helper()
	if parleytest.Race {
		t.Skip("the page is not Go: the race detector looks at the server's part in cmd/parleyd")
	}
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.dir == "" {
		dir, err := os.MkdirTemp("", "parley-web-")
		if err != nil {
			t.Fatal(err)
		}
		chromium.dir = dir
	}
	return parleytest.StartCertified(t, filepath.Join(chromium.dir, "certs"), flags...)
}

func openBrowser(t *testing.T, s *parleytest.Server) *browser {
	t.Helper()
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx == nil {
		chromium.ctx = startChromium(t, s.Certs)
	}
	return &browser{t: t, ctx: chromium.ctx, server: s}
}

func startChromium(t *testing.T, certs string) context.Context {
	t.Helper()
	program := parleytest.Need(t, "chromium")
	keys, err := tlsutil.LoadKeyPair(filepath.Join(certs, "server.pem"), filepath.Join(certs, "server-key.pem"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program),
		chromedp.WSURLReadTimeout(parleytest.Patience),
		chromedp.UserDataDir(filepath.Join(chromium.dir, "profile")),
		chromedp.Flag("blink-settings", "primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4"), // a mouse
		chromedp.Flag("ignore-certificate-errors-spki-list", strings.TrimPrefix(keys.Pin(), "sha256/")))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	chromium.ends = append(chromium.ends, end)
	ctx, end = chromedp.NewContext(ctx)
	chromium.ends = append(chromium.ends, end)
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// person opens the page as somebody of whom the browser knows nothing.
func (b *browser) person() *tab {
	b.t.Helper()
	return b.open(b.ctx, chromedp.WithNewBrowserContext())
}

// again opens the page in another tab of the same person.
func (p *tab) again() *tab {
	p.t.Helper()
	b := &browser{t: p.t}
	return b.openAt(p.ctx, p.url)
}

func (b *browser) open(parent context.Context, options ...chromedp.ContextOption) *tab {
	b.t.Helper()
	return b.openAt(parent, "https://"+b.server.Addr+"/", options...)
}

const noteWrong = `
window.wrong = []
for (const name of ['alert', 'confirm', 'prompt', 'print']) window[name] = () => wrong.push(name)
addEventListener('error', (event) => wrong.push('error: ' + event.message))
addEventListener('unhandledrejection', (event) => wrong.push('rejection: ' + event.reason))
addEventListener('securitypolicyviolation', (event) => wrong.push('policy: ' + event.violatedDirective + ' ' + event.blockedURI))
`

func (b *browser) openAt(parent context.Context, url string, options ...chromedp.ContextOption) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	b.t.Cleanup(cancel)
	p := &tab{t: b.t, ctx: ctx, url: url}
	must(b.t, chromedp.Do(ctx)) // makes the tab, which lives as long as this context
	do(b.t, ctx,
		script(noteWrong),
		chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
			return err
		}),
		chromedp.EmulateViewport(1280, 800),
		chromedp.Navigate(url))
	return p
}

// script runs in every document from then on, before what is its own.
func script(source string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		_, err := cdp.Call(ctx, target, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: source})
		return err
	})
}

// prefers sets the colour scheme that the person likes; nothing moves, so that what is seen is final.
func (p *tab) prefers(scheme string) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
		features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}
		_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: features})
		return err
	}))
}

// do takes steps in a tab. One that waits for something, as a click does for what it clicks at, fails the test when it has waited long enough.
func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, parleytest.Patience)
	defer cancel()
	must(t, chromedp.Do(ctx, steps...))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// js is the value of an expression, awaited where it is a promise.
func js[T any](p *tab, expression string, args ...any) T {
	p.t.Helper()
	for i, arg := range args {
		args[i] = quote(arg)
	}
	ctx, cancel := context.WithTimeout(p.ctx, parleytest.Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](fmt.Sprintf(expression, args...), chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// sum is a short name for a file's content.
func sum(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content))[:16] }

func quote(arg any) string {
	text, err := json.Marshal(arg)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// await waits until an expression is true.
func (p *tab) await(expression string, args ...any) {
	p.t.Helper()
	for i, arg := range args {
		args[i] = quote(arg)
	}
	expression = fmt.Sprintf(expression, args...)
	_, err := chromedp.Run(p.ctx, chromedp.Poll[bool](expression, chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(parleytest.Patience)))
	if err != nil {
		if dir := os.Getenv("SCREENS"); dir != "" {
			p.picture(filepath.Join(dir, "failed.png"))
		}
		p.t.Fatalf("%s: %v\n%s", expression, err, js[string](p, `document.body.innerText`))
	}
}

// picture writes what the tab shows to a file.
func (p *tab) picture(path string) {
	p.t.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(path, png, 0o644)
	}
	if err != nil {
		p.t.Error(err)
	}
}

// enter types a text into a field and Enter behind it.
func (p *tab) enter(id, text string) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.SendKeys(chromedp.CSS("#"+id), text+"\r"))
}

func (p *tab) click(selector string) {
	p.t.Helper()
	do(p.t, p.ctx, chromedp.Click(chromedp.CSS(selector)))
}

// signIn fills in the form.
func (p *tab) signIn(name, password string) {
	p.t.Helper()
	p.await(`!document.getElementById('signin').hidden`)
	js[bool](p, `(document.getElementById('signin-user').value = document.getElementById('signin-password').value = '') === ''`)
	do(p.t, p.ctx, chromedp.SendKeys(chromedp.CSS("#signin-user"), name))
	p.enter("signin-password", password)
}

func (p *tab) isOnline() {
	p.t.Helper()
	p.await(`document.getElementById('connection').textContent === 'connected'`)
}

// holdOff keeps the page from connecting anew, until comeBack.
func (p *tab) holdOff() {
	p.t.Helper()
	js[bool](p, `(window.Held = WebSocket, window.WebSocket = class { constructor() { setTimeout(() => this.onclose?.({})) } close() {} }, true)`)
}

// comeBack lets it, and waits until it has.
func (p *tab) comeBack() {
	p.t.Helper()
	js[bool](p, `(window.WebSocket = Held, true)`)
	p.await(`document.getElementById('connection').textContent === 'connected' || (document.getElementById('try-now').click(), false)`)
}

const texts = `[...document.querySelectorAll('#messages .message .text')].map((e) => e.textContent)`

// shows waits until the open room shows this text, and tells how often it does.
func (p *tab) shows(text string) int {
	p.t.Helper()
	p.await(texts+`.includes(%s)`, text)
	return js[int](p, texts+`.filter((text) => text === %s).length`, text)
}

// isClean checks that nothing went wrong in the page.
func (p *tab) isClean() {
	p.t.Helper()
	if wrong := js[[]string](p, `window.wrong`); len(wrong) > 0 {
		p.t.Errorf("in the page: %q", wrong)
	}
}
