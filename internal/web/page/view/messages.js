// The messages of the open room. Rows are drawn once a frame; the view stays at the newest, or where the person has scrolled to.
import { byId, setText } from './dom.js'
import { Keyed } from './keyed.js'
import { openMessageMenu } from './menus.js'
import { rowsOf } from './rows.js'
import { printable } from '../wire.js'

const NEAR = 1000 // pixels from an end at which more is asked for
const AT_END = 30 // pixels from the end that count as there

export class Messages {
  isAtNewest = true
  found = 0 // id of the message that was searched for

  #chat
  #scroller = byId('scroller')
  #list = byId('messages')
  #rows = new Keyed(this.#list)
  #sticks = true // the view stays at the newest
  #opening = true // the room has not been placed in the view yet

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), { signal, passive: true })
    this.#list.addEventListener('click', (event) => this.#clicked(event), { signal })
    this.#scroller.addEventListener('keydown', (event) => this.#key(event), { signal })
    this.#list.addEventListener('focusin', ({ target }) => { if (target.matches('.message')) name(target) }, { signal })
    byId('to-newest').addEventListener('click', () => this.toNewest(), { signal })
    const sizes = new ResizeObserver(() => { if (this.#sticks) this.#toEnd() })
    sizes.observe(this.#scroller)
    signal.addEventListener('abort', () => sizes.disconnect())
  }

  // opened takes that another room is on the screen.
  opened() {
    this.#rows.clear()
    this.#sticks = true
    this.#opening = true
    this.found = 0
  }

  // toNewest goes back to the newest messages.
  toNewest() {
    const t = this.#chat.mirror.opened
    this.#sticks = true
    this.found = 0
    if (t) this.#chat.loader.newest(t)
  }

  // goTo shows a message, loading what stands around it.
  async goTo(id) {
    const t = this.#chat.mirror.opened
    if (!t || !await this.#chat.loader.around(t, id) || this.#chat.mirror.opened !== t) return
    this.#sticks = false
    this.#opening = false
    t.reading = true
    this.found = id
    this.draw(t)
    const row = this.#rows.node(`m${id}`)
    row?.scrollIntoView({ block: 'center' })
    row?.focus({ preventScroll: true })
    this.#chat.refresh()
  }

  draw(t) {
    if (!t) return this.#rows.clear()
    const anchor = this.#sticks ? null : this.#anchor()
    t.reading = !this.#sticks
    this.#rows.draw(rowsOf(t, this.#chat.self, this.found))
    setText(byId('beginning'), beginning(t, this.#chat.client.state.online))
    if (this.#opening && (t.items.length > 0 || t.start)) this.#place()
    else if (anchor) this.#keepInPlace(anchor)
    if (this.#sticks) this.#toEnd()
    this.#settle(t)
  }

  // place begins at the new messages where they don't fit the screen, else at the newest.
  #place() {
    this.#opening = false
    this.#toEnd()
    const line = byId('new-line')
    if (!line || line.getBoundingClientRect().top >= this.#scroller.getBoundingClientRect().top) return
    this.#sticks = false
    line.scrollIntoView({ block: 'start' })
  }

  // settle takes where the view is now, and asks for what is missing near it.
  #settle(t) {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const below = scrollHeight - scrollTop - clientHeight
    this.#sticks = this.#sticks || below <= AT_END && !t.behind
    this.isAtNewest = this.#sticks && !t.behind && !this.#opening
    t.reading = !this.#sticks
    const { online } = this.#chat.client.state
    if (online && t.items.length > 0 && scrollTop < NEAR) this.#chat.loader.older(t)
    if (online && t.behind && !this.#sticks && below < NEAR) this.#chat.loader.newer(t)
    byId('to-newest').hidden = this.#sticks
    const { count } = t.unread
    setText(byId('to-newest-text'), count > 0 ? `${count} new` : 'To the newest')
  }

  #scrolled() {
    const t = this.#chat.mirror.opened
    if (!t || this.#opening) return
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const was = this.#sticks
    this.#sticks = scrollHeight - scrollTop - clientHeight <= AT_END && !t.behind
    this.#settle(t)
    if (was !== this.#sticks) this.#chat.refresh()
  }

  #toEnd() { this.#scroller.scrollTop = this.#scroller.scrollHeight }

  // anchor is the first message in view, and where it ends: its head may come or go with what stands above it.
  #anchor() {
    const { top } = this.#scroller.getBoundingClientRect()
    const rows = this.#list.children
    let [low, high] = [0, rows.length - 1]
    while (low < high) {
      const middle = (low + high) >> 1
      if (rows[middle].getBoundingClientRect().bottom > top) high = middle
      else low = middle + 1
    }
    while (low < rows.length - 1 && !rows[low].matches('.message')) low++
    return rows[low] ? { key: rows[low].dataset.key, bottom: rows[low].getBoundingClientRect().bottom } : null
  }

  #keepInPlace({ key, bottom }) {
    const row = this.#rows.node(key)
    if (row) this.#scroller.scrollTop += row.getBoundingClientRect().bottom - bottom
  }

  #clicked({ target }) {
    const row = target.closest('li')
    if (!row) return
    if (target.closest('.more')) return openMessageMenu(this.#chat, Number(row.dataset.id), target.closest('.more'))
    const act = target.closest('[data-act]')?.dataset.act
    if (act) this.#chat.composer.settle(act, row.dataset.post)
  }

  // Arrows go from message to message, Enter opens a message's menu.
  #key(event) {
    const rows = [...this.#list.querySelectorAll('.message')]
    const at = rows.indexOf(document.activeElement)
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    if (step && !event.altKey && !event.ctrlKey && rows.length > 0) {
      event.preventDefault()
      const next = at < 0 ? rows.length - 1 : Math.min(Math.max(at + step, 0), rows.length - 1)
      rows[next].focus()
    } else if (event.key === 'Enter' && at >= 0) {
      event.preventDefault()
      const more = rows[at].querySelector('.more')
      if (more) openMessageMenu(this.#chat, Number(rows[at].dataset.id), more)
    } else if (event.key === 'End' && !event.ctrlKey) {
      event.preventDefault()
      this.toNewest()
    }
  }
}

// name gives a row that has the focus what it says for a name: the entry of a list has none of its own.
function name(row) {
  const parts = [...row.children].filter((part) => !part.matches('.tile, button, .acts'))
  row.setAttribute('aria-label', parts.map((part) => part.textContent).join(' '))
}

// beginning is what stands above the oldest message.
function beginning(t, isOnline) {
  if (t.start) {
    if (t.isConversation) return `This is the beginning of your conversation with ${printable(t.name.slice(1))}.`
    return `This is the beginning of ${printable(t.name)}.`
  }
  return isOnline ? 'Loading…' : 'What is older can be read once there is a connection.'
}
