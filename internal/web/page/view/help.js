// The keys and the /commands, told.
import { closeAsk, show } from './dialog.js'
import { h } from './dom.js'

const KEYS = [
  ['Enter', 'send'], ['Shift Enter', 'a second line; each line is a message of its own'], ['Alt ↑ ↓', 'another room'],
  ['Alt A', 'the next room with something unread'], ['Ctrl K', 'go to a room or person'], ['Ctrl F', 'search in the room'],
  ['↑ ↓ in the messages', 'from message to message; Enter for its menu'], ['Esc', 'close, or go back to the newest'],
]

// showHelp tells the keys and what commands there are. The keys have the focus: the Enter that may have asked for it closes nothing.
export function showHelp(commands) {
  const told = Object.entries(commands).map(([name, { usage, help }]) => [`/${name} ${usage}`.trim(), help])
  return show('Keys and commands', list(KEYS, { tabindex: '-1', autofocus: true }), h('h3', {}, 'Commands, as in the terminal'), list(told),
    h('p', { class: 'hint' }, 'A line that begins with // says what follows the first /.'),
    h('p', { class: 'buttons' }, h('button', { class: 'primary', onclick: closeAsk }, 'Close')))
}

const list = (rows, props = {}) => h('dl', { class: 'keys', ...props }, ...rows.flatMap(([keys, what]) => [h('dt', {}, h('kbd', {}, keys)), h('dd', {}, what)]))
