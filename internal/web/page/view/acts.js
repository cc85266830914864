// What can be done to a room, a person, a message and one's own account, from menus and by /commands. What is grave is asked about first;
// what the server refuses, it says.
import { ask, closeAsk, confirm } from './dialog.js'
import { toast } from './notices.js'
import { byteLength, isName, wrongText } from '../wire.js'

const MOST_MINUTES = 525_600 // a year

// takeBack asks, and takes a message back.
export async function takeBack(chat, event) {
  const text = 'Its text is deleted for everybody, here and on the server’s disk. Who has read it may remember it.'
  if (!await confirm('Take this message back?', text, 'Take back')) return
  if (await chat.command('DELETE', String(event.id))) {
    chat.mirror.gone({ id: event.id, room: event.room, user: event.user })
    chat.refresh()
  }
}

// expel takes somebody out of a room.
export async function expel(chat, user, room) {
  const text = 'Who made the room and admins may. In an open room they can come back.'
  if (await confirm(`Take ${user} out of ${room}?`, text, 'Take out') && await chat.command('EXPEL', room, user)) toast(`${user} is out of ${room}.`)
}

// wrongMinutes says what is wrong with a number of minutes, '' for nothing.
const wrongMinutes = (minutes) => (/^(0|[1-9]\d{0,5})$/.test(minutes) && Number(minutes) <= MOST_MINUTES ? '' : 'That is a number from 0 to 525600, a year.')

// mute keeps somebody from speaking for so many minutes; 0 lets them speak again.
export async function mute(chat, user, minutes) {
  const wrong = wrongMinutes(minutes)
  if (wrong) return toast(`Minutes: ${wrong}`)
  if (!await chat.command('MUTE', user, minutes)) return false
  toast(minutes === '0' ? `${user} may speak again.` : `${user} does not speak for ${minutes} minutes.`)
  return true
}

export async function askToMute(chat, user) {
  await ask({
    title: `Keep ${user} from speaking?`,
    text: 'Admins may. They go on reading, and are told until when.',
    fields: [{ name: 'minutes', label: 'For how many minutes', value: '60' }],
    go: 'Mute',
    check: ({ minutes }) => wrongMinutes(minutes.trim()),
    use: async ({ minutes }) => { if (await mute(chat, user, minutes.trim())) closeAsk() },
  })
}

// eject ends somebody's sessions.
export async function eject(chat, user, reason) {
  const reply = await chat.command('EJECT', user, reason)
  if (reply) toast(`Sessions of ${user} that were ended: ${reply.data}.`)
  return reply
}

export async function askToEject(chat, user) {
  await ask({
    title: `End ${user}’s sessions?`,
    text: 'Admins may. They are signed out everywhere, and can sign in again with their password.',
    fields: [{ name: 'reason', label: 'The reason, which they are told' }],
    go: 'End them',
    check: ({ reason }) => wrongText(reason),
    use: async ({ reason }) => { if (await eject(chat, user, reason.trim())) closeAsk() },
  })
}

export async function askForTopic(chat, t) {
  await ask({
    title: `The topic of ${t.name}`,
    fields: [{ name: 'topic', label: 'Topic', value: t.presence.topic }],
    go: 'Set',
    check: ({ topic }) => (byteLength(topic) > 2000 ? 'That is too long.' : ''),
    use: async ({ topic }) => { if (await setTopic(chat, t.name, topic.trim())) closeAsk() },
  })
}

// setTopic sets a room's topic, or clears it where it is empty.
export async function setTopic(chat, room, text) {
  const reply = await chat.command('TOPIC', room, text)
  if (reply) chat.mirror.topicSet({ command: 'TOPIC', room, user: chat.self, text }, Date.now())
  return reply
}

export async function askToInvite(chat, room) {
  await ask({
    title: `Invite somebody to ${room}`,
    fields: [{ name: 'user', label: 'Name' }],
    go: 'Invite',
    check: ({ user }) => (isName(user.trim()) ? '' : 'That is no name of an account.'),
    use: async ({ user }) => {
      if (await invite(chat, user.trim(), room)) closeAsk()
    },
  })
}

// invite lets somebody join a room though it is locked.
export async function invite(chat, user, room) {
  const reply = await chat.command('INVITE', room, user)
  if (reply) toast(`${user} is invited to ${room}.`)
  return reply
}

// lock lets only the invited join a room, open everybody.
export async function lock(chat, room) {
  if (await chat.command('LOCK', room)) toast(`${room} is locked now.`)
}

export async function open(chat, room) {
  if (await chat.command('OPEN', room)) toast(`${room} is open now.`)
}

// join joins a room, or makes it, and goes there.
export async function join(chat, room, isLocked = false) {
  const reply = await chat.command('JOIN', ...(isLocked ? [room, 'locked'] : [room]))
  if (!reply) return null
  chat.mirror.stale()
  chat.open(room)
  return reply
}

// leave asks, and leaves a room.
export async function leave(chat, room) {
  const text = 'You leave it with all your devices, and read no more of it. An open room can be joined again.'
  if (!await confirm(`Leave ${room}?`, text, 'Leave') || !await chat.command('LEAVE', room)) return
  chat.mirror.forget(room)
  chat.shown.forget(room)
  chat.open('lobby')
}

export async function changePassword(chat) {
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

export async function signOut(chat) {
  const waits = chat.outbox.size
  const why = []
  if (waits > 0) why.push(`What waits to be sent (${waits}) is thrown away.`)
  if (!chat.client.state.online && !chat.mirror.isGuest) why.push('There is no connection: you are signed out here at once, and at the server when this page has told it.')
  if (why.length > 0 && !await confirm('Sign out?', why.join(' '), 'Sign out')) return
  chat.signOut()
}
