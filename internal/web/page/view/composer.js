// Where one writes. Each line is a message of its own; many at once are asked about. What is typed stays with its room.
import { Drafts } from '../drafts.js'
import { obey } from './commands.js'
import { confirm } from './dialog.js'
import { byId, isComposing, setText } from './dom.js'
import { printable, wrongText, MAX_TEXT, byteLength } from '../wire.js'
import { MAX_POSTS } from '../outbox.js'

const MANY = 5 // lines that are said without asking

export class Composer {
  #chat
  #text = byId('text')
  #room = ''
  #from = '' // the room where the text was begun, where the person was moved to this one
  #drafts

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    this.#drafts = new Drafts(chat.self)
    this.#text.value = ''
    byId('composer').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#send()
    }, { signal })
    let wantsLine = false
    this.#text.addEventListener('keydown', (event) => {
      wantsLine = event.shiftKey
      if (event.key !== 'Enter' || wantsLine || isComposing(event)) return
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
    const text = this.#text.value
    const from = isMoved ? this.#from || this.#room : ''
    if (isMoved) this.#drafts.set(this.#room, { text: '', from: '' })
    const draft = this.#drafts.get(name)
    this.#room = name
    this.#from = from || draft.from
    this.#text.value = isMoved && text ? [draft.text, text].filter((part) => part).join('\n') : draft.text
    const to = name.startsWith('@') ? name : `#${name}`
    this.#text.placeholder = `Message ${to}`
    setText(byId('text-label'), `Message ${to}`)
    this.#typed()
    if (!name || isMoved && document.activeElement !== document.body) return
    byId(matchMedia('(pointer: coarse)').matches ? 'room-name' : 'text').focus() // a keyboard on glass would cover the room
  }

  draw() {}

  // clear forgets all that was begun, { target, text } of each, and returns it: the person signs out.
  clear() { return this.#drafts.clear() }

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
      this.#chat.outbox.dismiss(failure.post)
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
    if (this.#room) this.#drafts.set(this.#room, { text: this.#text.value, from: this.#from })
    this.#text.style.height = 'auto'
    this.#text.style.height = `${this.#text.scrollHeight}px`
    const lines = this.#lines()
    const longest = lines.reduce((most, line) => Math.max(most, byteLength(line)), 0)
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
    if (lines.length === 0 || !room) return
    if (lines.length === 1 && lines[0].startsWith('/')) {
      if (!lines[0].startsWith('//')) return this.#obey(lines[0])
      lines[0] = lines[0].slice(1)
    }
    const wrong = lines.map(wrongText).find((what) => what)
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

  // obey runs a /command. What can't be run stays, to be put right.
  #obey(line) {
    this.#text.value = ''
    const wrong = obey(this.#chat, line)
    if (wrong) this.#text.value = line
    this.#typed()
    if (wrong) this.#say(wrong)
  }
}
