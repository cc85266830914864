// The messages of one room or conversation that are loaded: a run without a gap, of bounded length. Only the mirror changes it. No DOM.
import { Presence } from './presence.js'
import { Unread } from './unread.js'

// KEEP messages are kept of the room on the screen, up to a quarter more until some are dropped; KEEP_CLOSED of any other.
export const KEEP = 1000
export const KEEP_CLOSED = 200
const MAX_NOTED = 4096
const MAX_FAILED = 50

let topics = 0 // topics that were set have no id

export class Timeline {
  items = [] // { key, event, after }, oldest first; an event without an id stands behind the message after
  start = false // items begins with the very first message
  behind = false // items end before the newest message: what comes by itself is not taken, but asked for
  asking = '' // a page is on its way: 'older' or 'newer'
  pending = [] // posts on their way, in order; they come behind all items
  failed = [] // { post, why }: texts that were not said
  mark = 0 // reading stopped behind this id; 0: nothing is new, or everything
  heard = 0 // how often LIST had been asked when something showed that the account is in the room
  reading = false // the person has scrolled away from the newest: the oldest stay, and what is new is dropped where there are too many
  most = KEEP_CLOSED
  doubt = null // what is loaded behind this id may have been taken back while there was no connection; null: nothing may
  run = 0 // counts runs: a page of an earlier one does not fit
  unread = new Unread()
  presence = new Presence()

  #gone = new Set() // taken back while a page or a text is on its way that may still have them

  constructor(name) { this.name = name }

  get isConversation() { return this.name.startsWith('@') }

  // hasUnsaid tells whether there are own texts that wait or were refused.
  get hasUnsaid() { return this.pending.length > 0 || this.failed.length > 0 }

  // newest and oldest are ids of messages that are loaded, 0 where none is.
  get newest() { return this.items.findLast((item) => item.event.id)?.event.id ?? 0 }
  get oldest() { return this.items.find((item) => item.event.id)?.event.id ?? 0 }

  // has tells whether a message is loaded.
  has(id) { return this.#find(id) >= 0 }

  // message is a loaded message, undefined where it is not loaded.
  message(id) { return this.items[this.#find(id)]?.event }

  // insert puts an event in its place. What is there already is there once.
  insert(event) {
    if (event.id === undefined) {
      if (!this.behind) this.items.push({ key: `t${++topics}`, event, after: this.newest })
      return this.trim()
    }
    if (this.#replace(event)) return
    const newest = this.newest
    if (event.id > newest ? this.behind : event.id < this.oldest) return
    let at = this.items.length
    while (at > 0 && (this.items[at - 1].event.id ?? this.items[at - 1].after) >= event.id) at--
    this.items.splice(at, 0, this.#item(event))
    this.trim()
  }

  // settle inserts a text from here, unless history has told it already.
  settle(event) {
    if (!this.has(event.id)) this.insert(event)
    this.#forgetGone()
  }

  // takeBack forgets what a message said.
  takeBack(id, user) {
    const found = this.#find(id)
    if (found >= 0) this.items[found].event = goneOf(this.items[found].event, user)
    else if ((this.asking || this.pending.length > 0) && this.#gone.size < MAX_NOTED) this.#gone.add(id)
  }

  // lost takes that the connection ended. keeps: what is loaded stays on the screen.
  lost(keeps) {
    this.run++ // pages on their way are lost
    this.asking = ''
    this.presence.lost()
    if (!keeps || this.items.length === 0) return this.restart()
    this.behind = true
    this.doubt = Math.max(0, this.oldest - 1)
  }

  // reviewed takes what history says now of what is loaded behind doubt, of the run when that was asked. Only what was taken back is new.
  reviewed(run, page, end) {
    if (run !== this.run) return
    for (const event of page) {
      if (event.command !== 'GONE') continue
      this.unread.unmention(event.id)
      if (this.has(event.id)) this.takeBack(event.id, event.user)
    }
    const last = page.at(-1)?.id ?? Infinity
    this.doubt = end || last >= this.newest ? null : last
  }

  // ask notes that a page is on its way and returns what its answer must be handed in with.
  ask(side) {
    this.asking = side
    return { side, run: this.run, at: side === 'older' ? this.oldest : this.newest }
  }

  // answer takes a page, oldest first, of which the server says that nothing lies beyond it (end), or null where there was none.
  answer(question, page, end) {
    this.asking = ''
    const fits = question.run === this.run && question.at === (question.side === 'older' ? this.oldest : this.newest)
    const isFirst = question.run === this.run && question.side === 'older' && question.at === 0 // live messages may have come meanwhile
    if (page && (fits || isFirst)) this.#join(question, page, end)
    this.#forgetGone()
  }

  #join({ side, at }, page, end) {
    const oldest = this.oldest
    const fresh = page.filter((event) => event.id && !this.#replace(event))
    if (side === 'newer') {
      this.items.push(...fresh.filter((event) => event.id > at).map((event) => this.#item(event)))
      this.behind = !end
      this.#dropOldest()
      return
    }
    const older = fresh.filter((event) => oldest === 0 || event.id < oldest)
    this.items.unshift(...older.map((event) => this.#item(event)))
    this.start = end
    this.#dropNewest()
  }

  // restart begins a new run: nothing is loaded, or this page, which ends before the newest message where behind.
  restart(page = [], behind = false) {
    this.run++
    this.doubt = null
    this.items = page.map((event) => this.#item(event))
    this.start = false
    this.behind = behind
  }

  // trim drops items where there are too many.
  trim() {
    if (this.items.length <= this.most * 1.25) return
    if (this.reading) this.#dropNewest()
    else this.#dropOldest()
  }

  #dropOldest() {
    if (this.items.length <= this.most * 1.25) return
    this.items = this.items.slice(-this.most)
    this.start = false
  }

  #dropNewest() {
    if (this.items.length <= this.most * 1.25) return
    this.items = this.items.slice(0, this.most)
    while (this.items.length > 0 && !this.items.at(-1).event.id) this.items.pop()
    this.behind = true
  }

  // fail notes a text that was not said.
  fail(post, why) {
    this.failed = [...this.failed, { post, why }].slice(-MAX_FAILED)
  }

  #item(event) {
    return { key: `m${event.id}`, event: this.#gone.has(event.id) ? goneOf(event, event.user) : event }
  }

  // replace takes what history or another word says of a message that is here; a message's own time counts more than one given here.
  #replace(event) {
    const found = this.#find(event.id)
    if (found < 0) return false
    const was = this.items[found].event
    if (was.command !== 'GONE') this.items[found].event = event.command === 'GONE' ? goneOf(was, event.user) : event
    return true
  }

  // find looks from the end on: it is nearly always near there.
  #find(id) {
    if (!id) return -1
    for (let i = this.items.length - 1; i >= 0; i--) {
      const other = this.items[i].event.id
      if (other === id) return i
      if (other < id) return -1
    }
    return -1
  }

  #forgetGone() {
    if (!this.asking && this.pending.length === 0) this.#gone.clear()
  }
}

const goneOf = (event, user) => ({ command: 'GONE', id: event.id, room: event.room, user: user || event.user, time: event.time })
