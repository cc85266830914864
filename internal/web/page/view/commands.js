// The /commands, which are the terminal client's (cmd/parley/commands.go) as far as the page has something to show for them.
import * as acts from './acts.js'
import { askForRoom } from './going.js'
import { showHelp } from './help.js'
import { isName, isTarget, wrongText } from '../wire.js'

// COMMANDS are all of them, in the order of the help. run(chat, words, rest, room) takes what follows the name, as words and as it was
// typed, and the open room; it returns false where that is too little or too much, and a sentence where it is wrong.
export const COMMANDS = {
  join: { usage: 'ROOM [locked]', help: 'join or make a room, and go there; locked makes a private one', run: join },
  leave: { usage: '[ROOM]', help: 'leave a room', run: inRoom((chat, room) => acts.leave(chat, room)) },
  room: { usage: 'ROOM or @USER', help: 'go to one of your rooms, or write to somebody', run: goTo },
  msg: { usage: 'USER TEXT', help: 'say something to one person', run: message },
  who: { usage: '', help: 'who is here', run: (chat, { length }) => length === 0 && chat.aside.showHere() },
  rooms: { usage: '', help: 'rooms that you could join', run: (chat, { length }) => length === 0 && askForRoom(chat) },
  topic: { usage: '[TEXT]', help: 'set the topic here; /topic - clears it', run: topic },
  find: { usage: 'WORDS', help: 'messages here that hold all the words', run: (chat, words, rest) => rest !== '' && chat.aside.find(rest) },
  delete: { usage: '', help: 'take back what you said last here', run: takeBackLast },
  invite: { usage: 'USER [ROOM]', help: 'let somebody join a room though it is locked', run: toPerson(acts.invite) },
  expel: { usage: 'USER [ROOM]', help: 'take somebody out of a room (who made it, and admins)', run: toPerson(acts.expel) },
  lock: { usage: '[ROOM]', help: 'let only the invited join a room (the same)', run: inRoom(acts.lock) },
  open: { usage: '[ROOM]', help: 'let everybody join it (the same)', run: inRoom(acts.open) },
  passwd: { usage: '', help: 'change your password', run: (chat, { length }) => length === 0 && acts.changePassword(chat) },
  eject: { usage: 'USER REASON', help: 'end somebody’s sessions (admins)', run: eject },
  mute: { usage: 'USER MINUTES', help: 'keep somebody from speaking; 0 lifts it (admins)', run: mute },
  help: { usage: '', help: 'this list', run: () => showHelp(COMMANDS) },
  quit: { usage: '', help: 'sign out', run: (chat, { length }) => length === 0 && acts.signOut(chat) },
}

// obey runs a line that begins with a slash, and returns what is wrong with it in a sentence, '' where it is run. What becomes of it is
// told where it shows.
export function obey(chat, line) {
  const [, name, rest] = /^\/(\S*)\s*(.*)$/su.exec(line)
  if (!Object.hasOwn(COMMANDS, name)) return `There is no /${name}; /help lists what there is, and //${name} says it.`
  const { usage, run } = COMMANDS[name]
  const text = rest.trim()
  const result = run(chat, text === '' ? [] : text.split(/\s+/), text, chat.mirror.opened?.name ?? '')
  if (result === false) return `It is /${name}${usage && ` ${usage}`}.`
  return typeof result === 'string' ? result : ''
}

const NO_ROOM = 'That is no name of a room.'
const NO_PERSON = 'That is no name of a person.'
const nameOf = (word) => word.replace(/^@/, '')
const isPerson = (word) => isName(nameOf(word).replace(/^~/, ''))

function join(chat, [room = '', locked, ...more]) {
  if (!room || more.length > 0 || locked !== undefined && locked !== 'locked') return false
  return isName(room) ? acts.join(chat, room, locked === 'locked') : NO_ROOM
}

function goTo(chat, [target = '', ...more]) {
  if (!target || more.length > 0) return false
  if (!isTarget(target)) return NO_ROOM
  if (isName(target) && !chat.mirror.room(target)) return `You are not in ${target}; /join ${target} joins it.`
  return chat.open(target)
}

function message(chat, [user = ''], rest) {
  const text = rest.slice(user.length).trim()
  if (!text) return false
  if (!isName(nameOf(user))) return NO_PERSON
  const wrong = chat.outbox.post(`@${nameOf(user)}`, text)
  if (!wrong) chat.open(`@${nameOf(user)}`)
  return wrong
}

function topic(chat, words, rest, room) {
  if (!isName(room)) return 'A conversation has no topic.'
  if (rest === '') return acts.askForTopic(chat, chat.mirror.opened)
  return acts.setTopic(chat, room, rest === '-' ? '' : rest)
}

function takeBackLast(chat, { length }) {
  if (length > 0) return false
  const last = chat.mirror.opened?.items.findLast(({ event }) => event.command === 'MSG' && event.user === chat.self)
  return last ? acts.takeBack(chat, last.event) : 'There is nothing of yours here to take back.'
}

function eject(chat, [user = ''], rest) {
  const reason = rest.slice(user.length).trim()
  if (reason === '') return false
  return isPerson(user) ? wrongText(reason) || acts.eject(chat, nameOf(user), reason) : NO_PERSON
}

function mute(chat, [user = '', minutes = '', ...more]) {
  if (!minutes || more.length > 0) return false
  return isPerson(user) ? acts.mute(chat, nameOf(user), minutes) : NO_PERSON
}

// inRoom is a command for the room that is named, or the open one.
function inRoom(act) {
  return (chat, [named, ...more], rest, open) => {
    if (more.length > 0) return false
    return isName(named ?? open) ? act(chat, named ?? open) : NO_ROOM
  }
}

// toPerson is a command for somebody in such a room.
function toPerson(act) {
  return (chat, [user = '', named, ...more], rest, open) => {
    if (!user || more.length > 0) return false
    if (!isPerson(user)) return NO_PERSON
    return isName(named ?? open) ? act(chat, nameOf(user), named ?? open) : NO_ROOM
  }
}
