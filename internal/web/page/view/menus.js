// The menus: of a message, a person, a room, and one's own account.
import { closeAsk, ask, confirm, showKeys } from './dialog.js'
import { openMenu } from './menu.js'
import { toast } from './notices.js'
import { byteLength, isName } from '../wire.js'

const TAKE_BACK_WITHIN = 24 * 3600_000

// openMessageMenu is for a message that is loaded.
export function openMessageMenu(chat, id, button) {
  const event = chat.mirror.opened?.message(id)
  if (!event || event.command !== 'MSG') return
  const entries = [{ text: 'Copy the text', act: () => copy(event.text) }]
  if (event.user !== chat.self) entries.push(...aboutPerson(chat, event.user))
  else if (!chat.mirror.isGuest && Date.now() - event.time < TAKE_BACK_WITHIN) {
    entries.push({ text: 'Take back…', isGrave: true, act: () => takeBack(chat, event) })
  }
  openMenu(button, entries)
}

// openPersonMenu is for somebody who is here.
export function openPersonMenu(chat, user, button) {
  if (user !== chat.self) openMenu(button, [...aboutPerson(chat, user), ...expelling(chat, user)])
}

function aboutPerson(chat, user) {
  const entries = [{ text: `Mention ${user}`, act: () => chat.composer.mention(user) }]
  const mayWrite = !user.startsWith('~') && !chat.mirror.isGuest && chat.mirror.opened?.name !== `@${user}`
  if (mayWrite) entries.push({ text: `Write to ${user}`, act: () => chat.open(`@${user}`) })
  return entries
}

function expelling(chat, user) {
  const room = chat.mirror.opened?.name ?? ''
  if (!isName(room) || room === 'lobby' || chat.mirror.isGuest) return []
  return [{
    text: 'Take out of this room…',
    isGrave: true,
    act: async () => {
      if (await confirm(`Take ${user} out of ${room}?`, 'Who made the room and admins may. In an open room they can come back.', 'Take out')) {
        await chat.command('EXPEL', room, user)
      }
    },
  }]
}

async function takeBack(chat, event) {
  const text = 'Its text is deleted for everybody, here and on the server’s disk. Who has read it may remember it.'
  if (!await confirm('Take this message back?', text, 'Take back')) return
  if (await chat.command('DELETE', String(event.id))) {
    chat.mirror.gone({ id: event.id, room: event.room, user: event.user })
    chat.refresh()
  }
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text)
    toast('Copied.')
  } catch {
    toast('The browser does not let the page copy.')
  }
}

// openRoomMenu is for the open room.
export function openRoomMenu(chat, button) {
  const t = chat.mirror.opened
  if (!t || t.isConversation) return
  const room = t.name
  const { isGuest } = chat.mirror
  const entries = []
  if (!isGuest) entries.push({ text: 'Set the topic…', act: () => setTopic(chat, t) })
  entries.push({ text: 'Invite somebody…', act: () => invite(chat, room) })
  if (room !== 'lobby') {
    if (!isGuest) {
      entries.push({ text: 'Lock: only the invited may join', act: () => rule(chat, 'LOCK', room, 'The room is locked now.') })
      entries.push({ text: 'Open: everybody may join', act: () => rule(chat, 'OPEN', room, 'The room is open now.') })
    }
    entries.push({ text: 'Leave…', isGrave: true, act: () => leave(chat, room) })
  }
  openMenu(button, entries)
}

async function setTopic(chat, t) {
  await ask({
    title: `The topic of ${t.name}`,
    fields: [{ name: 'topic', label: 'Topic', value: t.presence.topic }],
    go: 'Set',
    check: ({ topic }) => (byteLength(topic) > 2000 ? 'That is too long.' : ''),
    use: async ({ topic }) => {
      const reply = await chat.command('TOPIC', t.name, topic.trim())
      if (!reply) return
      chat.mirror.topicSet({ command: 'TOPIC', room: t.name, user: chat.self, text: topic.trim() }, Date.now())
      closeAsk()
    },
  })
}

async function invite(chat, room) {
  await ask({
    title: `Invite somebody to ${room}`,
    fields: [{ name: 'user', label: 'Name' }],
    go: 'Invite',
    check: ({ user }) => (isName(user.trim()) ? '' : 'That is no name of an account.'),
    use: async ({ user }) => {
      if (!await chat.command('INVITE', room, user.trim())) return
      closeAsk()
      toast(`${user.trim()} is invited.`)
    },
  })
}

async function rule(chat, command, room, done) {
  if (await chat.command(command, room)) toast(done)
}

async function leave(chat, room) {
  const text = 'You leave it with all your devices, and read no more of it. An open room can be joined again.'
  if (!await confirm(`Leave ${room}?`, text, 'Leave') || !await chat.command('LEAVE', room)) return
  chat.mirror.forget(room)
  chat.shown.forget(room)
  chat.open('lobby')
}

// openMyMenu is for one's own account.
export function openMyMenu(chat, button) {
  const entries = [{ text: 'Keys', act: showKeys }]
  if (!chat.mirror.isGuest) entries.push({ text: 'Change password…', act: () => changePassword(chat) })
  entries.push({ text: 'Sign out', act: () => signOut(chat) })
  openMenu(button, entries)
}

async function changePassword(chat) {
  await ask({
    title: 'Change your password',
    text: 'Possible in the first five minutes after you have signed in by password. All your other sessions end.',
    fields: [{ name: 'password', label: 'New password', type: 'password' }, { name: 'again', label: 'The same again', type: 'password' }],
    go: 'Change',
    check: ({ password, again }) => (password === again ? '' : 'The two are not the same.'),
    use: async ({ password }) => {
      if (!await chat.command('PASSWD', password)) return
      closeAsk()
      await chat.client.renew(password).catch(() => toast('You may have to sign in again soon.'))
      toast('The password is changed.')
    },
  })
}

async function signOut(chat) {
  const waits = chat.outbox.size
  if (waits > 0 && !await confirm('Sign out?', `What waits to be sent (${waits}) is thrown away.`, 'Sign out')) return
  chat.signOut()
}
