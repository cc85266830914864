// Foreign text made fit for the screen: escaped, with links that can be followed, names that are marked, and what stands between backticks
// as code. It is the same text all the same: nothing is left out, and all that is added is the real host of a link that hides it.
import { linksIn } from '../links.js'
import { printable } from '../wire.js'
import { h } from './dom.js'

const CODE = /`[^`]+`/g

// render is a message's text as nodes. mention finds the account's name, or is null.
export function render(text, mention) {
  const shown = printable(text)
  const nodes = []
  let from = 0
  for (const { 0: code, index } of shown.matchAll(CODE)) {
    nodes.push(...linked(shown.slice(from, index), mention), h('code', {}, code))
    from = index + code.length
  }
  nodes.push(...linked(shown.slice(from), mention))
  return nodes
}

function linked(text, mention) {
  const nodes = []
  let from = 0
  for (const { at, link, host } of linksIn(text)) {
    nodes.push(...marked(text.slice(from, at), mention))
    nodes.push(h('a', { href: link, target: '_blank', rel: 'noopener noreferrer', referrerpolicy: 'no-referrer' }, link))
    if (host) nodes.push(h('span', { class: 'real-host' }, ` (${host})`))
    from = at + link.length
  }
  nodes.push(...marked(text.slice(from), mention))
  return nodes
}

function marked(text, mention) {
  if (!mention || text === '') return text === '' ? [] : [text]
  const nodes = []
  let from = 0
  mention.lastIndex = 0
  for (const match of text.matchAll(mention)) {
    nodes.push(text.slice(from, match.index), h('mark', {}, match[0]))
    from = match.index + match[0].length
  }
  nodes.push(text.slice(from))
  return nodes
}
