// What is said to the person beside the room: short notices, and new messages for those who listen to the page.
import { printable } from '../wire.js'
import { byId, h, icon } from './dom.js'

const MAX_TOASTS = 4
const TICK = 1000
const STAYS = 8 // ticks for which somebody could see a notice
const AT_MOST_EVERY = 1500

// toast shows a notice for a while, which passes only while the page has the focus: who was elsewhere finds it.
export function toast(text) {
  const notice = add(text)
  let left = STAYS
  const clock = setInterval(() => {
    if (document.hasFocus()) left--
    if (left > 0 && notice.isConnected) return
    clearInterval(clock)
    notice.remove()
  }, TICK)
}

// keep shows a notice until the person closes it.
export function keep(text) {
  const close = h('button', { class: 'icon small', 'aria-label': 'Close', title: 'Close (Esc)', onclick: () => closeNotice(notice) }, icon('close'))
  const notice = add(text, close)
  notice.classList.add('kept')
}

// closeNotice closes one that is kept, the newest where none is named; false where there is none.
export function closeNotice(notice = [...document.querySelectorAll('.toast.kept')].at(-1)) {
  if (!notice) return false
  const hadFocus = notice.contains(document.activeElement)
  notice.remove()
  if (hadFocus) byId('text').focus()
  return true
}

function add(text, ...more) {
  const notice = h('div', { class: 'toast' }, h('span', {}, printable(text)), ...more)
  byId('toasts').append(notice)
  while (byId('toasts').childElementCount > MAX_TOASTS) byId('toasts').firstElementChild.remove()
  return notice
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
