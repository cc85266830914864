// A menu beside the button that opens it: one at a time, by pointer and by keys.
import { byId, h } from './dom.js'

let opener = null

// openMenu shows entries { text, act, isGrave } at a button. act runs when the entry is chosen.
export function openMenu(button, entries) {
  const wasHere = opener === button
  closeMenu()
  if (wasHere || entries.length === 0) return
  opener = button
  button.setAttribute('aria-expanded', 'true')
  const menu = byId('menu')
  menu.replaceChildren(...entries.map(({ text, act, isGrave }) => h('button', {
    role: 'menuitem', tabindex: '-1', class: isGrave ? 'grave' : '', onclick: () => { closeMenu(true); act() },
  }, text)))
  menu.hidden = false
  place(menu, button.getBoundingClientRect())
  menu.firstElementChild.focus()
}

// closeMenu closes what is open; returns gives the focus back.
export function closeMenu(returns = false) {
  if (!opener) return false
  byId('menu').hidden = true
  opener.removeAttribute('aria-expanded')
  if (returns) (opener.isConnected ? opener : byId('text')).focus()
  opener = null
  return true
}

function place(menu, at) {
  const gap = 4
  menu.style.left = menu.style.top = '0' // where it stood before may have left it less room
  const { width, height } = menu.getBoundingClientRect()
  const left = Math.min(Math.max(gap, at.right - width), innerWidth - width - gap)
  const below = Math.max(gap, at.bottom + gap)
  const top = below + height > innerHeight ? Math.max(gap, Math.min(at.top, innerHeight) - gap - height) : below
  menu.style.left = `${left}px`
  menu.style.top = `${top}px`
}

const STEPS = {
  ArrowDown: (at, count) => (at + 1) % count,
  ArrowUp: (at, count) => (at + count - 1) % count,
  Home: () => 0,
  End: (at, count) => count - 1,
}

byId('menu').addEventListener('keydown', (event) => {
  const entries = [...byId('menu').children]
  const step = STEPS[event.key]
  if (step) entries[step(entries.indexOf(document.activeElement), entries.length)].focus()
  else if (event.key === 'Tab') closeMenu(true)
  else return
  event.preventDefault()
})
addEventListener('pointerdown', ({ target }) => {
  if (opener && !byId('menu').contains(target) && !opener.contains(target)) closeMenu()
})
addEventListener('resize', () => closeMenu())
