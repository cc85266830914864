// Foreign text made fit for the screen: escaped, with links that can be followed and names that are marked.
import { linksIn } from '../links.js'
import { printable } from '../wire.js'
import { h } from './dom.js'

// render is a message's text as nodes. mention finds the account's name, or is null.
export function render(text, mention) {
  const shown = printable(text)
  const nodes = []
  let from = 0
  for (const { at, link, host } of linksIn(shown)) {
    nodes.push(...marked(shown.slice(from, at), mention))
    nodes.push(h('a', { href: link, target: '_blank', rel: 'noopener noreferrer', referrerpolicy: 'no-referrer' }, link))
    if (host) nodes.push(h('span', { class: 'real-host' }, ` (${host})`))
    from = at + link.length
  }
  nodes.push(...marked(shown.slice(from), mention))
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
