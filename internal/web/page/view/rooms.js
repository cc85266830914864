// The list of rooms and conversations, with what is unread in each.
import { byId, h, tile } from './dom.js'
import { openMyMenu } from './menus.js'
import { askForPerson, askForRoom, jump } from './going.js'
import { printable } from '../wire.js'

export class Rooms {
  #chat
  #drawn = '' // what is drawn: names and counts

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    const listen = (id, act) => byId(id).addEventListener('click', act, { signal })
    listen('add-room', () => askForRoom(chat))
    listen('add-person', () => askForPerson(chat))
    listen('jump', () => jump(chat))
    listen('my-menu', () => openMyMenu(chat, byId('my-menu')))
    byId('add-person').hidden = chat.mirror.isGuest
    byId('people-title').parentElement.hidden = chat.mirror.isGuest
  }

  draw(open) {
    const rooms = this.#chat.mirror.rooms.map((t) => ({
      name: t.name, isConversation: t.isConversation, isOpen: t === open, count: t.unread.count, mentions: t.unread.mentions,
    }))
    const drawn = JSON.stringify(rooms)
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    const focused = document.activeElement?.closest?.('#sidebar a')?.getAttribute('href')
    byId('rooms').replaceChildren(...rooms.filter((room) => !room.isConversation).map(entry))
    const people = rooms.filter((room) => room.isConversation)
    byId('people').replaceChildren(...people.map(entry))
    if (focused) document.querySelector(`#sidebar a[href="${CSS.escape(focused)}"]`)?.focus()
  }
}

function entry({ name, isConversation, isOpen, count, mentions }) {
  const isDirect = isConversation && count > 0
  const badge = count === 0 ? [] : [
    h('span', { class: `badge${mentions > 0 || isDirect ? ' meant' : ''}`, 'aria-hidden': 'true' }, counted(isConversation ? 0 : mentions, count)),
    h('span', { class: 'unseen' }, `, ${count} unread${mentions > 0 ? `, ${mentions} with your name` : ''}`),
  ]
  const shown = printable(isConversation ? name.slice(1) : name)
  return h('li', {}, h('a', { href: `#${encodeURIComponent(name)}`, class: count > 0 ? 'unread' : '', 'aria-current': isOpen ? 'page' : undefined },
    isConversation ? tile(shown) : h('span', { class: 'hash', 'aria-hidden': 'true' }, '#'), h('span', { class: 'label' }, shown), ...badge))
}

// counted is what is unread, and what of it mentions the account.
function counted(mentions, count) {
  if (mentions === 0) return short(count)
  return mentions === count ? `@${short(count)}` : `@${short(mentions)} · ${short(count)}`
}

const short = (count) => (count > 999 ? '999+' : String(count))
