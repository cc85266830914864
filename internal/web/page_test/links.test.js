import assert from 'node:assert/strict'
import test from 'node:test'
import { linksIn } from '../page/links.js'

// A text with one link at most: what is followed, and the real host where that must stand beside it. null: no link.
const TEXTS = {
  'see https://example.org/a?b=c#d.': ['https://example.org/a?b=c#d', ''],
  'HTTP://Example.ORG:8080/': ['HTTP://Example.ORG:8080/', ''],
  'https://example.org:443/x': ['https://example.org:443/x', ''],
  'https://[::1]/': ['https://[::1]/', ''],
  'https://127.0.0.1/': ['https://127.0.0.1/', ''],
  'https://example.org/@user and more': ['https://example.org/@user', ''],
  'https://example.org?q=https://x/': ['https://example.org?q=https://x/', ''],
  'https://münchen.example/': ['https://münchen.example/', 'xn--mnchen-3ya.example'],
  'https://еxample.org/': ['https://еxample.org/', 'xn--xample-2of.org'], // a Cyrillic е
  'https://ｅxample.org/': ['https://ｅxample.org/', 'example.org'], // a wide e
  'https://2130706433/': ['https://2130706433/', '127.0.0.1'],
  'https://0x7f.1/': ['https://0x7f.1/', '127.0.0.1'],
  'https://0177.0.0.1/': ['https://0177.0.0.1/', '127.0.0.1'],
  'https://example.org⁄.evil.example/': null, // U+2044
  'https://example.org／.evil.example/': null, // U+FF0F
  'https://example。org/': null,
  'https://example%2eorg/': null,
  'https://example.org@evil.example/': null,
  'https://example.org:443@evil.example/': null,
  'https://@evil.example/': null,
  'https://example.org\\@evil.example/': null,
  'https:///evil.example/': null,
  'https://exam\u00adple.org/': ['https://exam', ''], // U+00AD shows nothing and ends it
  'javascript:alert(1)//https:': null,
}

test('a link shows where it leads', () => {
  for (const [text, want] of Object.entries(TEXTS)) {
    const links = linksIn(text)
    assert.deepEqual(links.map(({ link, host }) => [link, host]), want ? [want] : [], text)
    for (const { at, link } of links) assert.equal(text.slice(at, at + link.length), link)
  }
})

test('what is no link keeps none behind it from being one', () => {
  const links = linksIn('https://a@b.example/ then https://c.example/, (https://d.example/x_(y))')
  assert.deepEqual(links.map(({ link }) => link), ['https://c.example/', 'https://d.example/x_(y)'])
})

test('brackets that a link opens are its own, and looking for them is no work for ever', () => {
  const many = 'https://example.org/' + '('.repeat(99_999) + ')'.repeat(200_000)
  assert.equal(linksIn(many)[0].link, many.slice(0, -100_001))
  assert.deepEqual(linksIn('[https://example.org/a[1]?b=(c).)!]}').map(({ link }) => link), ['https://example.org/a[1]?b=(c)'])
})
