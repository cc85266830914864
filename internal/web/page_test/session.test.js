import assert from 'node:assert/strict'
import test from 'node:test'
import { Bye, Lost, Session, open } from '../page/session.js'
import { Misbehavior, Refused } from '../page/wire.js'
import { FakeSocket, line, message } from './fake.js'

function begin() {
  const socket = new FakeSocket()
  const told = []
  const ends = []
  const session = new Session(socket, { onEvent: (event) => told.push(event.id ?? event.command), onEnd: (why) => ends.push(why) })
  const ask = (...request) => session.start((reply, error) => told.push(error ? error.code ?? error.message : reply.data), ...request)
  return { socket, session, told, ends, ask }
}

test('replies come in the order of the lines, events between them', () => {
  const { socket, told, ask } = begin()
  ask('PING', 'a')
  ask('SEND', 'lobby', 'k', 'x|y')
  assert.deepEqual(socket.sent, ['PING|a', 'SEND|lobby|k|x|y'])
  socket.say('JOIN|lobby|bob', 'OK|a', line(message(4)), 'ERROR|rate-limited|1 second to wait: slow down', 'LATER|of another version')
  assert.deepEqual(told, ['JOIN', 'a', 4, 'rate-limited'])
})

test('the events straight before the reply to HISTORY are its answer, those before them live', () => {
  const { socket, session, told } = begin()
  let answer
  session.start((reply) => { answer = reply.events.map((event) => event.id); told.push('answer') }, 'HISTORY', 'lobby')
  socket.say(line(message(9)), line(message(1)), 'LATER|counted all the same', line(message(2)))
  assert.deepEqual(told, [])
  socket.say('OK|3', line(message(10)))
  assert.deepEqual(answer, [1, 2])
  assert.deepEqual(told, [9, 'answer', 10])
})

test('events are not held while another reply is awaited first', () => {
  const { socket, told, ask } = begin()
  ask('PING', '')
  ask('HISTORY', 'lobby')
  socket.say(line(message(5)))
  assert.deepEqual(told, [5])
  socket.say('OK|')
  assert.deepEqual(told, [5, ''])
})

test('what is no protocol ends the session', () => {
  for (const wrong of ['hello', 'OK|7', 'MSG|x|y', 'OK|1\nOK|1']) {
    const { socket, ends, ask } = begin()
    if (wrong.startsWith('OK|1')) ask('HISTORY', 'lobby')
    socket.say(wrong)
    assert.equal(ends.length, 1, wrong)
    assert.ok(ends[0] instanceof Misbehavior, wrong)
    assert.ok(socket.isClosed)
  }
})

test('half an answer is not told as if it had just been said', () => {
  const { socket, told, ask } = begin()
  ask('FIND', 'lobby', 'words')
  socket.say(line(message(1)), 'GONE|2|lobby|bob', 'JOIN|lobby|bob')
  socket.drop()
  assert.equal(told.includes(1) || told.includes(2), false)
  assert.ok(told.includes('JOIN'))
})

test('where the page itself fails, no reply is taken for another line’s', () => {
  const socket = new FakeSocket()
  const ends = []
  const session = new Session(socket, { onEvent: () => { throw new RangeError('a mistake') }, onEnd: (why) => ends.push(why) })
  const replies = []
  for (const text of ['one', 'two']) session.start((reply) => replies.push(reply), 'PING', text)
  assert.throws(() => socket.say(line(message(1)), 'OK|one'), RangeError)
  socket.onmessage?.({ data: 'OK|two' })
  assert.deepEqual(replies, [null, null])
  assert.equal(ends.length, 1)
})

test('the end is told once, to all who wait, and with the server’s word for it', () => {
  const { socket, session, told, ends, ask } = begin()
  ask('PING', '')
  ask('HISTORY', 'lobby')
  socket.say('BYE|shutdown|the server is stopping')
  socket.drop()
  assert.deepEqual(told, ['shutdown', 'shutdown'])
  assert.ok(ends[0] instanceof Bye)
  session.end(new Lost('again'))
  ask('PING', '')
  assert.equal(ends.length, 1)
  assert.deepEqual(told.slice(2), ['shutdown'])
})

test('a silent server is asked, and then given up', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  const { socket, ends } = begin()
  t.mock.timers.tick(44_000)
  assert.deepEqual(socket.sent, [])
  t.mock.timers.tick(1000)
  assert.deepEqual(socket.sent, ['PING|'])
  socket.say('OK|')
  t.mock.timers.tick(45_000)
  assert.equal(socket.sent.length, 2)
  t.mock.timers.tick(29_000)
  assert.equal(ends.length, 0)
  t.mock.timers.tick(1000)
  assert.ok(ends[0] instanceof Lost)
})

test('requests that nobody answers are bounded', () => {
  const { session } = begin()
  let refused = null
  for (let i = 0; i < 513; i++) session.start((reply, error) => { refused = error }, 'PING', '')
  assert.ok(refused instanceof Refused)
})

test('a connection that can’t be made', async () => {
  class Unreachable extends FakeSocket {
    constructor() {
      super()
      queueMicrotask(() => this.onerror({}))
    }
  }
  await assert.rejects(open('wss://nowhere.example/ws', { onEvent() {}, onEnd() {}, WebSocket: Unreachable }), Lost)
})
