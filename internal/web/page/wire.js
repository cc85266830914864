// The lines of the protocol (docs/protocol.md): how they are taken apart and put together, what fields may hold, and how foreign text
// is made fit to be shown. No DOM, no network.

export const MAX_LINE = 4096 // bytes, LF included
export const MAX_TEXT = 2000 // bytes of a text
export const MAX_LIMIT = 500 // messages that one HISTORY may ask for

const encoder = new TextEncoder()

// byteLength is how many bytes of UTF-8 a string is.
export const byteLength = (s) => encoder.encode(s).length

// Refused is the server's ERROR to one line. seconds: how long to wait before it may be sent again, 0 where the server names none.
export class Refused extends Error {
  constructor(code, text) {
    super(text)
    this.code = code
    this.seconds = /^\d{1,9} /.test(text) ? Math.min(parseInt(text, 10), 3600) : 0
  }
}

// Misbehavior is a server that does not keep to the protocol.
export class Misbehavior extends Error {}

const PATIENCE = new Set(['busy', 'rate-limited', 'throttled', 'internal'])

// retryAfter is how many seconds to wait before the same line may be sent again; 0 for a refusal that is final.
export function retryAfter(error) {
  return error instanceof Refused && PATIENCE.has(error.code) ? Math.max(error.seconds, 1) : 0
}

// parse takes a line without its LF apart.
export function parse(line) {
  const bar = line.indexOf('|')
  const command = line.slice(0, bar)
  if (bar < 0 || !/^[A-Z]{1,16}$/.test(command)) throw new Misbehavior('the server sent what is no line of the protocol')
  return { command, data: line.slice(bar + 1) }
}

// split takes data apart into at most most fields; the last takes the rest, | included.
export function split(data, most) {
  const fields = data.split('|')
  if (fields.length <= most) return fields
  return [...fields.slice(0, most - 1), fields.slice(most - 1).join('|')]
}

// compose is the line COMMAND|field|field… without an LF.
export const compose = (command, fields) => command + '|' + fields.join('|')

// parseID reads an id or a count: digits alone, no leading zero. Ids are exact here up to 2^53-1, which no server reaches by counting.
export function parseID(s) {
  const id = Number(s)
  if (!/^(0|[1-9]\d*)$/.test(s) || !Number.isSafeInteger(id)) throw new Misbehavior('the server sent a number that is none')
  return id
}

function parseTime(s) {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(s) ? Date.parse(s) : NaN
  if (Number.isNaN(time)) throw new Misbehavior('the server sent a time that is none')
  return time
}

const same = (s) => s

// What the fields of each event are, in order; the last takes the rest of the line.
const EVENTS = {
  MSG: [['id', parseID], ['time', parseTime], ['room', same], ['user', same], ['text', same]],
  GONE: [['id', parseID], ['room', same], ['user', same]],
  JOIN: [['room', same], ['user', same]],
  LEAVE: [['room', same], ['user', same]],
  HERE: [['room', same], ['count', parseID]],
  TOPIC: [['room', same], ['user', same], ['text', same]],
  SEEN: [['room', same], ['id', parseID]],
  NOTE: [['text', same]],
  BYE: [['code', same], ['text', same]],
}

// parseEvent reads an event's line, null for one that this version does not know.
export function parseEvent({ command, data }) {
  if (!Object.hasOwn(EVENTS, command)) return null
  const fields = EVENTS[command]
  const parts = split(data, fields.length)
  if (parts.length !== fields.length) throw new Misbehavior(`the server sent ${command} with other fields`)
  const event = { command }
  fields.forEach(([name, read], i) => { event[name] = read(parts[i]) })
  return event
}

// Characters that steer a terminal or turn text around. Joiners and direction marks stay: scripts need them.
const NOT_ALLOWED = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/
const MUST_ESCAPE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g
const LONE_SURROGATE = /[\ud800-\udfff]/u
const SOMETHING_VISIBLE = /[^\p{White_Space}\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/u

// printable is what foreign text goes through before it is shown: what steers or turns is written as \u{…}, a tab as a space.
export function printable(s) {
  return s.replace(MUST_ESCAPE, (c) => (c === '\t' ? ' ' : `\\u{${c.codePointAt(0).toString(16)}}`))
}

const hex = (c) => 'U+' + c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')

// wrongText says why a text can't be said, in a sentence, '' where it can.
export function wrongText(s) {
  const bad = s.match(NOT_ALLOWED) ?? s.match(LONE_SURROGATE)
  if (!bad && !SOMETHING_VISIBLE.test(s)) return 'There is no text.'
  const length = byteLength(s)
  if (length > MAX_TEXT) return `The text is ${length} bytes long; a message has at most ${MAX_TEXT}.`
  return bad ? `The character ${hex(bad[0])} is not allowed in a message.` : ''
}

// wrongCredential says why a password can't be sent, '' where it can.
export function wrongCredential(s) {
  const bad = s.match(NOT_ALLOWED) ?? s.match(LONE_SURROGATE)
  if (bad) return `The character ${hex(bad[0])} is not allowed in a password.`
  return byteLength(s) > 4000 ? 'A password has at most 4000 bytes.' : ''
}

// isName tells whether s may be the name of a user or a room.
export const isName = (s) => /^[a-z0-9][a-z0-9._-]{0,31}$/.test(s)

// isTarget tells whether s is a room's name or @user.
export const isTarget = (s) => isName(s.startsWith('@') ? s.slice(1) : s)

// newKey is a key for SEND: 128 random bits.
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}

// mentionOf is what finds an account's name as a word in a text, in any case. A full stop or dash at its ends is no part of a word; a
// guest's ~name is another one than the account's.
export function mentionOf(self) {
  const guest = self.startsWith('~')
  const name = self.replace('~', '').replaceAll('.', '\\.')
  const begins = `(?<![\\p{L}\\p{Nd}]\\p{M}*[._\\-]*${name})`
  return new RegExp(`${name}${guest ? `(?:(?<=~${name})|${begins})` : `(?<!~${name})${begins}`}(?![._\\-]*[\\p{L}\\p{Nd}\\p{M}])`, 'giu')
}
