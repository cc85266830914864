import assert from 'node:assert/strict'
import test from 'node:test'
import { Client } from '../page/client.js'
import { FakeSocket, settle } from './fake.js'

// World is what a client meets: sockets that the test answers, a keeper, and what the client tells.
class World {
  sockets = []
  told = []
  token = ''
  tried = false
  isReachable = true

  constructor(t, { user = 'alice', isGuest = false, token = '' } = {}) {
    t.mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_700_000_000_000 })
    const world = this
    globalThis.WebSocket = class extends FakeSocket {
      constructor() {
        super()
        world.sockets.push(this)
        queueMicrotask(() => (world.isReachable ? this.onopen({}) : this.onerror({})))
      }
    }
    this.token = token
    this.timers = t.mock.timers
    this.client = new Client({
      url: 'wss://chat.example/ws',
      user,
      isGuest,
      keeper: isGuest ? null : this.#keeper(),
      handlers: {
        onEvent: (event) => this.told.push(event.command),
        onReady: async () => { this.told.push('ready') },
        onLost: () => this.told.push('lost'),
        onState: () => {},
        onEnded: (why) => this.told.push(`ended: ${why}`),
      },
    })
  }

  #keeper() {
    return {
      turn: (use) => {
        const { token, tried } = this
        this.tried = token !== ''
        return use(token, tried, (next) => { this.token = next; this.tried = false })
      },
      forget: () => { this.token = ''; this.tried = false },
      leave: () => {
        const { token } = this
        this.token = ''
        this.tried = false
        return token
      },
    }
  }

  get socket() { return this.sockets.at(-1) }

  // answer says what the server does to the newest socket, and lets that have its effects.
  async answer(...lines) {
    this.socket.say(...lines)
    await settle()
  }

  // pass lets the longest wait between two tries pass.
  async pass(ms = 30_000) {
    await settle()
    this.timers.tick(ms)
    await settle()
  }

  // online is a client that was signed in by password, with token t1.
  async online() {
    const signedIn = this.client.signIn('a good passphrase')
    await settle()
    await this.answer('OK|session|pt1.1|lobby')
    assert.equal(await signedIn, false)
    await settle()
    await this.answer('OK|')
    return this
  }
}

test('signing in keeps the token before all else, and confirms it at once', async (t) => {
  const w = new World(t)
  const signedIn = w.client.signIn('a good passphrase')
  await settle()
  assert.deepEqual(w.socket.sent, ['HELLO|alice|a good passphrase'])
  await w.answer('OK|session|pt1.1|lobby')
  assert.equal(await signedIn, false)
  assert.equal(w.token, 'pt1.1')
  await settle()
  assert.equal(w.socket.sent[1], 'PING|')
  await w.answer('OK|')
  assert.ok(w.client.state.online)
  assert.deepEqual(w.told, ['ready'])
})

test('a wrong password is the person’s concern: nothing is tried again', async (t) => {
  const w = new World(t)
  const signedIn = w.client.signIn('wrong')
  await settle()
  w.socket.say('ERROR|denied|the name or the password is wrong')
  await assert.rejects(signedIn, { code: 'denied' })
  await w.pass()
  assert.equal(w.sockets.length, 1)
  assert.ok(w.socket.isClosed)
})

test('a lost connection is resumed by the token, and the next one kept', async (t) => {
  const w = await new World(t).online()
  w.socket.drop()
  await settle()
  assert.equal(w.client.state.online, false)
  assert.equal(w.client.state.since, Date.now())
  const wait = w.client.state.retryAt - Date.now()
  assert.ok(wait >= 500 && wait <= 1000, `${wait} ms`)
  await w.pass()
  assert.deepEqual(w.socket.sent, ['HELLO|alice|pt1.1'])
  await w.answer('OK|session|pt1.2|lobby')
  assert.equal(w.token, 'pt1.2')
  await w.answer('OK|')
  assert.ok(w.client.state.online)
  assert.deepEqual(w.told, ['ready', 'lost', 'ready'])
})

test('the waits grow to half a minute at most, and can be cut short', async (t) => {
  const w = await new World(t).online()
  w.isReachable = false
  w.socket.drop()
  const waits = []
  for (let i = 0; i < 8; i++) {
    await settle()
    waits.push(w.client.state.retryAt - Date.now())
    w.timers.tick(10)
    w.client.tryNow()
    await settle()
    assert.equal(w.sockets.length, i + 2)
  }
  assert.ok(waits.every((wait) => wait <= 30_000))
  assert.ok(waits[7] >= 15_000)
  assert.equal(w.client.state.since, 1_700_000_000_000)
})

test('a wait that the server asks for is kept, and its token too', async (t) => {
  const w = await new World(t).online()
  w.socket.drop()
  await w.pass()
  await w.answer('ERROR|busy|20 seconds to wait: too many sign-ins')
  assert.deepEqual([w.token, w.tried], ['pt1.1', false])
  assert.ok(w.client.state.asked)
  w.client.tryNow()
  await w.pass(19_000)
  assert.equal(w.sockets.length, 2)
  await w.pass(1000)
  assert.equal(w.sockets.length, 3)
})

test('a token that is denied ends it, and is forgotten', async (t) => {
  const w = new World(t, { token: 'pt1.old' })
  w.client.resume()
  await settle()
  await w.answer('ERROR|denied|the token is used up')
  assert.deepEqual(w.told, ['ended: Your session has ended. Please sign in again.'])
  assert.equal(w.token, '')
  await w.pass()
  assert.equal(w.sockets.length, 1)
})

test('a token whose last use has no known end is tried again for a while', async (t) => {
  const w = new World(t, { token: 'pt1.1' })
  w.client.resume()
  await settle()
  w.socket.drop() // the reply to HELLO is lost
  for (let i = 0; i < 6; i++) {
    await w.pass()
    assert.deepEqual(w.socket.sent, ['HELLO|alice|pt1.1'])
    await w.answer('ERROR|denied|its session still lives')
    assert.deepEqual(w.told, [])
  }
  await w.pass()
  await w.answer('OK|session|pt1.2|lobby')
  await w.answer('OK|')
  assert.ok(w.client.state.online)
})

test('who is ejected is told, and stays out', async (t) => {
  const w = await new World(t).online()
  await w.answer('BYE|ejected|that was rude')
  w.socket.drop()
  await w.pass()
  assert.deepEqual(w.told, ['ready', 'lost', 'ended: You were signed out: that was rude.'])
  assert.equal(w.token, '')
  assert.equal(w.sockets.length, 1)
})

test('signing out says EXIT and forgets the token', async (t) => {
  const w = await new World(t).online()
  const left = w.client.leave()
  assert.equal(w.socket.sent.at(-1), 'EXIT|')
  await w.answer('OK|bye')
  await left
  assert.equal(w.token, '')
  await w.pass()
  assert.equal(w.sockets.length, 1)
})

test('signing out while it signs in again ends the new token too', async (t) => {
  const w = await new World(t).online()
  w.socket.drop()
  await w.pass()
  const { told } = await w.client.leave()
  await w.answer('OK|session|pt1.2|lobby')
  assert.equal(w.socket.sent.at(-1), 'EXIT|')
  await w.answer('OK|bye')
  assert.equal(w.token, '')
  assert.equal(await told, true)
  assert.equal(w.sockets.length, 2)
})

test('an invited account chooses a password and signs in anew', async (t) => {
  const w = new World(t)
  const signedIn = w.client.signIn('the first one')
  await settle()
  await w.answer('OK|session||', 'NOTE|choose a password of your own')
  assert.equal(await signedIn, true)
  const refused = w.client.accept('short')
  w.socket.say('ERROR|weak-password|too short')
  await assert.rejects(refused, { code: 'weak-password' })
  const accepted = w.client.accept('seven purple lanterns')
  await w.answer('OK|')
  assert.deepEqual(w.socket.sent, ['HELLO|alice|seven purple lanterns'])
  await w.answer('OK|session|pt1.1|lobby')
  assert.equal(await accepted, false)
})

test('a guest comes back by name, once the server has noticed that they were gone', async (t) => {
  const w = new World(t, { user: 'dora', isGuest: true })
  const signedIn = w.client.signIn('')
  await settle()
  assert.deepEqual(w.socket.sent, ['HELLO|dora'])
  await w.answer('OK|session||lobby')
  assert.equal(await signedIn, false)
  await settle()
  await w.answer('OK|')
  w.socket.drop()
  await w.pass()
  await w.answer('ERROR|denied|the name is taken')
  await w.pass()
  await w.answer('OK|session||lobby')
  await w.answer('OK|')
  assert.ok(w.client.state.online)
})

test('signing out with a connection ends the session, and there is nothing more to tell', async (t) => {
  const w = await new World(t).online()
  const left = w.client.leave()
  await settle()
  assert.equal(w.socket.sent.at(-1), 'EXIT|')
  await w.answer('OK|bye')
  assert.equal(await left, null)
  await w.pass()
  assert.equal(w.sockets.length, 1)
})

test('signing out without a connection ends the token as soon as the server is there, and tells so', async (t) => {
  const w = await new World(t).online()
  w.isReachable = false
  w.socket.drop()
  await settle()
  const { told } = await w.client.leave()
  assert.equal(w.token, '')
  for (let i = 0; i < 3; i++) await w.pass()
  let isDone = false
  told.then((done) => { isDone = done })
  w.isReachable = true
  await w.pass()
  assert.deepEqual(w.socket.sent, ['HELLO|alice|pt1.1'])
  await w.answer('ERROR|busy|3 seconds to wait: too many sign-ins')
  await w.pass(30_000)
  await w.answer('OK|session|pt1.2|lobby')
  w.socket.drop() // the token that came with it is the one to end now
  await w.pass()
  assert.deepEqual(w.socket.sent, ['HELLO|alice|pt1.2'])
  await w.answer('OK|session|pt1.3|lobby')
  assert.deepEqual(w.socket.sent.slice(1), ['EXIT|'])
  assert.equal(isDone, false)
  await w.answer('OK|bye')
  assert.equal(isDone, true)
  const { length } = w.sockets
  await w.pass(600_000)
  assert.equal(w.sockets.length, length)
})

test('a token that is denied again and again is no more', async (t) => {
  const w = await new World(t).online()
  w.socket.drop()
  await settle()
  const { told } = await w.client.leave()
  for (let i = 0; i < 7; i++) {
    await settle()
    await w.answer('ERROR|denied|the name or the password is wrong')
    await w.pass()
  }
  assert.equal(await told, true)
})
