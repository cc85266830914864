import assert from 'node:assert/strict'
import test from 'node:test'

// Tab is the page in a tab: its modules anew, sessionStorage of its own, localStorage and locks shared with the others.
class Storage extends Map {
  getItem(key) { return this.get(key) ?? null }
  setItem(key, value) { this.set(key, value) }
  removeItem(key) { this.delete(key) }
}

// Locks are those of the Web Locks API that the page uses; a wait with a signal is over at once.
class Locks {
  #held = new Map()

  async request(name, ...rest) {
    const use = rest.at(-1)
    const mayWait = rest.length === 1
    while (this.#held.has(name)) {
      if (!mayWait) throw new DOMException('not in time', 'TimeoutError')
      await this.#held.get(name)
    }
    const done = Promise.resolve(use({ name }))
    this.#held.set(name, done.catch(() => {}))
    try {
      return await done
    } finally {
      this.#held.delete(name)
    }
  }
}

let tabs = 0
const listeners = []
globalThis.addEventListener = (kind, listener) => listeners.push(listener)

async function openTab(world, session) {
  Object.defineProperty(globalThis, 'navigator', { value: { locks: world.locks }, configurable: true })
  globalThis.localStorage = world.local
  globalThis.sessionStorage = session
  return import(`../page/tokens.js?tab=${++tabs}`)
}

const world = () => ({ locks: new Locks(), local: new Storage() })

// use takes a turn as a sign-in by token does, and keeps the next token.
const use = (keeper, next) => keeper.turn(async (token, doubtful, keep) => {
  await null
  keep(next)
  return [token, doubtful]
})

test('a tab finds its own token after a reload, and another tab does not', async () => {
  const w = world()
  const session = new Storage()
  const tab = await openTab(w, session)
  assert.equal(await tab.find(), null)
  await use(await tab.keeperFor('alice', false), 'pt1.1')
  w.locks = new Locks() // the page is gone, and its locks with it
  const again = await (await openTab(w, session)).find()
  assert.equal(again.user, 'alice')
  assert.deepEqual(await use(again.keeper, 'pt1.2'), ['pt1.1', false])
  assert.equal(await (await openTab(w, new Storage())).find(), null)
})

test('a duplicated tab leaves its original’s token alone', async () => {
  const w = world()
  const session = new Storage()
  const tab = await openTab(w, session)
  await use(await tab.keeperFor('alice', false), 'pt1.1')
  const copy = new Storage(session)
  assert.equal(await (await openTab(w, copy)).find(), null)
  assert.equal([...copy.values()].join().includes('pt1.'), false)
})

test('a duplicated tab has nothing of its original’s to send, also where both stay signed in', async () => {
  const w = world()
  const session = new Storage()
  const tab = await openTab(w, session)
  await use(await tab.keeperFor('alice', true), 'pt1.1')
  session.setItem('parley.posts', 'what waits there')
  const copy = new Storage(session)
  assert.equal((await (await openTab(w, copy)).find()).user, 'alice')
  assert.equal(copy.getItem('parley.posts'), null)
  w.locks = new Locks() // the original is loaded anew
  assert.equal((await (await openTab(w, session)).find()).user, 'alice')
  assert.equal(session.getItem('parley.posts'), 'what waits there')
})

test('tabs that stay signed in take turns with one token', async () => {
  const w = world()
  const first = await (await openTab(w, new Storage())).keeperFor('alice', true)
  await use(first, 'pt1.1')
  const { user, keeper: second } = await (await openTab(w, new Storage())).find()
  assert.equal(user, 'alice')
  const turns = await Promise.all([use(first, 'pt1.2'), use(second, 'pt1.3')])
  assert.deepEqual(turns, [['pt1.1', false], ['pt1.2', false]])
})

test('a try that nobody heard the end of makes the token doubtful, until it is kept', async () => {
  const w = world()
  for (const stays of [false, true]) {
    const keeper = await (await openTab(w, new Storage())).keeperFor('alice', stays)
    await use(keeper, 'pt1.1')
    await keeper.turn(async () => {}) // the reply was lost
    assert.deepEqual(await use(keeper, 'pt1.1'), ['pt1.1', true])
    assert.deepEqual(await use(keeper, 'pt1.2'), ['pt1.1', false])
  }
})

test('who signs out leaves no token, and the other tabs hear of it', async () => {
  const w = world()
  const keeper = await (await openTab(w, new Storage())).keeperFor('alice', true)
  await use(keeper, 'pt1.1')
  let isTold = false
  keeper.onLeft(() => { isTold = true }, undefined)
  const told = []
  w.local.setItem = function (key, value) { told.push([key, value]); this.set(key, value) }
  assert.equal(keeper.leave(), 'pt1.1')
  assert.equal([...w.local.values()].join(), '')
  listeners.at(-1)({ key: 'parley.out.bob', newValue: '1' })
  listeners.at(-1)({ key: 'parley.stay.alice', newValue: null })
  assert.ok(!isTold)
  listeners.at(-1)({ key: told[0][0], newValue: told[0][1] })
  assert.ok(isTold)
})

test('a token that is denied to one tab leaves a newer one alone', async () => {
  const w = world()
  const keeper = await (await openTab(w, new Storage())).keeperFor('alice', true)
  await use(keeper, 'pt1.2')
  keeper.forget('pt1.1')
  assert.deepEqual(await use(keeper, 'pt1.3'), ['pt1.2', false])
  keeper.forget('pt1.3')
  assert.equal(w.local.size, 0)
})

test('a browser that refuses storage: the token lives as long as the page', async () => {
  const tab = await openTab(world(), new Storage())
  Object.defineProperty(globalThis, 'sessionStorage', { get() { throw new DOMException('refused', 'SecurityError') }, configurable: true })
  const keeper = await tab.keeperFor('alice', false)
  await use(keeper, 'pt1.1')
  assert.deepEqual(await use(keeper, 'pt1.2'), ['pt1.1', false])
})
