// How far the person has been shown each room, until the server knows it too (SEEN). A refusal is nobody's concern.
import { retryAfter } from './wire.js'

const EVERY = 2000 // milliseconds between two looks at what is to be told
const AT_ONCE = 20 // rooms told at once: the person keeps most of the server's rate
const MAX_ROOMS = 1000

export class Shown {
  #pending = new Map() // newest id shown that the server has not acknowledged, by room
  #known = new Map() // where the server says that the position is
  #session = null
  #timer = 0
  #notUntil = 0

  // note takes that the person has been shown a room up to this message.
  note(room, id) {
    if (id <= (this.#known.get(room) ?? 0) || id <= (this.#pending.get(room) ?? 0)) return
    if (this.#pending.size >= MAX_ROOMS && !this.#pending.has(room)) return
    this.#pending.set(room, id)
    this.#schedule()
  }

  // learn takes where the server says that the position is.
  learn(room, id) {
    const known = Math.max(this.#known.get(room) ?? 0, id)
    if (this.#known.size < MAX_ROOMS || this.#known.has(room)) this.#known.set(room, known)
    if ((this.#pending.get(room) ?? Infinity) <= known) this.#pending.delete(room)
  }

  forget(room) {
    this.#pending.delete(room)
    this.#known.delete(room)
  }

  // serve takes the session that is up to date, or null.
  serve(session) {
    this.#session = session
    this.#notUntil = 0
    this.#schedule()
  }

  // flush tells what is pending now, as far as one burst goes: the page is about to go.
  flush() {
    const session = this.#session
    if (!session || session.ended || Date.now() < this.#notUntil) return
    // Those furthest behind first, so that busy rooms don't keep others waiting for ever.
    const due = [...this.#pending].sort((a, b) => a[1] - b[1]).slice(0, AT_ONCE)
    for (const [room, id] of due) {
      session.start((reply, error) => this.#answered(room, id, error), 'SEEN', room, String(id))
    }
  }

  #answered(room, id, error) {
    if (this.#session?.ended ?? true) return
    const wait = retryAfter(error)
    if (!error) this.learn(room, id)
    else if (wait > 0) this.#notUntil = Date.now() + wait * 1000
    else if (error.code === 'unknown-command') this.#session = null // an older server, which counts errors
    else this.learn(room, id)
    this.#schedule()
  }

  #schedule() {
    if (this.#timer || !this.#session || this.#pending.size === 0) return
    this.#timer = setTimeout(() => {
      this.#timer = 0
      this.flush()
    }, Math.max(EVERY, this.#notUntil - Date.now()))
  }
}
