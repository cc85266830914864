// What was begun and not sent, by room. It is kept in sessionStorage, so that a reload and a session that was ended lose nothing; signing
// out forgets it. What another account had begun in this tab is not shown, and goes with the first word of this one.

const KEPT = 'parley.drafts'
const MAX_DRAFTS = 200
const MAX_LENGTH = 100_000 // characters of one draft: what is longer lives as long as the page

export class Drafts {
  #self
  #drafts = new Map() // { text, from } by room

  constructor(self) {
    this.#self = self
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEPT))
      if (kept?.self === self) this.#drafts = new Map(kept.drafts)
    } catch {
      // the browser keeps nothing, or what is no work of this page
    }
  }

  // get is a room's draft: its text, and from, the room where it was begun if that was another.
  get(room) { return this.#drafts.get(room) ?? { text: '', from: '' } }

  // set takes a room's draft; where the text is empty there is none.
  set(room, { text, from }) {
    const old = this.get(room)
    if (text === old.text && from === old.from) return
    this.#drafts.delete(room)
    if (text !== '') this.#drafts.set(room, { text, from })
    while (this.#drafts.size > MAX_DRAFTS) this.#drafts.delete(this.#drafts.keys().next().value)
    this.#save()
  }

  // clear forgets all drafts and returns them, { target, text } of each.
  clear() {
    const drafts = [...this.#drafts].map(([target, { text }]) => ({ target, text }))
    this.#drafts.clear()
    this.#save()
    return drafts
  }

  #save() {
    const drafts = [...this.#drafts].filter(([, { text }]) => text.length <= MAX_LENGTH)
    try {
      if (drafts.length === 0) sessionStorage.removeItem(KEPT)
      else sessionStorage.setItem(KEPT, JSON.stringify({ self: this.#self, drafts }))
    } catch {
      // the browser keeps nothing, or no more: they live as long as the page
    }
  }
}
