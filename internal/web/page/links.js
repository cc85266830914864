// Which parts of a text are links, and whether they lead where they seem to. No DOM.

// A link ends before spaces, quotes, brackets of its own and characters that show nothing.
const LINK = /https?:\/\/[^\s<>"\p{Cf}]+/giu

// linksIn are the links of a text that may be followed: { at, link, host }. host is the real host's name where it reads otherwise than what
// was typed, else ''. Where the two differ by more than letters and digits do (a slash or full stop that is none, an escape, a name before
// an @), there is no link.
export function linksIn(text) {
  const found = []
  for (const { 0: match, index } of text.matchAll(LINK)) {
    const link = trimmed(match)
    const host = hostBeside(link)
    if (host !== null) found.push({ at: index, link, host })
  }
  return found
}

// trimmed leaves the punctuation behind a link to the sentence around it; a bracket that the link itself opens stays. It looks at each
// character once: somebody else chose how many there are.
function trimmed(link) {
  let end = link.length
  const more = { ')': surplus(link, '(', ')'), ']': surplus(link, '[', ']'), '}': Infinity } // closed without having been opened
  for (; end > 0; end--) {
    const last = link[end - 1]
    if (more[last] > 0) more[last]--
    else if (!/[.,;:!?'’”»*_]/u.test(last)) break
  }
  return link.slice(0, end)
}

function surplus(text, opening, closing) {
  let count = 0
  for (const c of text) count += (c === closing) - (c === opening)
  return count
}

// hostBeside is what must stand beside a link, or null where it is better not followed.
function hostBeside(link) {
  if (!URL.canParse(link)) return null
  const { protocol, hostname, username, password } = new URL(link)
  const [, typed] = /^https?:\/\/([^/?#]*?)(?::\d*)?(?=[/?#]|$)/i.exec(link) ?? []
  if (!/^https?:$/.test(protocol) || !typed || username || password) return null
  if (typed.toLowerCase() === hostname) return ''
  return /^[\p{L}\p{M}\p{N}.-]+$/u.test(typed) ? hostname : null
}
