// Foreign text made fit for the screen: escaped, with links that can be followed and names that are marked.
import { printable } from '../wire.js'
import { h } from './dom.js'

// A link ends before spaces, quotes, brackets of its own and characters that show nothing.
const LINK = /https?:\/\/[^\s<>"\p{Cf}]+/giu

// trimmed leaves the punctuation behind a link to the sentence around it; a bracket that the link itself opens stays.
function trimmed(link) {
  for (;;) {
    const last = link.at(-1)
    if (/[.,;:!?'’”»*_]/u.test(last)) link = link.slice(0, -1)
    else if (last === ')' && !link.includes('(') || last === ']' && !link.includes('[') || last === '}') link = link.slice(0, -1)
    else return link
  }
}

// isSafe tells whether a link leads to a web page, and shows where: without a name and password before the host.
function isSafe(link) {
  try {
    const { protocol, hostname, username, password } = new URL(link)
    return (protocol === 'https:' || protocol === 'http:') && hostname !== '' && !username && !password
  } catch {
    return false
  }
}

// render is a message's text as nodes. mention finds the account's name, or is null.
export function render(text, mention) {
  const shown = printable(text)
  const nodes = []
  let from = 0
  for (const match of shown.matchAll(LINK)) {
    const link = trimmed(match[0])
    if (!isSafe(link)) continue
    nodes.push(...marked(shown.slice(from, match.index), mention))
    nodes.push(h('a', { href: link, target: '_blank', rel: 'noopener noreferrer' }, link))
    from = match.index + link.length
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
