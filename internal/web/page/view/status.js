// How the connection is, and what can be done about it.
import { byId, setText } from './dom.js'
import { timeOf } from './times.js'
import { say } from './notices.js'
import { sentence } from '../client.js'
import { printable } from '../wire.js'

const CALM = 1500 // a connection that is back sooner is not worth a banner

export class Status {
  #chat
  #wasLate = false

  constructor(chat) {
    this.#chat = chat
    byId('try-now').addEventListener('click', () => chat.client.tryNow(), { signal: chat.signal })
    const ticking = setInterval(() => { if (!chat.client.state.online) this.draw() }, 500)
    chat.signal.addEventListener('abort', () => clearInterval(ticking))
  }

  draw() {
    const { online, since, retryAt, why, asked } = this.#chat.client.state
    const line = byId('connection')
    line.classList.toggle('on', online)
    if (online) setText(line, 'connected')
    else setText(line, since ? `offline since ${timeOf(since)}` : 'connecting…')
    const isLate = !online && since > 0 && Date.now() - since > CALM
    byId('banner').hidden = !isLate
    if (isLate !== this.#wasLate) say(isLate ? 'The connection is lost.' : 'The connection is back.')
    this.#wasLate = isLate
    if (!isLate) return
    const waits = Math.max(0, Math.ceil((retryAt - Date.now()) / 1000))
    const next = retryAt && waits > 0 ? `Next try in ${waits} s${asked ? ', as the server asks' : ''}.` : 'Trying…'
    const size = this.#chat.outbox.size
    const posts = size === 0 ? '' : size === 1 ? ' 1 message waits to be sent.' : ` ${size} messages wait to be sent.`
    setText(byId('banner-text'), `Offline since ${timeOf(since)}: ${printable(sentence(why))} ${next}${posts}`)
    byId('try-now').hidden = !(retryAt && waits > 0) || asked
  }
}
