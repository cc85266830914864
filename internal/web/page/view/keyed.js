// A list on the screen whose entries are told apart by a key, so that only what has changed is touched: what is being clicked, selected or
// read out stays the same element.

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
