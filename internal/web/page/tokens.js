// Where the resume token is kept. Each sign-in uses a token up, so no two may use the same one: a tab has its own in sessionStorage, or,
// where the person stays signed in, all tabs share the account's in localStorage and take turns by a Web Lock.

const TAB = 'parley.tab' // sessionStorage: { id, user, token, tried }
const STAY = 'parley.stay.' // localStorage, by account: { token, tried }
const OUT = 'parley.out.' // localStorage, by account: set for a moment by who signs out
const MOMENT = 1500 // milliseconds
const LAST = 'parley.last' // localStorage: the account that stays signed in

// memory is for a browser that refuses storage: what is kept lives as long as the page.
const memory = new Map()
const instead = { getItem: (key) => memory.get(key) ?? null, setItem: (key, value) => memory.set(key, value), removeItem: (key) => memory.delete(key) }

function storage(kind) {
  try {
    return globalThis[kind] ?? instead
  } catch {
    return instead
  }
}

// read is null where there is nothing, or nothing that this page has written.
function read(kind, key) {
  try {
    return JSON.parse(storage(kind).getItem(key))
  } catch {
    return null
  }
}

function write(kind, key, value) {
  if (value === null) storage(kind).removeItem(key)
  else storage(kind).setItem(key, JSON.stringify(value))
}

let tab = null

// ownTab is what this tab remembers, { id, user, token }. A tab that was duplicated finds its copy owned and begins with nothing.
function ownTab() {
  tab ??= (async () => {
    const kept = read('sessionStorage', TAB)
    if (kept && await hold(TAB + kept.id)) return kept
    const own = { id: crypto.randomUUID() }
    if (kept) storage('sessionStorage').clear()
    await hold(TAB + own.id)
    write('sessionStorage', TAB, own) // also where it never has a token: a copy of it must know that it is one
    return own
  })()
  return tab
}

// hold takes a lock for as long as the page lives; false where another tab has it. A page that was left for this one, by a reload, may
// have it for a moment still.
function hold(name) {
  if (!navigator.locks) return Promise.resolve(true)
  return new Promise((resolve) => {
    const forever = () => {
      resolve(true)
      return new Promise(() => {})
    }
    navigator.locks.request(name, { signal: AbortSignal.timeout(MOMENT) }, forever).catch(() => resolve(false))
  })
}

// find is what this browser remembers: { user, keeper }, or null. A keeper keeps one account's token.
export async function find() {
  const { id, user, token } = await ownTab()
  if (token) return { user, keeper: new TabKeeper(id, user) }
  const last = read('localStorage', LAST)
  return last && read('localStorage', STAY + last)?.token ? { user: last, keeper: new SharedKeeper(last) } : null
}

// keeperFor keeps the token of an account that signs in anew.
export async function keeperFor(user, stays) {
  const { id } = await ownTab()
  return stays ? new SharedKeeper(user) : new TabKeeper(id, user)
}

// A keeper's turn runs use(token, doubtful, keep) while nobody else uses the token. keep(token) stores the next one at once, or the same
// one where the server has not used it up. doubtful: nobody knows how an earlier try with this token ended, so that a denial may be for
// now only.
class TabKeeper {
  stays = false
  #id
  #user

  constructor(id, user) {
    this.#id = id
    this.#user = user
  }

  async turn(use) {
    const { token = '', tried = false } = read('sessionStorage', TAB) ?? {}
    if (token) this.#write(token, true)
    return use(token, tried, (next) => this.#write(next, false))
  }

  forget() { this.#write('', false) }

  // leave is forget for who signs out. It returns the token, '' where there was none.
  leave() {
    const { token = '' } = read('sessionStorage', TAB) ?? {}
    this.forget()
    return token
  }

  onLeft() {} // no other tab knows it

  #write(token, tried) {
    write('sessionStorage', TAB, { id: this.#id, ...(token ? { user: this.#user, token, tried } : {}) })
  }
}

class SharedKeeper {
  stays = true
  #key
  #user

  constructor(user) {
    this.#user = user
    this.#key = STAY + user
  }

  turn(use) {
    const inTurn = () => {
      const { token = '', tried = false } = read('localStorage', this.#key) ?? {}
      if (token) this.#write(token, true)
      return use(token, tried, (next) => this.#write(next, false))
    }
    return navigator.locks ? navigator.locks.request(this.#key, inTurn) : inTurn()
  }

  // forget drops the token; where one is named, only that: another tab may have a newer one by now.
  forget(token) {
    if (token && read('localStorage', this.#key)?.token !== token) return
    this.#write('', false)
    if (read('localStorage', LAST) === this.#user) write('localStorage', LAST, null)
  }

  // leave is forget for an account that signs out, in all its tabs. It returns the token, '' where another tab has done so already.
  leave() {
    const { token = '' } = read('localStorage', this.#key) ?? {}
    this.forget()
    if (!token) return ''
    write('localStorage', OUT + this.#user, Date.now()) // the others hear of it
    write('localStorage', OUT + this.#user, null)
    return token
  }

  // onLeft calls back when another tab signs this account out. A token that is only forgotten, since the server takes it no more, says
  // nothing of a session that lives.
  onLeft(callback, signal) {
    addEventListener('storage', ({ key, newValue }) => {
      if (key === OUT + this.#user && newValue !== null) callback()
    }, { signal })
  }

  #write(token, tried) {
    write('localStorage', this.#key, token ? { token, tried } : null)
    if (token) write('localStorage', LAST, this.#user)
  }
}
