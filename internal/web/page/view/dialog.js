// The dialog: asks for a few fields, for a yes, or shows something. One at a time.
import { byId, h, setText } from './dom.js'
import { closeMenu } from './menu.js'

const dialog = byId('dialog')

// show opens the dialog with content, and resolves when it is closed.
export function show(title, ...content) {
  closeMenu()
  if (dialog.open) dialog.close()
  dialog.replaceChildren(h('h2', { id: 'dialog-title' }, title), ...content)
  dialog.showModal()
  return new Promise((resolve) => {
    const closed = () => {
      if (dialog.open) return // word of an earlier one, which comes late
      dialog.removeEventListener('close', closed)
      dialog.replaceChildren() // there may be a password in it
      resolve()
    }
    dialog.addEventListener('close', closed)
  })
}

export function closeAsk() { dialog.close() }

// ask asks for fields { name, label, value, type, hint }, and extra content below them. check says in a sentence what is wrong with their
// values, '' for nothing; use takes them, and closes the dialog by closeAsk when it is satisfied.
export function ask({ title, text = '', fields, extra = [], go, check, use }) {
  const wrong = h('p', { class: 'wrong', role: 'alert', hidden: true })
  const inputs = fields.map(({ name, label, value = '', type = 'text', hint = '' }) => {
    const input = h('input', { id: `ask-${name}`, name, type, autocomplete: type === 'password' ? 'new-password' : 'off', autocapitalize: 'none' })
    input.value = value
    const line = type === 'checkbox'
      ? [h('label', { class: 'check' }, input, h('span', {}, label))]
      : [h('label', { for: `ask-${name}` }, label), input]
    return { name, type, input, line: hint ? [...line, h('p', { class: 'hint' }, hint)] : line }
  })
  const form = h('form', {
    novalidate: true,
    onsubmit: async (event) => {
      event.preventDefault()
      const values = Object.fromEntries(inputs.map(({ name, type, input }) => [name, type === 'checkbox' ? input.checked : input.value]))
      const what = check(values)
      wrong.hidden = what === ''
      setText(wrong, what)
      if (!what) await use(values)
    },
  }, ...(text ? [h('p', {}, text)] : []), ...inputs.flatMap(({ line }) => line), wrong, buttons(go), ...extra)
  return show(title, form)
}

function buttons(go, isGrave = false) {
  return h('p', { class: 'buttons' },
    h('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
    h('button', { class: isGrave ? 'primary grave' : 'primary' }, go))
}

// confirm resolves to whether the person says yes. The text has the focus: an Enter that was meant for something else answers nothing.
export async function confirm(title, text, go) {
  let yes = false
  const form = h('form', { onsubmit: (event) => { event.preventDefault(); yes = true; dialog.close() } }, h('p', { tabindex: '-1', autofocus: true }, text), buttons(go, true))
  await show(title, form)
  return yes
}

const KEYS = [
  ['Enter', 'send'], ['Shift Enter', 'a second line; each line is a message of its own'], ['Alt ↑ ↓', 'another room'],
  ['Alt A', 'the next room with something unread'], ['Ctrl K', 'go to a room or person'], ['Ctrl F', 'search in the room'],
  ['↑ ↓ in the messages', 'from message to message; Enter for its menu'], ['Esc', 'close, or go back to the newest'],
]

// showKeys tells the keys.
export function showKeys() {
  return show('Keys', h('dl', { class: 'keys' }, ...KEYS.flatMap(([keys, what]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, what)])),
    h('p', { class: 'buttons' }, h('button', { class: 'primary', onclick: () => dialog.close() }, 'Close')))
}

dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })
