// What one account's person may look at: rooms and conversations with what is unread there, the messages that were loaded, what is on
// its way, who is here. It knows no screen, no clock and no network: what happens is handed to it, and it tells what should be asked of
// the server. What it does with unread messages is what the terminal client does (internal/client/mirror.go).
import { KEEP, KEEP_CLOSED, Timeline } from './timeline.js'
import { Unread } from './unread.js'
import { mentionOf } from './wire.js'

// MAX_ROOMS bounds what a server can make this page keep.
const MAX_ROOMS = 1000

export class Mirror {
  online = false // signed in, and what there was is known again

  #rooms = new Map()
  #open = '' // the room on the screen
  #attended = '' // the room whose newest messages the person looks at
  #stale = false // LIST would tell something that is not known here
  #listing = false // LIST is on its way
  #asks = 0 // how often it was asked
  #mention

  // self is the account's name as others see it.
  constructor(self) {
    this.self = self
    this.#mention = mentionOf(self)
  }

  get isGuest() { return this.self.startsWith('~') }

  // rooms are all timelines: rooms by name, and behind them conversations.
  get rooms() {
    return [...this.#rooms.values()].sort((a, b) => a.isConversation - b.isConversation || (a.name < b.name ? -1 : 1))
  }

  // room is a timeline, undefined where it is not known.
  room(name) { return this.#rooms.get(name) }

  // opened is the timeline on the screen.
  get opened() { return this.#rooms.get(this.#open) }

  // unread sums up what is unread in all rooms: messages, those that mention the account, and those to it alone.
  get unread() {
    const sum = { messages: 0, mentions: 0, direct: 0 }
    for (const t of this.#rooms.values()) {
      sum.messages += t.unread.count
      if (t.isConversation) sum.direct += t.unread.count
      else sum.mentions += t.unread.mentions
    }
    return sum
  }

  // open notes which room is on the screen, '' for none. Where it is not known yet, it is from now on.
  open(name) {
    if (name === this.#open) return
    const old = this.#rooms.get(this.#open)
    this.#open = name
    this.#attended = ''
    if (name) {
      const t = this.#ensure(name)
      t.most = KEEP
    }
    if (!old) return
    if (old.unread.count === 0) old.mark = 0
    this.#moveMark(old)
    old.most = KEEP_CLOSED
    old.reading = false
    if (old.behind) old.restart()
    old.trim()
  }

  // attend notes that the person looks at the newest messages of the open room, or that they do not. What they look at counts as read
  // once LIST has told where reading had stopped. It returns the id up to which that is.
  attend(looks) {
    const t = this.opened
    this.#attended = looks && t ? t.name : ''
    if (!this.#attended || !t.unread.known || t.behind || t.newest === 0) return 0
    t.unread.show(t.newest)
    return t.newest
  }

  // isAttended tells whether the person looks at the newest messages of a room.
  isAttended(name) { return name === this.#attended }

  // needsList tells whether LIST should be asked, and takes it that it is: what happens after the question needs another one.
  needsList() {
    if (!this.#stale || this.#listing) return false
    this.#stale = false
    this.#listing = true
    this.#asks++
    return true
  }

  // stale takes that LIST would tell something that is not known here.
  stale() { this.#stale = true }

  listFailed() {
    this.#stale = true
    this.#listing = false
  }

  // listed takes the answer to the LIST that was asked last: { name, last, seen, unread } of each. Rooms that it leaves out were left,
  // unless something was heard of them after the question.
  listed(list) {
    this.#listing = false
    const names = new Set()
    for (const room of list) {
      names.add(room.name)
      const t = this.#rooms.get(room.name) ?? this.#begin(room.name)
      if (t) this.#takeListed(t, room)
    }
    for (const t of this.#rooms.values()) {
      if (names.has(t.name)) continue
      if (t.isConversation && t.newest === 0 && t.unread.countedTo === 0) t.unread.known = true // it is there from its first message on
      else if (t.heard === this.#asks) this.#stale = true
      else this.#drop(t)
    }
  }

  #takeListed(t, room) {
    const isFirst = !t.unread.known
    t.unread.known = true
    if (this.isGuest) { // of whom nobody keeps what was read: it began when they came
      if (isFirst) t.unread.moveTo(room.seen)
    } else if (room.seen >= t.unread.read && room.last >= t.unread.countedTo) { // else it counts from further back, or less
      t.unread.take(room)
    }
    this.#moveMark(t)
  }

  // moveMark notes where reading stopped. On the screen the mark stays where it is, unless it was a guess.
  #moveMark(t) {
    const { read, count } = t.unread
    if (read === 0) return
    if (t.mark > read) t.mark = 0
    if (count > 0 && (t.mark === 0 || t.name !== this.#open)) t.mark = read
  }

  // lost takes that the connection ended: what is loaded may not be the newest any more.
  lost() {
    this.online = false
    this.#listing = false
    this.#stale = true
    for (const t of this.#rooms.values()) t.lost(t.name === this.#open)
  }

  // take takes an event that came by itself, at the time now.
  take(event, now) {
    TAKERS[event.command]?.(this, event, now)
  }

  // mentioned tells whether somebody else's message speaks of this account.
  mentioned(event) {
    if (event.command !== 'MSG' || event.user === this.self) return false
    this.#mention.lastIndex = 0
    return this.#mention.test(event.text)
  }

  // ask and answer are a timeline's, for pages of history; of those above the position it is noted who mentions the account, and who does no more.
  answer(t, question, page, end) {
    t.answer(question, page, end)
    for (const event of page ?? []) {
      if (event.command === 'GONE') t.unread.unmention(event.id)
      if (event.command === 'MSG' && event.id > t.unread.read && this.mentioned(event)) t.unread.add(event.id, true)
    }
  }

  // posted takes a text that is on its way.
  posted(post) { this.#ensure(post.target)?.pending.push(post) }

  // settled takes what became of it: its id, or why it was not said. now stands for its time until history tells it.
  settled(post, id, why, now) {
    const t = this.#rooms.get(post.target)
    if (!t) return // it was left
    t.pending = t.pending.filter((other) => other !== post)
    if (why) {
      t.fail(post, why)
      this.#stale = true // the account may be no member of the room
      return
    }
    this.#hear(post.target)
    if (t.items.length === 0 && !this.online) return // messages between it and the next may have been missed
    t.settle({ command: 'MSG', id, time: now, room: post.target, user: this.self, text: post.text })
  }

  // forget drops a room that was left.
  forget(name) {
    const t = this.#rooms.get(name)
    if (t) this.#drop(t)
    this.#stale = true // an answer to LIST may be on its way that still has it
  }

  // drop takes that the account is not in a room. It stays while there are own texts that were not said, so that the person sees them.
  #drop(t) {
    if (t.hasUnsaid) t.unread = new Unread()
    else this.#rooms.delete(t.name)
  }

  // gone takes that a message was taken back; room and user are '' where it was from here.
  gone({ id, room, user }) {
    const t = room ? this.#rooms.get(room) : [...this.#rooms.values()].find((other) => other.has(id))
    if (!t) {
      this.#stale ||= this.#listing
      return
    }
    user ||= t.message(id)?.user ?? ''
    t.takeBack(id, user)
    if (user === this.self || id <= t.unread.read) return
    // LIST's count may have it or not, also the one that is on its way.
    if (!t.unread.remove(id) || this.#listing) this.#stale = true
  }

  said(event) {
    const t = this.#hear(event.room)
    if (!t) return
    t.insert(event)
    if (event.user === this.self || event.id <= t.unread.read) return
    if (event.room === this.#attended && t.unread.known && !t.behind) {
      t.unread.show(event.id)
      return
    }
    if (t.unread.count === 0) t.mark = t.unread.read || event.id - 1
    if (t.unread.add(event.id, this.mentioned(event))) this.#stale = true
  }

  // seen takes what another session has shown.
  seen({ room, id }) {
    const t = this.#rooms.get(room)
    if (!t) this.#stale ||= this.#listing
    if (!t || id <= t.unread.read) return
    if (!t.unread.moveTo(id) || this.#listing) this.#stale = true // an answer that is on its way may count from further back
    this.#moveMark(t)
  }

  topicSet(event, now) {
    const t = this.#hear(event.room)
    if (!t) return
    t.presence.topic = event.text
    t.presence.topicKnown = true
    t.insert({ ...event, time: now })
  }

  came({ room, user }) {
    if (user === this.self) { // by another session; what is here is from before the room was left
      const old = this.#rooms.get(room)
      this.#rooms.delete(room)
      const t = this.#hear(room)
      if (t && old) Object.assign(t, { pending: old.pending, failed: old.failed })
      if (t && room === this.#open) t.most = KEEP
    }
    this.#rooms.get(room)?.presence.move(user, true)
  }

  went({ room, user }) {
    if (user === this.self) this.forget(room) // elsewhere, or expelled
    else this.#rooms.get(room)?.presence.move(user, false)
  }

  here({ room, count }) { this.#rooms.get(room)?.presence.crowd(count) }

  // ensure is a room that is known from now on.
  #ensure(name) {
    const t = this.#rooms.get(name)
    if (t) return t
    this.#stale = true
    return this.#begin(name)
  }

  // hear is ensure for a room whose event or acknowledgement shows that the account is in it.
  #hear(name) {
    const t = this.#ensure(name)
    if (!t) return t
    t.heard = this.#asks
    if (!t.unread.known) this.#stale = true
    return t
  }

  #begin(name) {
    if (this.#rooms.size >= MAX_ROOMS) return undefined
    const t = new Timeline(name)
    t.heard = this.#asks
    this.#rooms.set(name, t)
    return t
  }
}

// What takes events by their command; what is not here is not mirrored.
const TAKERS = {
  MSG: (m, event) => m.said(event),
  GONE: (m, event) => m.gone(event),
  SEEN: (m, event) => m.seen(event),
  TOPIC: (m, event, now) => m.topicSet(event, now),
  JOIN: (m, event) => m.came(event),
  LEAVE: (m, event) => m.went(event),
  HERE: (m, event) => m.here(event),
}
