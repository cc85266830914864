// The menus: of a message, a person, a room, and one's own account.
import * as acts from './acts.js'
import { COMMANDS } from './commands.js'
import { showHelp } from './help.js'
import { openMenu } from './menu.js'
import { toast } from './notices.js'
import { isName } from '../wire.js'

const TAKE_BACK_WITHIN = 24 * 3600_000

// openMessageMenu is for a message that is loaded.
export function openMessageMenu(chat, id, button) {
  const event = chat.mirror.opened?.message(id)
  if (!event || event.command !== 'MSG') return
  const entries = [{ text: 'Copy the text', act: () => copy(event.text) }]
  const takeBack = { text: 'Take back…', isGrave: true, act: () => acts.takeBack(chat, event) }
  if (event.user !== chat.self) entries.push(...aboutPerson(chat, event.user), ...moderating(chat, event.user, button, [takeBack]))
  else if (Date.now() - event.time < TAKE_BACK_WITHIN) entries.push(...(chat.mirror.isGuest ? [] : [takeBack]))
  else entries.push(...moderating(chat, '', button, [takeBack]))
  openMenu(button, entries)
}

// openPersonMenu is for somebody who is here.
export function openPersonMenu(chat, user, button) {
  if (user !== chat.self) openMenu(button, [...aboutPerson(chat, user), ...moderating(chat, user, button)])
}

function aboutPerson(chat, user) {
  const entries = [{ text: `Mention ${user}`, act: () => chat.composer.mention(user) }]
  const mayWrite = !user.startsWith('~') && !chat.mirror.isGuest && chat.mirror.opened?.name !== `@${user}`
  if (mayWrite) entries.push({ text: `Write to ${user}`, act: () => chat.open(`@${user}`) })
  return entries
}

// moderating leads to what room makers and admins may do, to a person ('': to a message alone). Nobody tells the page who that is: the server
// refuses the others.
function moderating(chat, user, button, more = []) {
  if (chat.mirror.isGuest) return []
  const entries = [...more]
  const room = chat.mirror.opened?.name ?? ''
  if (user && isName(room) && room !== 'lobby') {
    entries.push({ text: `Take ${user} out of this room…`, isGrave: true, act: () => acts.expel(chat, user, room) })
  }
  if (isName(user)) { // guests can't be muted
    entries.push({ text: `Mute ${user}…`, isGrave: true, act: () => acts.askToMute(chat, user) })
    entries.push({ text: `Let ${user} speak again`, act: () => acts.mute(chat, user, '0') })
  }
  if (user) entries.push({ text: `End ${user}’s sessions…`, isGrave: true, act: () => acts.askToEject(chat, user) })
  return [{ text: 'Moderate…', act: () => openMenu(button, entries) }]
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
  if (!isGuest) entries.push({ text: 'Set the topic…', act: () => acts.askForTopic(chat, t) })
  entries.push({ text: 'Invite somebody…', act: () => acts.askToInvite(chat, room) })
  if (room !== 'lobby') {
    if (!isGuest) {
      entries.push({ text: 'Lock: only the invited may join', act: () => acts.lock(chat, room) })
      entries.push({ text: 'Open: everybody may join', act: () => acts.open(chat, room) })
    }
    entries.push({ text: 'Leave…', isGrave: true, act: () => acts.leave(chat, room) })
  }
  openMenu(button, entries)
}

// openMyMenu is for one's own account.
export function openMyMenu(chat, button) {
  const entries = [{ text: 'Keys and commands', act: () => showHelp(COMMANDS) }]
  if (!chat.mirror.isGuest) entries.push({ text: 'Change password…', act: () => acts.changePassword(chat) })
  entries.push({ text: 'Sign out', act: () => acts.signOut(chat) })
  openMenu(button, entries)
}
