// Who is in a room, and what it is about. No DOM.

// MAX_MOVED bounds how many people are known to have moved before it is known who is here.
const MAX_MOVED = 256
// MAX_HERE bounds the names that are kept; beyond it people are a number.
export const MAX_HERE = 400

export class Presence {
  topic = ''
  topicKnown = false
  here = null // who is here, sorted; null: not known, or too many
  count = 0

  #moved = new Map() // here is not known: who came (true) or went; that counts more than what WHO answers

  // isCrowd tells that there are too many to tell each.
  get isCrowd() { return this.here === null && this.count > 0 }

  move(user, came) {
    if (this.here === null) {
      this.count = 0 // it is no crowd any more, which was told by its number
      if (this.#moved.size >= MAX_MOVED) this.#moved.clear()
      this.#moved.set(user, came)
      return
    }
    const others = this.here.filter((other) => other !== user)
    this.here = came ? [...others, user].sort() : others
    this.count = this.here.length
  }

  crowd(count) {
    this.here = null
    this.count = count
    this.#moved.clear()
  }

  // present takes the answer to WHO.
  present(users) {
    if (this.isCrowd) return // it became one since the question
    if (users.length > MAX_HERE) return this.crowd(users.length)
    this.here = [...users].sort()
    this.count = users.length
    const moved = this.#moved
    this.#moved = new Map()
    for (const [user, came] of moved) this.move(user, came)
  }

  // lost forgets what may have changed while there was no connection. The topic stays until another one is known.
  lost() {
    this.here = null
    this.count = 0
    this.#moved.clear()
    this.topicKnown = false
  }
}
