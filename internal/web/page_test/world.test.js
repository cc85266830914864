import assert from 'node:assert/strict'
import test from 'node:test'
import { Loader } from '../page/loader.js'
import { Mirror } from '../page/mirror.js'
import { Outbox } from '../page/outbox.js'
import { Lost, Session } from '../page/session.js'
import { Shown } from '../page/shown.js'
import { FakeSocket, line, message, settle } from './fake.js'

// told is what the server says of a message.
const told = (said) => (said.command === 'GONE' ? `GONE|${said.id}|${said.room}|${said.user}` : line(said))

// A server with one room, and a page that talks to it over connections that end at any moment: whatever happens, what the page shows in
// the end is the end of what was said, without a gap, each message once, and it has said each of its texts once.
class World {
  log = []
  keys = new Map()
  inbox = [] // lines that the server has not read
  outgoing = [] // lines that the page has not read
  session = null
  posted = 0

  constructor(random) {
    this.random = random
    this.mirror = new Mirror('alice')
    this.mirror.open('lobby')
    this.outbox = new Outbox(this.mirror, () => {})
    this.loader = new Loader(this.mirror, new Shown(), () => {})
  }

  get room() { return this.mirror.room('lobby') }

  connect() {
    const socket = new FakeSocket()
    socket.send = (sent) => this.inbox.push(sent)
    this.socket = socket
    const session = new Session(socket, { onEvent: (event) => this.mirror.take(event, 0), onEnd: () => this.lost() })
    this.session = session
    this.ready(session)
  }

  // ready and lost are what the chat does.
  async ready(session) {
    await this.outbox.redeliver(session)
    await this.loader.serve(session)
    if (session.ended) return
    this.mirror.online = true
    this.outbox.serve(session)
  }

  lost() {
    this.session = null
    this.mirror.lost()
    this.loader.serve(null)
    this.outbox.stop()
  }

  // drop ends the connection. The server may have read more of what was sent than it could answer.
  drop() {
    for (const sent of this.inbox.splice(0).slice(0, this.random(4))) this.reply(sent)
    this.outgoing = []
    this.session.end(new Lost('dropped'))
  }

  say(user, text) {
    const said = message((this.log.at(-1)?.id ?? 0) + 1 + this.random(3), user, 'lobby', text)
    this.log.push(said)
    return said
  }

  others() {
    const said = this.say('bob', `other ${this.log.length}`)
    if (this.session) this.outgoing.push(line(said))
  }

  takeBack() {
    const said = this.log.at(-1 - this.random(150))
    if (!said || said.command === 'GONE') return
    Object.assign(said, { command: 'GONE', text: undefined })
    if (this.session) this.outgoing.push(told(said))
  }

  // serve has the server read one line.
  serve() {
    if (this.inbox.length > 0) this.outgoing.push(...this.reply(this.inbox.shift()))
  }

  deliver() {
    if (this.outgoing.length > 0) this.socket.say(this.outgoing.shift())
  }

  reply(sent) {
    const [command, ...fields] = sent.split('|')
    return this[command](...fields)
  }

  SEND(room, key, text) {
    if (!this.keys.has(key)) this.keys.set(key, this.say('alice', text).id)
    return [`OK|${this.keys.get(key)}`]
  }

  LIST() { return [`OK|lobby:${this.log.at(-1)?.id ?? 0}:0:${this.log.filter(({ command, user }) => command === 'MSG' && user === 'bob').length}`] }

  HISTORY(room, word, id, limit) {
    const fits = this.log.filter((said) => (word === 'before' ? said.id < Number(id) : said.id > Number(id)))
    const page = word === 'before' ? fits.slice(-Number(limit)) : fits.slice(0, Number(limit))
    return [...page.map(told), `OK|${page.length}`]
  }

  WHO() { return ['OK|alice|bob'] }
  TOPIC() { return ['OK|'] }
  PING() { return ['OK|'] }

  post() {
    if (this.posted < 35) this.outbox.post('lobby', `text ${this.posted++}`)
  }

  // quiet lets all that is on its way arrive.
  async quiet() {
    if (!this.session) this.connect()
    for (let idle = 0; idle < 3;) {
      await settle()
      this.loader.look()
      idle = this.inbox.length + this.outgoing.length > 0 ? 0 : idle + 1
      while (this.inbox.length > 0) this.serve()
      while (this.outgoing.length > 0) this.deliver()
    }
  }
}

// generator is a small one of numbers below n, the same for the same seed (mulberry32).
function generator(seed) {
  return (n) => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}

test('over connections that end at any moment', async () => {
  globalThis.sessionStorage = { getItem: () => null, setItem() {}, removeItem() {} }
  let resumed = 0
  for (let seed = 1; seed <= 150; seed++) {
    const random = generator(seed)
    const w = new World(random)
    for (let i = random(600); i > 0; i--) w.say('bob', `before ${i}`)
    const does = [
      () => w.others(), () => w.others(), () => w.takeBack(), () => w.post(), () => w.serve(), () => w.serve(), () => w.deliver(), () => w.deliver(), () => w.deliver(),
      () => w.loader.look(), () => w.loader.older(w.room), () => w.loader.newer(w.room),
      () => { w.room.reading = random(2) === 0 }, () => w.loader.newest(w.room),
      () => { for (let i = random(40); i > 0; i--) w.deliver() },
      () => { if (random(4) === 0 && w.session) { w.drop(); resumed++ } },
      () => { if (!w.session) w.connect() },
      () => { if (random(30) === 0) for (let i = 0; i < 700; i++) w.others() },
    ]
    for (let i = 0; i < 300; i++) {
      does[random(does.length)]()
      await settle()
    }
    await w.quiet()
    w.loader.newest(w.room)
    await w.quiet()

    const shown = w.room.items.map(({ event }) => `${event.id} ${event.command} ${event.user} ${event.text}`)
    const said = w.log.map(({ id, command, user, text }) => `${id} ${command} ${user} ${text}`)
    assert.deepEqual(shown, said.slice(-shown.length), `seed ${seed}`)
    assert.ok(shown.length > 0 && shown.length <= 1250, `seed ${seed}: ${shown.length} messages`)
    const own = w.log.filter(({ user }) => user === 'alice')
    assert.equal(own.length, w.posted, `seed ${seed}`)
    own.forEach(({ command, text }, i) => assert.ok(command === 'GONE' || text === `text ${i}`, `seed ${seed}: ${text}`))
    assert.equal(w.room.pending.length, 0, `seed ${seed}`)
    assert.equal(w.room.unread.count, w.log.filter(({ command, user }) => command === 'MSG' && user === 'bob').length, `seed ${seed}: unread`)
    w.session.end(new Lost('done'))
  }
  assert.ok(resumed > 100, `${resumed} connections ended`)
})
