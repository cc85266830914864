// What of a room the person has not been shown: so many messages as LIST has counted, and those that came after them. No DOM.

// MAX_NOTED bounds how many ids are kept one by one.
const MAX_NOTED = 4096

export class Unread {
  read = 0 // id of the newest message that the person has been shown, as far as is known
  known = false // LIST has told where reading had stopped

  #counted = 0 // unread messages up to countedTo, by LIST
  #countedTo = 0
  #fresh = [] // ids of unread messages after that, ascending
  #mentions = [] // ids of unread messages that mention the account

  get count() { return this.#counted + this.#fresh.length }

  // mentions is how many of them mention the account; those that were not told are not known.
  get mentions() { return Math.min(this.#mentions.length, this.count) }

  get countedTo() { return this.#countedTo }

  // take takes LIST's count, which is of a position not before this one.
  take({ last, seen, unread }) {
    this.moveTo(seen)
    this.#counted = unread
    this.#countedTo = last
    this.#fresh = this.#fresh.filter((id) => id > last)
  }

  // add counts an unread message; true: there were too many to know them one by one, and only LIST tells.
  add(id, mention) {
    if (mention && this.#mentions.length < MAX_NOTED && !this.#mentions.includes(id)) this.#mentions.push(id)
    if (id <= this.#countedTo || this.#fresh.includes(id)) return false
    this.#fresh.push(id)
    this.#fresh.sort((a, b) => a - b)
    if (this.#fresh.length <= MAX_NOTED) return false
    this.#counted = this.count
    this.#countedTo = this.#fresh.at(-1)
    this.#fresh = []
    return true
  }

  // unmention takes that a message mentions nobody any more: it was taken back, whether it is counted or not.
  unmention(id) { this.#mentions = this.#mentions.filter((other) => other !== id) }

  // remove takes back an unread message of somebody else; false: only LIST tells whether it was counted.
  remove(id) {
    this.unmention(id)
    if (this.#fresh.includes(id)) {
      this.#fresh = this.#fresh.filter((other) => other !== id)
      return true
    }
    if (id <= this.#countedTo) this.#counted = Math.max(0, this.#counted - 1)
    return false
  }

  // moveTo moves how far the room was read, never back; false: only LIST tells what is left.
  moveTo(id) {
    this.read = Math.max(this.read, id)
    this.#fresh = this.#fresh.filter((other) => other > this.read)
    this.#mentions = this.#mentions.filter((other) => other > this.read)
    if (this.read >= this.#countedTo) this.#counted = 0
    return this.#counted === 0
  }

  // show is moveTo for the newest message that is here: those after it are told one by one.
  show(id) {
    if (id <= this.read) return
    this.moveTo(id)
    this.#counted = 0
    this.#countedTo = Math.min(this.#countedTo, this.read)
  }
}
