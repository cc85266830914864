// Calls the person who is away: the page's title tells what is unread, and a notification that they are meant, where they allow it.
import { printable } from './wire.js'
import { byId } from './view/dom.js'

const AT_MOST_EVERY = 2000

export class Attention {
  #chat
  #last = 0 // when somebody was called
  #direct = 0 // unread messages to the person alone, while the connection was there

  constructor(chat) {
    this.#chat = chat
    byId('notify').addEventListener('click', async () => {
      await Notification.requestPermission()
      this.draw()
    }, { signal: chat.signal })
  }

  draw(t = this.#chat.mirror.opened) {
    const { direct, mentions, messages } = this.#chat.mirror.unread
    const meant = direct + mentions
    if (this.#chat.mirror.online) this.#direct = direct
    const where = t ? `${printable(t.isConversation ? t.name : `#${t.name}`)} · ` : ''
    const count = meant > 0 ? `(${meant}) ` : messages > 0 ? '• ' : ''
    const title = `${count}${where}parley`
    if (document.title !== title) document.title = title
    byId('notify').hidden = !('Notification' in globalThis) || Notification.permission !== 'default'
  }

  // said takes a message of somebody else that was not read elsewhere.
  said(event) {
    const isDirect = event.room.startsWith('@')
    if (this.#chat.hasReader || !isDirect && !this.#chat.mirror.mentioned(event)) return
    this.#call(isDirect ? event.user : `${event.user} in ${event.room}`, event.text, event.room)
  }

  // noted takes what the server says to the person.
  noted(text) { if (!this.#chat.hasReader) this.#call('parley', text, '') }

  // back takes that the connection is back, and LIST has told what was missed.
  back() {
    const { direct } = this.#chat.mirror.unread
    const missed = direct - this.#direct
    if (missed <= 0 || this.#chat.hasReader) return
    const from = this.#chat.mirror.rooms.find((t) => t.isConversation && t.unread.count > 0)
    this.#call(missed === 1 ? 'One message to you' : `${missed} messages to you`, 'while there was no connection', from.name)
  }

  #call(title, body, room) {
    if (globalThis.Notification?.permission !== 'granted' || Date.now() - this.#last < AT_MOST_EVERY) return
    this.#last = Date.now()
    try {
      const notice = new Notification(printable(title), { body: printable(body), tag: `parley ${room}`, icon: 'icon.svg' })
      notice.onclick = () => {
        window.focus()
        if (room) this.#chat.open(room)
        notice.close()
      }
    } catch {
      // Some phones let only service workers notify.
    }
  }
}
