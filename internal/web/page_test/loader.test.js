import assert from 'node:assert/strict'
import test from 'node:test'
import { Loader } from '../page/loader.js'
import { Mirror } from '../page/mirror.js'
import { Session } from '../page/session.js'
import { FakeSocket, line, message, settle } from './fake.js'

// begin is a loader of alice's, who is in the lobby and the garden and looks at the lobby.
async function begin() {
  const mirror = new Mirror('alice')
  mirror.open('lobby')
  const socket = new FakeSocket()
  const session = new Session(socket, { onEvent() {}, onEnd() {} })
  const loader = new Loader(mirror, { learn() {} }, () => {})
  const served = loader.serve(session)
  socket.say('OK|garden:9:9:0|lobby:900:900:0')
  await served
  mirror.online = true
  return { mirror, socket, loader, t: mirror.room('lobby') }
}

test('what stands around a message is loaded in place of what was there', async () => {
  const { socket, loader, t } = await begin()
  const loaded = loader.around(t, 500)
  assert.equal(socket.sent.at(-1), 'HISTORY|lobby|before|501|50')
  socket.say(line(message(499)), line(message(500)), 'OK|2')
  await settle()
  socket.say(line(message(501)), 'OK|1')
  assert.equal(await loaded, true)
  assert.deepEqual(t.items.map(({ event }) => event.id), [499, 500, 501])
})

test('a person who has gone elsewhere meanwhile finds nothing changed', async () => {
  const { mirror, socket, loader, t } = await begin()
  const loaded = loader.around(t, 500)
  mirror.open('garden')
  socket.say(line(message(500)), 'OK|1')
  await settle()
  socket.say('OK|0')
  assert.equal(await loaded, false)
  assert.deepEqual([t.items.length, t.reading, t.behind], [0, false, false])
})

test('of two searches that are gone to, the later one counts', async () => {
  const { socket, loader, t } = await begin()
  const first = loader.around(t, 100)
  const second = loader.around(t, 500)
  socket.say(line(message(100)), 'OK|1', line(message(500)), 'OK|1')
  await settle()
  socket.say('OK|0', 'OK|0')
  assert.deepEqual([await first, await second], [false, true])
  assert.deepEqual(t.items.map(({ event }) => event.id), [500])
})
