// What the views build the document with. Text comes in by textContent alone, never as markup.

export const byId = (id) => document.getElementById(id)

// isComposing tells whether a key belongs to an input method: Safari ends a composition before it tells of the key that ends it, which
// then has the code of such keys (UI Events, 229).
export const isComposing = (event) => event.isComposing || event.keyCode === 229

// h is an element. Of props: class, on… are listeners, true and false set or omit an attribute; children are nodes or text.
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (value === true) element.setAttribute(name, '')
    else if (value !== false && value !== undefined) element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}

const ICONS = {
  search: 'M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13zM15.5 15.5 20 20',
  plus: 'M12 5v14M5 12h14',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  back: 'M15 5l-7 7 7 7',
  people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20c.4-3.6 3-5.5 6.5-5.500s6.1 1.9 6.5 5.500M16 4.300a3.5 3.5 0 0 1 0 6.400M18 14.800c2 .7 3.2 2.5 3.5 5.2',
  down: 'M12 5v14M6 13l6 6 6-6',
  send: 'M4.5 12h8M4 4.5 20.5 12 4 19.5 6 12z',
  close: 'M6 6l12 12M18 6 6 18',
  bell: 'M6 16V11a6 6 0 1 1 12 0v5l1.5 2h-15zM10 20.500a2 2 0 0 0 4 0',
  lock: 'M7 11V8a5 5 0 0 1 10 0v3M5.5 11h13v9h-13z',
}

// icon is a drawing that says nothing by itself.
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  svg.classList.add('drawing', `drawing-${name}`)
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  path.setAttribute('d', ICONS[name])
  svg.append(path)
  return svg
}

// drawIcons puts the drawings where the page's own markup wants them.
export function drawIcons() {
  for (const place of document.querySelectorAll('[data-icon]')) place.prepend(icon(place.dataset.icon))
}

// setText changes an element's text only where it is another, so that nobody is read the same twice.
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text
}

export const HUES = 12 // as many as style.css has

// hueOf is the colour class of a name: the same everywhere and for ever.
export function hueOf(name) {
  let hash = 7
  for (const c of name) hash = Math.imul(hash, 31) + c.codePointAt(0)
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b) // names that differ a little get colours that differ
  return `hue-${((hash ^ hash >>> 13) >>> 0) % HUES}`
}

// tile is a name's first letter on its colour.
export function tile(name) {
  return h('span', { class: `tile ${hueOf(name)}`, 'aria-hidden': 'true' }, name.replace(/^[~@]/, '').charAt(0).toUpperCase())
}
