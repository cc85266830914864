import assert from 'node:assert/strict'
import test from 'node:test'
import { Mirror } from '../page/mirror.js'
import { KEEP } from '../page/timeline.js'
import { message } from './fake.js'

const NOW = 1_800_000_000_000
const ids = (t) => t.items.map(({ event }) => event.id ?? event.command)

// begin is a mirror whose lobby is on the screen, read up to read, with the messages after it unread.
function begin({ self = 'alice', last = 0, seen = 0, unread = 0 } = {}) {
  const m = new Mirror(self)
  m.open('lobby')
  m.online = true
  assert.ok(m.needsList())
  m.listed([{ name: 'lobby', last, seen, unread }])
  return m
}

// load answers the question for older messages.
function load(m, name, page, end) {
  const t = m.room(name)
  m.answer(t, t.ask('older'), page, end)
  return t
}

test('a message is there once, in its place, whoever tells it', () => {
  const m = begin()
  const t = m.room('lobby')
  m.take(message(5), NOW)
  m.take(message(7), NOW)
  m.take(message(5), NOW)
  load(m, 'lobby', [message(3), message(5), message(7)], true)
  assert.deepEqual(ids(t), [3, 5, 7])
  assert.ok(t.start)
})

test('an own text is there once, whether history or the acknowledgement comes first', () => {
  const m = begin()
  const t = m.room('lobby')
  const [one, two] = [{ target: 'lobby', text: 'one' }, { target: 'lobby', text: 'two' }]
  m.posted(one)
  m.posted(two)
  assert.equal(t.pending.length, 2)
  m.settled(one, 5, '', NOW)
  m.take(message(6, 'alice', 'lobby', 'two'), NOW)
  m.settled(two, 6, '', NOW)
  assert.deepEqual(ids(t), [5, 6])
  assert.equal(t.items[1].event.time, message(6).time)
  assert.equal(t.pending.length, 0)
})

test('a refused text stays in view with why', () => {
  const m = begin()
  const post = { target: 'lobby', text: 'one' }
  m.posted(post)
  m.settled(post, 0, 'you are muted', NOW)
  assert.deepEqual(m.room('lobby').failed, [{ post, why: 'you are muted' }])
  assert.ok(m.needsList())
})

test('what was missed comes into its place, and live messages wait for it', () => {
  const m = begin()
  const t = m.room('lobby')
  load(m, 'lobby', [message(3), message(4)], true)
  m.lost()
  m.online = true
  m.take(message(9), NOW)
  assert.deepEqual(ids(t), [3, 4])
  m.answer(t, t.ask('newer'), [message(6)], false)
  assert.ok(t.behind)
  m.take(message(9), NOW)
  m.answer(t, t.ask('newer'), [message(9)], true)
  m.take(message(10), NOW)
  assert.deepEqual(ids(t), [3, 4, 6, 9, 10])
  assert.ok(!t.behind)
})

test('an answer to a question of an earlier connection is not taken', () => {
  const m = begin()
  const t = m.room('lobby')
  const question = t.ask('older')
  m.lost()
  m.answer(t, question, [message(1)], true)
  assert.deepEqual(ids(t), [])
  assert.ok(!t.start)
})

test('a page that no longer reaches up to what is loaded is not taken', () => {
  const m = begin()
  const t = load(m, 'lobby', [message(1000)], false)
  const question = t.ask('older')
  for (let id = 1001; id < 1001 + KEEP * 1.25; id++) m.take(message(id), NOW)
  m.answer(t, question, [message(998), message(999)], false)
  assert.ok(t.oldest > 1000)
})

test('what is kept is bounded, at the end that nobody reads', () => {
  const m = begin()
  const t = m.room('lobby')
  for (let id = 1; id <= 5000; id++) m.take(message(id), NOW)
  assert.ok(t.items.length <= KEEP * 1.25)
  assert.equal(t.newest, 5000)
  t.reading = true
  const oldest = t.oldest
  for (let id = 5001; id <= 7000; id++) m.take(message(id), NOW)
  assert.equal(t.oldest, oldest)
  assert.ok(t.items.length <= KEEP * 1.25)
  assert.ok(t.behind)
  m.open('other')
  assert.equal(t.items.length, 0)
})

test('unread: what LIST counts and what comes after it, exactly', () => {
  const m = begin({ last: 10, seen: 6, unread: 3 })
  const { unread } = m.room('lobby')
  assert.equal(unread.count, 3)
  m.take(message(10), NOW) // LIST has it
  m.take(message(11), NOW)
  m.take(message(11), NOW)
  m.take(message(12, 'alice'), NOW)
  assert.equal(unread.count, 4)
  m.stale()
  m.needsList()
  m.listed([{ name: 'lobby', last: 11, seen: 6, unread: 4 }])
  assert.equal(unread.count, 4)
  m.take(message(13), NOW)
  m.take({ command: 'GONE', id: 13, room: 'lobby', user: 'bob' }, NOW)
  assert.equal(unread.count, 4)
  assert.ok(!m.needsList())
  m.take({ command: 'SEEN', room: 'lobby', id: 13 }, NOW)
  assert.equal(unread.count, 0)
})

test('unread: a position within what LIST has counted needs LIST again', () => {
  const m = begin({ last: 10, seen: 0, unread: 8 })
  m.take({ command: 'SEEN', room: 'lobby', id: 5 }, NOW)
  assert.ok(m.needsList())
  m.listed([{ name: 'lobby', last: 10, seen: 5, unread: 3 }])
  assert.equal(m.room('lobby').unread.count, 3)
})

test('unread: an older answer to LIST does not count back', () => {
  const m = begin({ last: 10, seen: 10, unread: 0 })
  m.stale()
  m.needsList()
  m.take({ command: 'SEEN', room: 'lobby', id: 12 }, NOW)
  m.listed([{ name: 'lobby', last: 11, seen: 10, unread: 1 }])
  assert.equal(m.room('lobby').unread.count, 0)
})

test('what the person looks at is read, and not where they look elsewhere', () => {
  const m = begin()
  load(m, 'lobby', [message(3)], true)
  assert.equal(m.attend(true), 3)
  m.take(message(4), NOW)
  assert.equal(m.room('lobby').unread.count, 0)
  m.attend(false)
  m.take(message(5, 'bob', 'lobby', 'Alice, look'), NOW)
  m.take(message(6), NOW)
  assert.deepEqual([m.room('lobby').unread.count, m.room('lobby').unread.mentions, m.room('lobby').mark], [2, 1, 4])
  assert.equal(m.attend(true), 6)
  assert.equal(m.room('lobby').unread.count, 0)
  assert.equal(m.room('lobby').mark, 4)
})

test('nothing is read while what was missed is not there', () => {
  const m = begin()
  load(m, 'lobby', [message(3)], true)
  m.lost()
  m.online = true
  assert.equal(m.attend(true), 0)
  m.take(message(4), NOW)
  assert.equal(m.room('lobby').unread.count, 1)
})

test('sums: mentions in rooms, all of conversations', () => {
  const m = begin()
  m.take(message(5, 'bob', 'lobby', 'hello alice'), NOW)
  m.take(message(6, 'bob', 'lobby', 'hello all'), NOW)
  m.take(message(7, 'bob', '@bob', 'psst'), NOW)
  assert.deepEqual(m.unread, { messages: 3, mentions: 1, direct: 1 })
  assert.deepEqual(m.rooms.map((t) => t.name), ['lobby', '@bob'])
})

test('what was taken back while there was no connection mentions nobody, on the screen or not', () => {
  const taken = (id, room) => ({ command: 'GONE', id, room, user: 'bob', time: NOW })
  const m = begin()
  load(m, 'lobby', [message(3)], true)
  m.take(message(5, 'bob', 'lobby', 'hello alice'), NOW)
  m.take(message(6, 'bob', 'garden', 'hello alice'), NOW)
  assert.equal(m.unread.mentions, 2)
  m.lost()
  m.online = true
  assert.ok(m.needsList())
  m.listed(['lobby', 'garden'].map((name) => ({ name, last: 9, seen: 0, unread: 1 }))) // something else
  const lobby = m.room('lobby')
  lobby.reviewed(lobby.run, [message(3), taken(5, 'lobby')], true)
  assert.equal(m.unread.mentions, 1)
  load(m, 'garden', [taken(6, 'garden'), message(9, 'bob', 'garden')], true)
  assert.equal(m.unread.mentions, 0)
})

test('what was taken back is gone, also where a page still has it', () => {
  const m = begin()
  const t = m.room('lobby')
  const question = t.ask('older')
  m.take({ command: 'GONE', id: 4, room: 'lobby', user: 'bob' }, NOW)
  m.answer(t, question, [message(3), message(4)], true)
  m.gone({ id: 3, room: '', user: '' })
  assert.deepEqual(t.items.map(({ event }) => [event.command, event.text]), [['GONE', undefined], ['GONE', undefined]])
})

test('rooms that LIST leaves out were left, unless something is on its way there', () => {
  const m = begin()
  m.stale()
  m.needsList()
  m.listed([{ name: 'lobby', last: 0, seen: 0, unread: 0 }, { name: 'garden', last: 0, seen: 0, unread: 0 }])
  m.posted({ target: 'kitchen', text: 'hello?' })
  m.needsList()
  m.listed([{ name: 'lobby', last: 0, seen: 0, unread: 0 }])
  assert.deepEqual(m.rooms.map((t) => t.name), ['kitchen', 'lobby'])
})

test('who is here: moves before the answer to WHO count more', () => {
  const m = begin()
  const { presence } = m.room('lobby')
  m.take({ command: 'JOIN', room: 'lobby', user: 'carol' }, NOW)
  m.take({ command: 'LEAVE', room: 'lobby', user: 'bob' }, NOW)
  presence.present(['alice', 'bob'])
  assert.deepEqual(presence.here, ['alice', 'carol'])
  m.take({ command: 'HERE', room: 'lobby', count: 300 }, NOW)
  presence.present(['alice'])
  assert.deepEqual([presence.here, presence.count], [null, 300])
})

test('what was taken back while there was no connection is gone from the open room', () => {
  const m = begin()
  const t = load(m, 'lobby', [message(3), message(4), message(5), message(6)], true)
  m.lost()
  assert.equal(t.doubt, 2)
  const { run } = t
  t.reviewed(run, [{ command: 'GONE', id: 3, room: 'lobby', user: 'bob' }, message(4)], false)
  assert.equal(t.doubt, 4)
  m.lost() // once more, and what was asked before it does not count
  t.reviewed(run, [{ command: 'GONE', id: 5, room: 'lobby', user: 'bob' }], true)
  assert.equal(t.doubt, 2)
  t.reviewed(t.run, [{ command: 'GONE', id: 3, room: 'lobby', user: 'bob' }, message(4), message(5), { command: 'GONE', id: 6, room: 'lobby', user: 'bob' }], false)
  assert.equal(t.doubt, null)
  assert.deepEqual(t.items.map(({ event }) => event.command), ['GONE', 'MSG', 'MSG', 'GONE'])
})

test('being taken out of a room drops it', () => {
  const m = begin()
  m.take({ command: 'LEAVE', room: 'lobby', user: 'alice' }, NOW)
  assert.equal(m.opened, undefined)
  assert.ok(m.needsList())
})

test('a server can’t make it keep rooms without end', () => {
  const m = begin()
  for (let i = 0; i < 3000; i++) m.take(message(i + 1, 'bob', `room${i}`), NOW)
  assert.ok(m.rooms.length <= 1000)
})

test('the line above what is new moves to where reading stopped', () => {
  const m = begin()
  const t = load(m, 'lobby', [message(3)], true)
  m.attend(true)
  m.attend(false)
  m.take(message(4), NOW)
  assert.equal(t.mark, 3)
  m.attend(true)
  m.take(message(5), NOW)
  assert.equal(t.mark, 3)
  m.attend(false)
  m.take(message(6), NOW)
  m.take(message(7), NOW)
  assert.equal(t.mark, 5)
})

test('a room that was empty may not be so after a lost connection', () => {
  const m = begin()
  const t = load(m, 'lobby', [], true)
  assert.ok(t.start)
  const post = { target: 'lobby', text: 'one' }
  m.posted(post)
  m.lost()
  m.settled(post, 5, '', NOW) // before LIST has told what was missed
  assert.ok(!t.start)
  m.online = true
  load(m, 'lobby', [message(4), message(5, 'alice')], true)
  assert.deepEqual(ids(t), [4, 5])
})

test('being taken out of a room leaves what was not said there', () => {
  const m = begin({ last: 9, seen: 5, unread: 3 })
  const t = load(m, 'lobby', [message(9)], true)
  const refused = { target: 'lobby', text: 'refused' }
  const waiting = { target: 'lobby', text: 'waiting' }
  m.posted(refused)
  m.posted(waiting)
  m.settled(refused, 0, 'you are muted', NOW)
  m.take({ command: 'LEAVE', room: 'lobby', user: 'alice' }, NOW)
  m.settled(waiting, 0, 'you are not in the room', NOW)
  assert.equal(m.opened, t)
  assert.deepEqual(t.failed.map(({ post }) => post), [refused, waiting])
  assert.equal(m.unread.messages, 0)
  assert.ok(m.needsList())
  m.listed([])
  assert.equal(m.opened, t)
  m.take({ command: 'JOIN', room: 'lobby', user: 'alice' }, NOW)
  assert.equal(m.opened.failed.length, 2)
  m.opened.failed = []
  m.forget('lobby')
  assert.equal(m.opened, undefined)
})
