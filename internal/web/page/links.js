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

// trimmed leaves the punctuation behind a link to the sentence around it; a bracket that the link itself opens stays.
function trimmed(link) {
  for (;;) {
    const last = link.at(-1)
    if (/[.,;:!?'’”»*_]/u.test(last)) link = link.slice(0, -1)
    else if (last === ')' && count(link, ')') > count(link, '(') || last === ']' && count(link, ']') > count(link, '[') || last === '}') link = link.slice(0, -1)
    else return link
  }
}

const count = (text, c) => text.split(c).length - 1

// hostBeside is what must stand beside a link, or null where it is better not followed.
function hostBeside(link) {
  if (!URL.canParse(link)) return null
  const { protocol, hostname, username, password } = new URL(link)
  const [, typed] = /^https?:\/\/([^/?#]*?)(?::\d*)?(?=[/?#]|$)/i.exec(link) ?? []
  if (!/^https?:$/.test(protocol) || !typed || username || password) return null
  if (typed.toLowerCase() === hostname) return ''
  return /^[\p{L}\p{M}\p{N}.-]+$/u.test(typed) ? hostname : null
}
