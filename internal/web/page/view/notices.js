// What is said to the person beside the room: short notices, and new messages for those who listen to the page.
import { printable } from '../wire.js'
import { byId, h } from './dom.js'

const MAX_TOASTS = 4
const STAYS = 8000
const AT_MOST_EVERY = 1500

// toast shows a notice for a while.
export function toast(text) {
  const notice = h('p', { class: 'toast' }, printable(text))
  byId('toasts').append(notice)
  while (byId('toasts').childElementCount > MAX_TOASTS) byId('toasts').firstElementChild.remove()
  setTimeout(() => notice.remove(), STAYS)
}

// say reads out what the screen shows.
export function say(text) { byId('live').replaceChildren(h('span', {}, text)) }

let waiting = [] // messages that are to be announced
let timer = 0

// announce reads out a message of the open room; where many come at once, their number.
export function announce(event) {
  if (waiting.push(event) > 100) waiting = waiting.slice(-100)
  timer ||= setTimeout(tell, AT_MOST_EVERY)
}

function tell() {
  timer = 0
  const texts = waiting.length > 3
    ? [`${waiting.length} new messages`]
    : waiting.map(({ user, text }) => printable(`${user}: ${text}`))
  waiting = []
  byId('live').replaceChildren(...texts.map((text) => h('span', {}, /[.!?]$/.test(text) ? `${text} ` : `${text}. `)))
}
