// The dialog: asks for a few fields, for a yes, or shows something. One at a time.
import { byId, h, setText } from './dom.js'
import { closeMenu } from './menu.js'

const dialog = byId('dialog')

// isOpen tells whether the dialog covers the chat.
export const isOpen = () => dialog.open

// onTurn calls back when the dialog has opened, and when it has closed.
export function onTurn(callback, signal) {
  for (const turn of ['opened', 'close']) dialog.addEventListener(turn, callback, { signal })
}

// show opens the dialog with content, and resolves when it is closed.
export function show(title, ...content) {
  closeMenu()
  if (dialog.open) dialog.close()
  dialog.replaceChildren(h('h2', { id: 'dialog-title' }, title), ...content)
  dialog.showModal()
  dialog.dispatchEvent(new Event('opened'))
  return new Promise((resolve) => {
    const closed = () => {
      if (dialog.open) return // word of an earlier one, which comes late
      dialog.removeEventListener('close', closed)
      dialog.replaceChildren() // there may be a password in it
      if (document.activeElement === document.body) byId('text').focus() // what had the focus is gone
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
    const input = h('input', { id: `ask-${name}`, name, type, autocomplete: type === 'password' ? 'new-password' : 'off', autocapitalize: 'none', 'aria-describedby': hint ? `hint-${name}` : undefined })
    input.value = value
    const line = type === 'checkbox'
      ? [h('label', { class: 'check' }, input, h('span', {}, label))]
      : [h('label', { for: `ask-${name}` }, label), input]
    return { name, type, input, line: hint ? [...line, h('p', { class: 'hint', id: `hint-${name}` }, hint)] : line }
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

dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close() })
