// The list of rooms and conversations, with what is unread in each.
import { byId, h, setText, tile } from './dom.js'
import { askForPerson, askForRoom, jump } from './going.js'
import { Keyed } from './keyed.js'
import { openMyMenu } from './menus.js'
import { printable } from '../wire.js'

export class Rooms {
  #chat
  #rooms = new Keyed(byId('rooms'))
  #people = new Keyed(byId('people'))

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    const listen = (id, act) => byId(id).addEventListener('click', act, { signal })
    listen('add-room', () => askForRoom(chat))
    listen('add-person', () => askForPerson(chat))
    listen('jump', () => jump(chat))
    listen('my-menu', () => openMyMenu(chat, byId('my-menu')))
    byId('people-title').parentElement.hidden = chat.mirror.isGuest
  }

  // opened takes that another room is on the screen. The list that takes a room's place takes the focus, at that room.
  opened(name) { if (!name) document.querySelector('.rooms a[aria-current]')?.focus() }

  draw(open) {
    const [rooms, people] = [[], []]
    for (const t of this.#chat.mirror.rooms) (t.isConversation ? people : rooms).push(entry(t, t === open))
    this.#rooms.draw(rooms)
    this.#people.draw(people)
  }
}

function entry({ name, isConversation, unread: { count, mentions } }, isOpen) {
  const shown = printable(isConversation ? name.slice(1) : name)
  return {
    key: name,
    sign: `${isOpen} ${count} ${mentions}`,
    make: () => h('li', {}, h('a', { href: `#${encodeURIComponent(name)}` },
      isConversation ? tile(shown) : h('span', { class: 'hash', 'aria-hidden': 'true' }, '#'), h('span', { class: 'label' }, shown),
      h('span', { class: 'badge', 'aria-hidden': 'true' }), h('span', { class: 'unseen' }))),
    update: ({ firstElementChild: link }) => {
      const [badge, said] = link.querySelectorAll('.badge, .unseen')
      link.classList.toggle('unread', count > 0)
      if (isOpen) link.setAttribute('aria-current', 'page')
      else link.removeAttribute('aria-current')
      badge.hidden = count === 0
      badge.classList.toggle('meant', mentions > 0 || isConversation)
      setText(badge, counted(isConversation ? 0 : mentions, count))
      setText(said, count === 0 ? '' : `, ${count} unread${mentions > 0 ? `, ${mentions} with your name` : ''}`)
    },
  }
}

// counted is what is unread, and what of it mentions the account.
function counted(mentions, count) {
  if (mentions === 0) return short(count)
  return mentions === count ? `@${short(count)}` : `@${short(mentions)} · ${short(count)}`
}

const short = (count) => (count > 999 ? '999+' : String(count))
