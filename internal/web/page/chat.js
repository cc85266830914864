// One account's chat: ties the client, what it mirrors, and the views together. Every change asks for one drawing in the next frame.
import { Attention } from './attention.js'
import { Client, sentence } from './client.js'
import { Loader } from './loader.js'
import { Mirror } from './mirror.js'
import { Outbox } from './outbox.js'
import { Shown } from './shown.js'
import { isTarget } from './wire.js'
import { Aside } from './view/aside.js'
import { Composer } from './view/composer.js'
import { isOpen, onTurn } from './view/dialog.js'
import { byId, hueOf, setText } from './view/dom.js'
import { Header } from './view/header.js'
import { bindKeys } from './view/keys.js'
import { closeMenu } from './view/menu.js'
import { Messages } from './view/messages.js'
import { announce, keep, toast } from './view/notices.js'
import { Rooms } from './view/rooms.js'
import { Status } from './view/status.js'

const UNTOLD = 'You are signed out here. The server can’t be reached, so it does not know, and would take this browser’s sign-in for up to seven days. ' +
  'Leave this page open: it tells the server as soon as it can.'

export class Chat {
  client
  mirror
  outbox
  loader
  shown = new Shown()
  self
  isShown = false

  #account
  #onShow
  #onEnded
  #views = []
  #undo = null // takes back the drawing that is to come
  #ending = new AbortController() // of what listens beyond this chat

  // account: user, isGuest, keeper and url, as the Client takes them. onShow shows the chat, onEnded takes it away: why, whose it was (user),
  // texts that are lost ({ target, text }), and, where the server does not know yet that the session is over, when it is told.
  constructor({ onShow, onEnded, ...account }) {
    this.#account = account
    this.#onShow = onShow
    this.#onEnded = onEnded
    this.self = account.isGuest ? `~${account.user}` : account.user
    const changed = () => this.refresh()
    this.mirror = new Mirror(this.self)
    this.outbox = new Outbox(this.mirror, changed)
    this.loader = new Loader(this.mirror, this.shown, changed)
    this.client = new Client({
      ...account,
      handlers: {
        onEvent: (event) => this.#take(event),
        onReady: (session) => this.#ready(session),
        onLost: () => this.#lost(),
        onState: changed,
        onEnded: (why) => this.#end(why),
      },
    })
  }

  // signal ends with the chat: for listeners.
  get signal() { return this.#ending.signal }

  // signIn and accept are the client's.
  signIn(password) { return this.client.signIn(password) }
  accept(password) { return this.client.accept(password) }

  resume() {
    this.client.resume()
    this.show()
  }

  // show builds the views.
  show() {
    if (this.isShown || this.signal.aborted) return
    this.isShown = true
    this.#onShow()
    byId('my-tile').className = `tile ${hueOf(this.self)}`
    setText(byId('my-tile'), this.self.replace('~', '').charAt(0).toUpperCase())
    setText(byId('my-name'), this.self)
    this.messages = new Messages(this)
    this.composer = new Composer(this)
    this.aside = new Aside(this)
    this.attention = new Attention(this)
    this.rooms = new Rooms(this)
    this.#views = [this.rooms, new Header(this), this.messages, this.composer, this.aside, new Status(this), this.attention]
    bindKeys(this)
    const { signal } = this
    this.#account.keeper?.onLeft(() => this.signOut(true), signal)
    addEventListener('hashchange', () => this.#follow(), { signal })
    addEventListener('focus', () => this.refresh(), { signal })
    addEventListener('blur', () => this.#lookAway(), { signal })
    onTurn(() => this.#lookAway(), signal)
    addEventListener('online', () => this.client.probe(), { signal })
    addEventListener('offline', () => this.client.state.online && this.client.probe(), { signal })
    addEventListener('pagehide', () => this.shown.flush(), { signal })
    document.addEventListener('visibilitychange', () => {
      this.#undo?.()
      this.#undo = null
      this.#lookAway()
      if (!document.hidden) this.client.probe()
    }, { signal })
    if (!this.#target() && !matchMedia('(max-width: 700px)').matches) history.replaceState(null, '', '#lobby')
    this.#follow()
  }

  // open shows a room or conversation; where is '' for the list of rooms on a phone.
  open(where) {
    if (where === this.#target()) byId('text').focus()
    else location.hash = where
  }

  // refresh draws what has changed, soon.
  refresh() {
    if (!this.isShown || this.#undo) return
    const draw = () => {
      this.#undo = null
      this.#draw()
    }
    if (document.hidden) { // then there are no frames; what is told in the title must go on
      const timer = setTimeout(draw, 100)
      this.#undo = () => clearTimeout(timer)
    } else {
      const frame = requestAnimationFrame(draw)
      this.#undo = () => cancelAnimationFrame(frame)
    }
  }

  // hasReader tells whether somebody looks at the page.
  get hasReader() { return !document.hidden && document.hasFocus() }

  // command asks the server for something and tells the person if it is refused. It resolves to the reply, or null.
  async command(...line) {
    const { session } = this.client
    if (!session || session.ended) {
      toast('There is no connection at the moment.')
      return null
    }
    try {
      return await session.ask(...line)
    } catch (error) {
      toast(sentence(error.message))
      return null
    } finally {
      this.refresh()
    }
  }

  // signOut ends the session. isElsewhere: another tab signs the account out, and what waits here is told, not lost without a word.
  async signOut(isElsewhere = false) {
    if (this.signal.aborted) return
    const { online } = this.client.state
    this.#close()
    const unsaid = [...this.outbox.clear(), ...this.composer.clear()]
    const farewell = await this.client.leave()
    const why = []
    if (farewell) why.push(UNTOLD)
    if (isElsewhere && unsaid.length > 0) why.push('You signed out in another tab. This was not sent from here:')
    if (!online && why.length === 0) why.push('You are signed out.') // the page can't begin anew
    this.#onEnded({ why: why.join(' '), unsaid: isElsewhere ? unsaid : [], told: farewell?.told })
  }

  // lookAway takes that nobody may look any more: until the next drawing nothing counts as read.
  #lookAway() {
    this.mirror.attend(false)
    this.refresh()
  }

  #target() {
    try {
      const name = decodeURIComponent(location.hash.slice(1))
      return isTarget(name) ? name : ''
    } catch {
      return ''
    }
  }

  // moved goes where the person did not choose to go; Back does not lead to a room that is not there.
  #moved(where) {
    history.replaceState(null, '', `#${where}`)
    this.#follow(true)
  }

  #follow(isMoved = false) {
    const name = this.#target()
    closeMenu()
    byId('chat').dataset.screen = name ? 'room' : 'rooms'
    this.mirror.open(name)
    this.messages.opened()
    this.composer.opened(name, isMoved)
    this.aside.opened()
    this.rooms.opened(name)
    this.refresh()
  }

  #draw() {
    if (this.signal.aborted) return
    const t = this.mirror.opened
    if (!t && this.#target()) { // it was left, or never was
      if (this.mirror.online) this.#moved(this.#target() === 'lobby' ? '' : 'lobby')
      return
    }
    if (!document.hidden || !t) for (const view of this.#views) view.draw(t)
    else this.attention.draw()
    const looks = this.hasReader && this.messages.isAtNewest && !this.aside.coversRoom && !isOpen()
    const before = t?.unread.count
    const id = this.mirror.attend(looks)
    if (t?.unread.count !== before) this.refresh()
    if (id > 0) this.#noteRead(t.name)
    this.loader.look()
  }

  // noteRead has the server told how far a room was read here.
  #noteRead(room) {
    if (this.mirror.isAttended(room) && !this.mirror.isGuest) this.shown.note(room, this.mirror.room(room).unread.read)
  }

  #take(event) {
    const before = event.room && this.mirror.room(event.room)?.unread.read
    this.mirror.take(event, Date.now())
    if (event.command === 'SEEN') this.shown.learn(event.room, event.id)
    if (event.command === 'LEAVE' && event.user === this.self) this.shown.forget(event.room)
    if (event.command === 'MSG') this.#noteRead(event.room) // it counts as read already, and before the next drawing the person may look away
    if (event.command === 'NOTE') {
      keep(event.text)
      this.attention?.noted(event.text)
    }
    if (event.command === 'MSG' && event.user !== this.self && this.isShown) {
      if (event.room === this.mirror.opened?.name && !document.hidden) announce(event)
      if (!(event.id <= before)) this.attention?.said(event)
    }
    this.refresh()
  }

  async #ready(session) {
    await this.outbox.redeliver(session)
    await this.loader.serve(session)
    if (session.ended) return
    this.mirror.online = true
    if (!this.mirror.isGuest) this.shown.serve(session)
    this.outbox.serve(session)
    this.attention?.back()
    this.refresh()
  }

  #lost() {
    this.mirror.lost()
    this.loader.serve(null)
    this.shown.serve(null)
    this.outbox.stop()
    this.refresh()
  }

  #end(why) {
    if (this.signal.aborted) return
    this.#close()
    this.#onEnded({ why, user: this.#account.user })
  }

  #close() {
    this.#ending.abort()
    this.isShown = false
    closeMenu()
    byId('dialog').close()
    byId('text').value = byId('find-words').value = ''
    history.replaceState(null, '', location.pathname)
    for (const id of ['messages', 'rooms', 'people', 'aside-list', 'toasts', 'topic', 'live', 'dialog']) byId(id).replaceChildren()
  }
}
