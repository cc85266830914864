// What rows a timeline has on the screen, in order, and what each of them looks like. A row is { key, sign, make }: the same key is the
// same row, and it is made anew where its sign has changed.
import { sentence } from '../client.js'
import { mentionOf, printable } from '../wire.js'
import { h, hueOf, icon, tile } from './dom.js'
import { render } from './text.js'
import { dayKey, dayName, exactly, shortTime, timeOf } from './times.js'

const TOGETHER = 5 * 60_000 // messages of one person closer than that stand below one name

// rowsOf are the rows of a timeline. marked is the id of a message that was searched for.
export function rowsOf(t, self, found) {
  const rows = []
  let day = ''
  let last = null // the message above, where one of the same person may follow it
  let isMarked = t.mark === 0
  for (const { key, event } of t.items) {
    const today = event.time ? dayKey(event.time) : day // history has no time of what was taken back
    if (today !== day) {
      day = today
      last = null
      const name = dayName(event.time)
      rows.push({ key: `day ${day}`, sign: name, make: () => h('li', { class: 'day' }, h('h2', {}, name)) })
    }
    if (!isMarked && event.id > t.mark && event.user !== self) {
      isMarked = true
      last = null
      rows.push({ key: 'new', sign: '', make: () => h('li', { class: 'new', id: 'new-line' }, h('span', {}, 'New')) })
    }
    const follows = isTogether(last, event)
    last = event.command === 'MSG' ? event : null
    const isFound = event.id === found
    rows.push({
      key,
      sign: `${event.command} ${event.time} ${follows} ${isFound}`,
      make: () => MAKERS[event.command](event, { follows, self, isFound }),
    })
  }
  for (const post of t.pending) rows.push({ key: `p${post.key}`, sign: `${post.tried}`, make: () => pendingRow(post, self) })
  for (const { post, why } of t.failed) rows.push({ key: `f${post.key}`, sign: why, make: () => failedRow(post, why) })
  return rows
}

const isTogether = (last, event) => last !== null && event.command === 'MSG' && last.user === event.user && event.time - last.time < TOGETHER

const MAKERS = { MSG: messageRow, GONE: goneRow, TOPIC: topicRow }

let mention = null
let mentionSelf = ''

function mentionsOf(self) {
  if (self !== mentionSelf) {
    mention = mentionOf(self)
    mentionSelf = self
  }
  return mention
}

function messageRow(event, { follows, self, isFound }) {
  const isMine = event.user === self
  const text = render(event.text, isMine ? null : mentionsOf(self))
  const meant = text.some((node) => node.nodeName === 'MARK')
  return h('li', {
    class: `message${follows ? ' follows' : ''}${isMine ? ' mine' : ''}${meant ? ' meant' : ''}${isFound ? ' found' : ''}`,
    'data-id': event.id,
    tabindex: '-1',
  },
  ...heads(event, follows),
  h('p', { class: 'text', dir: 'auto' }, ...text),
  h('button', { class: 'icon small more', tabindex: '-1', 'aria-label': 'More about this message', 'aria-haspopup': 'menu' }, icon('more')))
}

// heads is who says it and when; where it follows, only for those who listen or point at it.
function heads(event, follows) {
  const name = printable(event.user)
  const time = event.time && h('time', { datetime: new Date(event.time).toISOString(), title: exactly(event.time) },
    follows ? shortTime(event.time) : timeOf(event.time))
  if (follows) return [h('span', { class: 'unseen' }, `${name}, `), time]
  return [tile(name), h('div', { class: 'by' }, h('strong', { class: `name ${hueOf(event.user)}` }, name), ' ', time || '')]
}

function goneRow(event) {
  return h('li', { class: 'message gone', 'data-id': event.id, tabindex: '-1' },
    ...heads(event, false), h('p', { class: 'text' }, 'This message was taken back.'))
}

function topicRow(event) {
  const name = printable(event.user)
  return h('li', { class: 'aside-line' }, h('span', { dir: 'auto' },
    event.text === '' ? `${name} cleared the topic` : `${name} set the topic: ${printable(event.text)}`))
}

function pendingRow(post, self) {
  return h('li', { class: 'message pending', 'data-post': post.key, tabindex: '-1' }, tile(self),
    h('div', { class: 'by' }, h('strong', { class: `name ${hueOf(self)}` }, self), ' ', h('span', { class: 'quiet' }, post.tried ? 'sending…' : 'waiting…')),
    h('p', { class: 'text', dir: 'auto' }, ...render(post.text, null)),
    ...(post.tried ? [] : [h('button', { class: 'link', 'data-act': 'withdraw' }, 'Don’t send')]))
}

function failedRow(post, why) {
  return h('li', { class: 'message failed', 'data-post': post.key, tabindex: '-1' },
    h('div', { class: 'by' }, h('strong', {}, 'Not sent.'), ' ', h('span', {}, printable(sentence(why)))),
    h('p', { class: 'text', dir: 'auto' }, ...render(post.text, null)),
    h('p', { class: 'acts' }, h('button', { class: 'link', 'data-act': 'edit' }, 'Edit'), ' ', h('button', { class: 'link', 'data-act': 'discard' }, 'Discard')))
}
