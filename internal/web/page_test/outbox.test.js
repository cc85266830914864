import assert from 'node:assert/strict'
import test from 'node:test'
import { Mirror } from '../page/mirror.js'
import { MAX_POSTS, Outbox } from '../page/outbox.js'
import { Lost, Session } from '../page/session.js'
import { FakeSocket, settle, storage } from './fake.js'

function begin(self = 'alice', isKept = false) {
  if (!isKept) storage.clear()
  const mirror = new Mirror(self)
  mirror.open('lobby')
  mirror.online = true
  return { mirror, outbox: new Outbox(mirror, () => {}) }
}

// connect is a session that serves the outbox as the client does.
async function connect(outbox) {
  const socket = new FakeSocket()
  const session = new Session(socket, { onEvent() {}, onEnd: () => outbox.stop() })
  outbox.redeliver(session).then(() => outbox.serve(session))
  await settle()
  return { socket, session }
}

const keyOf = (sent) => sent.split('|')[2]

test('texts go out in order, one at a time, each with a key of its own', async () => {
  const { mirror, outbox } = begin()
  const { socket } = await connect(outbox)
  outbox.post('lobby', 'one | and a bar')
  outbox.post('lobby', 'two')
  await settle()
  assert.equal(socket.sent.length, 1)
  assert.match(socket.sent[0], /^SEND\|lobby\|[0-9a-f]{32}\|one \| and a bar$/)
  socket.say('OK|5')
  await settle()
  assert.equal(socket.sent.length, 2)
  assert.notEqual(keyOf(socket.sent[0]), keyOf(socket.sent[1]))
  socket.say('OK|6')
  await settle()
  assert.deepEqual(mirror.room('lobby').items.map(({ event }) => event.id), [5, 6])
  assert.equal(outbox.size, 0)
})

test('what has no answer when the connection ends is said again with its key, before all else', async () => {
  const { outbox } = begin()
  const first = await connect(outbox)
  outbox.post('lobby', 'one')
  outbox.post('lobby', 'two')
  await settle()
  first.session.end(new Lost('gone'))
  outbox.post('lobby', 'three')
  const second = await connect(outbox)
  assert.deepEqual(second.socket.sent, first.socket.sent)
  for (const id of [1, 2, 3]) {
    second.socket.say(`OK|${id}`)
    await settle()
  }
  assert.deepEqual(second.socket.sent.map((sent) => sent.split('|')[3]), ['one', 'two', 'three'])
})

test('what waits survives the page, with its keys', async () => {
  const first = begin()
  const { socket } = await connect(first.outbox)
  first.outbox.post('lobby', 'one')
  await settle()
  const second = begin('alice', true)
  assert.equal(second.mirror.room('lobby').pending.length, 1)
  const again = await connect(second.outbox)
  assert.deepEqual(again.socket.sent, socket.sent)
  assert.equal(begin('bob', true).outbox.size, 0)
})

test('a refusal for now is tried again, a final one is told', async (t) => {
  const { mirror, outbox } = begin()
  const { socket } = await connect(outbox)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  outbox.post('lobby', 'one')
  await settle()
  socket.say('ERROR|rate-limited|2 seconds to wait: slow down')
  await settle()
  assert.equal(socket.sent.length, 1)
  t.mock.timers.tick(2000)
  await settle()
  assert.equal(socket.sent[1], socket.sent[0])
  socket.say('ERROR|forbidden|you are muted')
  await settle()
  assert.equal(mirror.room('lobby').failed[0].why, 'you are muted')
})

test('internal errors are tried five times', async (t) => {
  const { mirror, outbox } = begin()
  const { socket } = await connect(outbox)
  t.mock.timers.enable({ apis: ['setTimeout'] })
  outbox.post('lobby', 'one')
  for (let i = 0; i < 5; i++) {
    await settle()
    socket.say('ERROR|internal|the server failed')
    await settle()
    t.mock.timers.tick(1000)
  }
  await settle()
  assert.equal(socket.sent.length, 5)
  assert.equal(mirror.room('lobby').failed.length, 1)
})

test('what waits is bounded, and what was not sent can be taken back', () => {
  const { mirror, outbox } = begin()
  for (let i = 0; i < MAX_POSTS; i++) assert.equal(outbox.post('lobby', `text ${i}`), '')
  assert.notEqual(outbox.post('lobby', 'one more'), '')
  assert.notEqual(outbox.post('lobby', '   '), '')
  assert.ok(outbox.withdraw(mirror.room('lobby').pending[7]))
  assert.equal(outbox.size, MAX_POSTS - 1)
})

test('a guest’s text is not said again on another connection, where its key does not hold', async () => {
  const { mirror, outbox } = begin('~dora')
  const first = await connect(outbox)
  outbox.post('lobby', 'one')
  await settle()
  first.session.end(new Lost('gone'))
  const second = await connect(outbox)
  assert.deepEqual(second.socket.sent, [])
  assert.equal(mirror.room('lobby').failed.length, 1)
})

const HOUR = 3_600_000

test('what was sent is not sent again once the server may have forgotten its key', async (t) => {
  for (const [hours, sentAgain] of [[21, true], [22, false], [100, false], [-2, false]]) {
    t.mock.timers.reset()
    t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
    const { mirror, outbox } = begin()
    const first = await connect(outbox)
    outbox.post('lobby', 'one')
    outbox.post('lobby', 'two')
    await settle()
    assert.equal(first.socket.sent.length, 1)
    first.session.end(new Lost('gone'))
    t.mock.timers.setTime(1_700_000_000_000 + hours * HOUR)
    const second = await connect(outbox)
    const [sent] = second.socket.sent
    assert.equal(sent.split('|')[3], sentAgain ? 'one' : 'two', `${hours} hours`)
    assert.deepEqual(mirror.room('lobby').failed.map(({ post }) => post.text), sentAgain ? [] : ['one'])
  }
})

test('it is told at once after a reload, and stays until the person has done with it', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: 1_700_000_000_000 })
  const first = begin()
  await connect(first.outbox)
  first.outbox.post('lobby', 'one')
  await settle()
  t.mock.timers.setTime(1_700_000_000_000 + 23 * HOUR)
  for (let reloads = 0; reloads < 2; reloads++) {
    const { mirror, outbox } = begin('alice', true)
    assert.equal(outbox.size, 0)
    assert.equal(mirror.room('lobby').pending.length, 0)
    assert.match(mirror.room('lobby').failed[0].why, /may have been said/)
    assert.deepEqual((await connect(outbox)).socket.sent, [])
  }
  const { mirror, outbox } = begin('alice', true)
  outbox.dismiss(mirror.room('lobby').failed[0].post)
  assert.equal(begin('alice', true).mirror.room('lobby').failed.length, 0)
})

test('signing out tells what waited and keeps nothing', () => {
  const { outbox } = begin()
  outbox.post('@bob', 'one')
  assert.deepEqual(outbox.clear().map(({ target, text }) => [target, text]), [['@bob', 'one']])
  assert.equal(outbox.size, 0)
  assert.equal(storage.size, 0)
})
