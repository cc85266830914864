// Where one writes. Each line is a message of its own; many at once are asked about. What is typed stays with its room.
import { confirm } from './dialog.js'
import { byId, setText } from './dom.js'
import { printable, wrongText, MAX_TEXT, byteLength } from '../wire.js'
import { MAX_POSTS } from '../outbox.js'

const MANY = 5 // lines that are said without asking
const MAX_DRAFTS = 200

export class Composer {
  #chat
  #text = byId('text')
  #room = ''
  #from = '' // the room where the text was begun, where the person was moved to this one
  #drafts = new Map() // { text, from } by room

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    this.#text.value = ''
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#send()
    }, { signal })
    let wantsLine = false
    this.#text.addEventListener('keydown', (event) => {
      wantsLine = event.shiftKey
      if (event.key !== 'Enter' || wantsLine || event.isComposing) return
      event.preventDefault()
      this.#send()
    }, { signal })
    this.#text.addEventListener('beforeinput', (event) => { // keyboards on glass tell of Enter in this way alone
      if (event.inputType !== 'insertLineBreak' || wantsLine || event.isComposing) return
      event.preventDefault()
      this.#send()
    }, { signal })
    this.#text.addEventListener('input', () => this.#typed(), { signal })
    addEventListener('resize', () => this.#typed(), { signal })
    addEventListener('beforeunload', (event) => { if (chat.outbox.size > 0) event.preventDefault() }, { signal })
  }

  // opened takes that another room is on the screen. Where the person was moved there, as they may be typing, what they type stays, and
  // they are asked before it is said in this room.
  opened(name, isMoved) {
    const was = { text: this.#text.value, from: this.#from }
    const draft = this.#drafts.get(name) ?? { text: '', from: '' }
    if (this.#room) this.#drafts.delete(this.#room)
    if (!isMoved && this.#room && was.text !== '' && this.#drafts.size < MAX_DRAFTS) this.#drafts.set(this.#room, was)
    this.#from = isMoved ? was.from || this.#room : draft.from
    this.#room = name
    if (!isMoved) this.#text.value = draft.text
    else if (draft.text !== '') this.#text.value = `${draft.text}\n${was.text}`
    const to = name.startsWith('@') ? name : `#${name}`
    this.#text.placeholder = `Message ${to}`
    setText(byId('text-label'), `Message ${to}`)
    this.#typed()
    if (name && !isMoved && !matchMedia('(pointer: coarse)').matches) this.#text.focus()
  }

  draw() {}

  // mention puts somebody's name where the cursor is.
  mention(user) {
    const { selectionStart: at, value } = this.#text
    const space = at > 0 && !/\s$/.test(value.slice(0, at)) ? ' ' : ''
    this.#text.setRangeText(`${space}${user}${at === 0 ? ': ' : ' '}`, at, at, 'end')
    this.#text.focus()
    this.#typed()
  }

  // settle is for a text that waits or was refused: it is withdrawn, edited again, or discarded.
  settle(act, key) {
    const t = this.#chat.mirror.opened
    const waiting = t?.pending.find((post) => post.key === key)
    if (act === 'withdraw' && waiting && this.#chat.outbox.withdraw(waiting)) this.#edit(waiting.text)
    const failure = t?.failed.find(({ post }) => post.key === key)
    if (failure) {
      t.failed = t.failed.filter((other) => other !== failure)
      if (act === 'edit') this.#edit(failure.post.text)
      this.#chat.mirror.stale() // it may have been all that was left of a room
    }
    this.#chat.refresh()
  }

  #edit(text) {
    this.#text.value = this.#text.value.trim() === '' ? text : `${text}\n${this.#text.value}`
    this.#text.focus()
    this.#typed()
  }

  #lines() { return this.#text.value.split(/\r\n|[\n\r\u2028\u2029]/).filter((line) => line.trim() !== '') }

  #typed() {
    this.#text.style.height = 'auto'
    this.#text.style.height = `${this.#text.scrollHeight}px`
    const lines = this.#lines()
    const longest = Math.max(0, ...lines.map(byteLength))
    const left = MAX_TEXT - longest
    let says = ''
    if (left < 0) says = `${-left} bytes too long for one message.`
    else if (left < 100) says = `${left} bytes left.`
    else if (lines.length > 1) says = `${lines.length} lines: ${lines.length} messages.`
    this.#say(says)
    byId('send').classList.toggle('ready', lines.length > 0)
  }

  #say(text) { setText(byId('composer-says'), printable(text)) }

  async #send() {
    const lines = this.#lines()
    const room = this.#room
    const wrong = lines.map(wrongText).find((what) => what)
    if (lines.length === 0 || !room) return
    if (wrong) return this.#say(wrong)
    if (lines.length + this.#chat.outbox.size > MAX_POSTS) return this.#say(`At most ${MAX_POSTS} messages can wait to be sent.`)
    if (this.#from) {
      const text = `You began this in ${printable(this.#from)}, where you are not any more.`
      if (!await confirm(`Send it to ${printable(room)}?`, text, 'Send') || this.#room !== room) return
      this.#from = ''
      return this.#send()
    }
    if (lines.length > MANY) {
      const text = `Each line is a message of its own; this is ${lines.length} of them to ${room}.`
      if (!await confirm('Send many messages?', text, `Send ${lines.length}`) || this.#room !== room) return
    }
    for (const line of lines) this.#chat.outbox.post(room, line)
    this.#text.value = ''
    this.#typed()
    this.#text.focus()
    this.#chat.messages.toNewest()
  }
}
