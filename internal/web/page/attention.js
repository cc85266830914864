// Calls the person who is away: the page's title tells what is unread, and a notification that they are meant, where they allow it.
import { printable } from './wire.js'
import { byId } from './view/dom.js'

const AT_MOST_EVERY = 2000

export class Attention {
  #chat
  #last = 0

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
    if (globalThis.Notification?.permission !== 'granted' || Date.now() - this.#last < AT_MOST_EVERY) return
    this.#last = Date.now()
    const title = isDirect ? event.user : `${event.user} in ${event.room}`
    try {
      const notice = new Notification(printable(title), { body: printable(event.text), tag: `parley ${event.room}`, icon: 'icon.svg' })
      notice.onclick = () => {
        window.focus()
        this.#chat.open(event.room)
        notice.close()
      }
    } catch {
      // Some phones let only service workers notify.
    }
  }
}
