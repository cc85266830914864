// Ways to another room: join or make one, write to somebody, jump by name.
import { join } from './acts.js'
import { ask, closeAsk } from './dialog.js'
import { h, tile } from './dom.js'
import { isName, printable } from '../wire.js'

const NO_ROOM_NAME = 'A name has up to 32 of a–z, 0–9, full stop, _ and -, and begins with a letter or digit.'
const MAX_LISTED = 200

// askForRoom joins or makes a room.
export async function askForRoom(chat) {
  const go = async (room, isLocked) => { if (await join(chat, room, isLocked)) closeAsk() }
  const list = h('ul', { class: 'choices', 'aria-label': 'Rooms that you could join' })
  const title = h('h3', {}, 'Rooms that you could join')
  if (chat.client.state.online) {
    chat.loader.joinable().then((rooms) => {
      if (rooms.length === 0) title.textContent = 'There is no other room that you could join.'
      list.append(...rooms.slice(0, MAX_LISTED).map(({ name, members }) => h('li', {},
        h('button', { type: 'button', onclick: () => go(name, false) }, h('span', { class: 'hash', 'aria-hidden': 'true' }, '#'),
          h('span', { class: 'label' }, printable(name)), h('small', {}, members === 1 ? '1 member' : `${members} members`)))))
    })
  }
  const guest = chat.mirror.isGuest
  await ask({
    title: guest ? 'Join a room' : 'Join or make a room',
    fields: [
      { name: 'room', label: 'Name', hint: guest ? '' : 'A room that is not there yet is made.' },
      ...(guest ? [] : [{ name: 'locked', label: 'Private: only who is invited may join', type: 'checkbox' }]),
    ],
    go: 'Join',
    check: ({ room }) => (isName(room.trim()) ? '' : NO_ROOM_NAME),
    use: ({ room, locked }) => go(room.trim(), locked),
    extra: [title, list],
  })
}

// askForPerson opens a conversation.
export async function askForPerson(chat) {
  await ask({
    title: 'Write to somebody',
    fields: [{ name: 'user', label: 'Name', hint: 'Only the two of you read it.' }],
    go: 'Write',
    check: ({ user }) => (isName(user.trim().replace(/^@/, '')) ? '' : 'That is no name of an account.'),
    use: ({ user }) => {
      closeAsk()
      chat.open(`@${user.trim().replace(/^@/, '')}`)
    },
  })
}

// jump goes to one of the account's rooms or conversations by a part of its name.
export async function jump(chat) {
  const list = h('ul', { class: 'choices', 'aria-label': 'Rooms and conversations' })
  const matches = (words) => chat.mirror.rooms.filter(({ name }) => name.includes(words.trim().toLowerCase()))
  const go = (name) => {
    closeAsk()
    chat.open(name)
  }
  const draw = (words) => list.replaceChildren(...matches(words).slice(0, 12).map(({ name, isConversation, unread }) => h('li', {},
    h('button', { type: 'button', onclick: () => go(name) },
      isConversation ? tile(name.slice(1)) : h('span', { class: 'hash', 'aria-hidden': 'true' }, '#'),
      h('span', { class: 'label' }, printable(isConversation ? name.slice(1) : name)), ...(unread.count ? [h('small', {}, `${unread.count} unread`)] : [])))))
  draw('')
  const asked = ask({
    title: 'Go to',
    fields: [{ name: 'words', label: 'Room or person' }],
    go: 'Go',
    check: ({ words }) => (matches(words).length > 0 ? '' : 'None of your rooms or conversations is called so.'),
    use: ({ words }) => go(matches(words)[0].name),
    extra: [list],
  })
  const input = document.getElementById('ask-words')
  input.addEventListener('input', () => draw(input.value))
  await asked
}
