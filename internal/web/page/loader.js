// Asks the server for what the mirror lacks: which rooms there are, pages of history, who is here, topics, what mentions the account. One
// question of a kind at a time.
import { Misbehavior, Refused, MAX_LIMIT, parseID, retryAfter } from './wire.js'

const PAGE = 100 // messages asked for at once as one scrolls
const NEWEST = '9007199254740991'
const MAX_PAGES = 200 // of LIST and WHO
const MAX_UNREAD = 200 // a closed room with more unread messages is not looked through for mentions
const PACE = 100 // milliseconds between two closed rooms

export class Loader {
  #mirror
  #shown
  #onChange
  #session = null
  #looked = new Set() // closed rooms that were looked through in this session
  #busy = new Set() // what is being asked
  #notUntil = 0

  constructor(mirror, shown, onChange) {
    this.#mirror = mirror
    this.#shown = shown
    this.#onChange = onChange
  }

  // serve takes the session that is signed in, or null. It resolves when LIST is known.
  async serve(session) {
    this.#session = session
    this.#looked.clear()
    this.#busy.clear()
    this.#notUntil = 0
    while (session && !session.ended && !await this.#list(session)) await sleep(Math.max(100, this.#notUntil - Date.now()))
  }

  // look asks for what is lacking now. It is cheap to call after every change.
  look() {
    const session = this.#session
    if (!session || session.ended || !this.#mirror.online || Date.now() < this.#notUntil) return
    this.#once('list', () => this.#mirror.needsList() && this.#list(session, true))
    const t = this.#mirror.opened
    if (t?.unread.known) {
      if (t.items.length === 0 && !t.start) this.older(t)
      else if (t.behind && !t.reading) this.#catchUp(t)
      if (t.doubt !== null) this.#once(`review ${t.name}`, () => this.#review(session, t))
      if (!t.isConversation && t.presence.here === null && !t.presence.isCrowd) this.#once(`who ${t.name}`, () => this.#who(session, t))
      if (!t.isConversation && !t.presence.topicKnown) this.#once(`topic ${t.name}`, () => this.#topic(session, t))
    }
    this.#once('closed', () => this.#lookThroughClosed(session))
  }

  // older asks for the page before what is loaded, newer for the one after it.
  older(t) {
    if (t.start || t.asking) return
    this.#page(t, 'older', 'before', t.oldest ? String(t.oldest) : NEWEST, t.oldest ? 2 * PAGE : PAGE)
  }

  newer(t) {
    if (t.behind && !t.asking) this.#page(t, 'newer', 'after', String(t.newest), 2 * PAGE)
  }

  // around loads what stands around a message of the open room, in place of what is loaded. It resolves to whether it is there; where the
  // person has gone elsewhere meanwhile, nothing is changed.
  async around(t, id) {
    if (t.has(id)) return true
    const run = ++t.run // an answer on its way does not fit any more
    t.asking = ''
    const session = this.#session
    const before = await session.ask('HISTORY', t.name, 'before', String(id + 1), String(PAGE / 2))
    const after = await session.ask('HISTORY', t.name, 'after', String(id), String(PAGE / 2))
    if (t.run !== run || this.#mirror.opened !== t) return false
    t.reading = true
    t.restart([...before.events, ...after.events].filter((event) => event.id), true)
    t.behind = after.count === PAGE / 2
    t.start = before.count < PAGE / 2
    return t.has(id)
  }

  // newest goes back to the newest messages. Without a connection what is loaded stays, until it is known what was missed.
  newest(t) {
    t.reading = false
    if (t.behind && this.#mirror.online) t.restart()
    this.#onChange()
  }

  // What was missed is asked for after what is loaded; where that is more than a page, the newest are loaded instead.
  #catchUp(t) {
    if (t.asking) return
    this.#page(t, 'newer', 'after', String(t.newest), MAX_LIMIT, () => { if (t.behind) t.restart() })
  }

  #page(t, side, word, id, limit, then = () => {}) {
    const session = this.#session
    if (!session || session.ended || Date.now() < this.#notUntil) return
    const question = t.ask(side)
    session.start((reply, error) => {
      this.#refused(error)
      const page = reply?.events.filter((event) => event.room === t.name) ?? null
      this.#mirror.answer(t, question, page, reply ? reply.count < limit : false)
      if (error instanceof Refused && retryAfter(error) === 0) { // there is nothing to be had
        t.start = true
        this.#mirror.stale()
      }
      if (reply) then()
      this.#onChange()
    }, 'HISTORY', t.name, word, id, String(limit))
  }

  // review asks again for what was loaded before the connection was lost: some of it may have been taken back.
  async #review(session, t) {
    const { run } = t
    const limit = Math.min(t.items.length, MAX_LIMIT)
    try {
      const { events, count } = await session.ask('HISTORY', t.name, 'after', String(t.doubt), String(limit))
      t.reviewed(run, events.filter((event) => event.id && event.room === t.name), count < limit)
    } catch (error) {
      this.#refused(error)
      if (retryAfter(error) === 0 && error instanceof Refused) t.doubt = null // there is nothing to be had
    }
  }

  // list asks LIST, and hands its end to the mirror while it is taken. It resolves to whether it was answered.
  async #list(session, isAsked = false) {
    if (!isAsked) {
      this.#mirror.stale()
      this.#mirror.listFailed()
      this.#mirror.needsList()
    }
    const rooms = []
    const done = await this.#pages(session, 'LIST', [], (field) => {
      const [name, last, seen, unread] = field.split(':')
      if (unread === undefined) throw new Misbehavior('LIST is answered by other than four numbers')
      rooms.push({ name, last: parseID(last), seen: parseID(seen), unread: parseID(unread) })
      return name
    }, () => {
      this.#mirror.listed(rooms)
      for (const { name, seen } of rooms) this.#shown.learn(name, seen)
    })
    if (!done) this.#mirror.listFailed()
    return done
  }

  // pages asks a cut list to its end; take takes a field and returns its name, end runs with the last line. False: not answered.
  #pages(session, command, fields, take, end) {
    return new Promise((resolve) => {
      let pages = 0
      const ask = (after) => session.start((reply, error) => {
        if (error || session.ended) {
          this.#refused(error)
          return resolve(false)
        }
        try {
          const more = reply.fields.at(-1) === '+'
          let last = ''
          for (const field of more ? reply.fields.slice(0, -1) : reply.fields) last = take(field)
          if (more && last && ++pages < MAX_PAGES) return ask([last])
          end()
          resolve(true)
        } catch (wrong) {
          session.end(wrong)
          resolve(false)
        }
      }, command, ...fields, ...after)
      ask(command === 'LIST' && fields.length === 0 ? [''] : [])
    })
  }

  // joinable are rooms that the account could join: { name, members }.
  async joinable() {
    const rooms = []
    const done = await this.#pages(this.#session, 'LIST', ['*'], (field) => {
      const [name, members] = field.split(':')
      rooms.push({ name, members: Number(members) })
      return name
    }, () => {})
    return done ? rooms : []
  }

  async #who(session, t) {
    const users = []
    const done = await this.#pages(session, 'WHO', [t.name], (user) => { users.push(user); return user }, () => t.presence.present(users))
    if (!done && Date.now() >= this.#notUntil) t.presence.present([])
  }

  async #topic(session, t) {
    try {
      const { data } = await session.ask('TOPIC', t.name)
      if (!t.presence.topicKnown) t.presence.topic = data
    } catch (error) {
      this.#refused(error)
    }
    t.presence.topicKnown ||= Date.now() >= this.#notUntil
  }

  // lookThroughClosed loads what is unread in a room that is not on the screen, so that it is known what mentions the account. False: there
  // is none.
  #lookThroughClosed(session) {
    const t = this.#mirror.rooms.find((room) => room !== this.#mirror.opened && room.items.length === 0 && !this.#looked.has(room.name) &&
      room.unread.count > 0 && room.unread.count <= MAX_UNREAD)
    if (!t) return false
    this.#looked.add(t.name)
    const question = t.ask('older') // live messages may come meanwhile; the page reaches up to them
    return new Promise((resolve) => {
      session.start((reply, error) => {
        const isWhole = reply && reply.count < MAX_LIMIT && reply.events.every((event) => event.room === t.name)
        this.#mirror.answer(t, question, isWhole ? reply.events : null, t.unread.read === 0)
        this.#refused(error)
        setTimeout(() => resolve(true), PACE)
      }, 'HISTORY', t.name, 'after', String(t.unread.read), String(MAX_LIMIT))
    })
  }

  async #once(what, ask) {
    if (this.#busy.has(what)) return
    this.#busy.add(what)
    const asked = ask()
    if (asked) {
      await asked
      this.#onChange()
    }
    this.#busy.delete(what)
  }

  #refused(error) {
    const wait = retryAfter(error)
    if (!(error instanceof Refused) || wait === 0) return
    this.#notUntil = Date.now() + wait * 1000
    setTimeout(() => this.#onChange(), wait * 1000)
  }
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
