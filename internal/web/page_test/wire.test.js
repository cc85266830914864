import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import * as wire from '../page/wire.js'

const read = (path) => JSON.parse(readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8'))

test('events are read as the vectors say', () => {
  for (const { line, error, unknown } of read('protocol/testdata/vectors/events.json')) {
    const parsed = () => wire.parseEvent(wire.parse(line))
    if (error) assert.throws(parsed, wire.Misbehavior, line)
    else if (unknown) assert.equal(parsed(), null, line)
    else {
      const event = parsed()
      assert.equal(event.command, line.split('|')[0])
      if (event.text !== undefined) assert.ok(line.endsWith(`|${event.text}`), line)
    }
  }
  assert.deepEqual(wire.parseEvent(wire.parse('MSG|7|2026-11-23T01:02:03.004Z|lobby|alice|hi | there')), {
    command: 'MSG', id: 7, time: Date.UTC(2026, 10, 23, 1, 2, 3, 4), room: 'lobby', user: 'alice', text: 'hi | there',
  })
})

test('a command that every object has is no event', () => {
  assert.equal(wire.parseEvent({ command: 'constructor', data: '' }), null)
})

test('names, targets, ids and texts are checked as the vectors say', () => {
  const checks = {
    name: wire.isName,
    target: wire.isTarget,
    text: (s) => wire.wrongText(s) === '',
  }
  let seen = 0
  for (const { kind, value, repeat = 1, error, base64 } of read('protocol/testdata/vectors/fields.json')) {
    if (!checks[kind] || base64) continue
    seen++
    assert.equal(checks[kind](value.repeat(repeat)), !error, `${kind} ${JSON.stringify(value)} × ${repeat}`)
  }
  assert.ok(seen > 60)
})

test('a lone surrogate is no text', () => assert.notEqual(wire.wrongText('a\ud800'), ''))

test('what nobody sees is no text', () => {
  for (const unseen of ['\u034f', '\u17b4', '\ufe0f', '\u180b', '\u115f\u1160\u2800\u3164\uffa0', ' \u200d\t', '\u{e0100}']) {
    assert.equal(wire.wrongText(unseen), 'There is no text.', JSON.stringify(unseen))
    assert.equal(wire.wrongText(`a${unseen}`), '')
  }
})

test('ids are digits alone', () => {
  assert.equal(wire.parseID('0'), 0)
  for (const bad of ['', '007', '+7', '-1', '0x7', ' 7', '1e3', '9007199254740993']) assert.throws(() => wire.parseID(bad), wire.Misbehavior, bad)
})

test('mentions are those of the terminal client', () => {
  for (const { self, text, meant } of read('internal/client/testdata/mentions.json')) {
    assert.equal(wire.mentionOf(self).test(text), meant, `${self} in ${text}`)
  }
})

test('what steers or turns text is escaped', () => {
  assert.equal(wire.printable('a\u001b[31m\u202eb\u0085\tc\u2028'), 'a\\u{1b}[31m\\u{202e}b\\u{85} c\\u{2028}')
  assert.equal(wire.printable('👩‍👩‍👧‍👦 שלום <b>&amp;'), '👩‍👩‍👧‍👦 שלום <b>&amp;')
})

test('the seconds to wait', () => {
  const wait = (code, text) => wire.retryAfter(new wire.Refused(code, text))
  assert.equal(wait('rate-limited', '3 seconds to wait: too fast'), 3)
  assert.equal(wait('busy', 'without a number'), 1)
  assert.equal(wait('busy', '99999999 seconds to wait: long'), 3600)
  assert.equal(wait('denied', '3 seconds to wait: not for this'), 0)
  assert.equal(wire.retryAfter(new Error('lost')), 0)
})
