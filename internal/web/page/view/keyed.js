// A list on the screen whose entries are told apart by a key, so that only what has changed is touched: what is being clicked, selected or
// read out stays the same element.
import { byId } from './dom.js'

const TAKES_FOCUS = '[tabindex], a, button'

export class Keyed {
  #list
  #drawn = new Map() // { node, sign }, by key

  constructor(list) {
    this.#list = list
    list.replaceChildren()
  }

  clear() {
    this.#list.replaceChildren()
    this.#drawn.clear()
  }

  // node is the entry of a key, undefined where there is none.
  node(key) { return this.#drawn.get(key)?.node }

  // draw makes the list's entries these, { key, sign, make, update }. Where the sign is another than before, update(node) changes the
  // entry; without it, it is made anew.
  draw(rows) {
    const had = document.activeElement
    const at = [...this.#list.children].findIndex((node) => node.contains(had))
    const key = this.#list.children[at]?.dataset.key
    this.#draw(rows)
    if (at >= 0 && document.activeElement !== had) this.#refocus(had, key, at)
  }

  // refocus gives the focus back to what was moved, or to what has come into the place of what is gone.
  #refocus(had, key, at) {
    const entries = [...this.#list.children]
    const heirs = [this.node(key), ...entries.slice(0, at + 1).reverse(), ...entries]
    const takers = heirs.map((node) => (node?.matches(TAKES_FOCUS) ? node : node?.querySelector(TAKES_FOCUS)))
    const taker = had.isConnected ? had : takers.find((node) => node) ?? byId('text')
    taker.focus({ preventScroll: true })
  }

  #draw(rows) {
    const keys = new Set(rows.map((row) => row.key))
    for (const [key, { node }] of this.#drawn) {
      if (keys.has(key)) continue
      node.remove()
      this.#drawn.delete(key)
    }
    let next = this.#list.firstElementChild
    for (const row of rows) {
      const node = this.#entry(row, (old) => { if (old === next) next = old.nextElementSibling })
      if (node === next) next = next.nextElementSibling
      else this.#list.insertBefore(node, next)
    }
  }

  #entry({ key, sign, make, update }, replacing) {
    const old = this.#drawn.get(key)
    if (old?.sign === sign) return old.node
    let node = old?.node
    if (!node || !update) {
      node = make()
      node.dataset.key = key
      if (old) {
        replacing(old.node)
        old.node.remove()
      }
    }
    update?.(node)
    this.#drawn.set(key, { node, sign })
    return node
  }
}
