// A WebSocket whose other end is the test.
export class FakeSocket {
  sent = []
  isClosed = false

  send(line) { this.sent.push(line) }

  close() { this.isClosed = true }

  // say is what the server sends.
  say(...lines) { this.onmessage({ data: lines.join('\n') }) }

  // drop ends the connection.
  drop() { this.onclose?.({}) }
}

export const message = (id, user = 'bob', room = 'lobby', text = `text ${id}`) => ({
  command: 'MSG', id, time: 1_700_000_000_000 + id * 1000, room, user, text,
})

// line is an event as the server sends it.
export const line = ({ id, time, room, user, text }) => `MSG|${id}|${new Date(time).toISOString()}|${room}|${user}|${text}`

// settle lets what waits for promises go on.
export const settle = async () => { for (let i = 0; i < 20; i++) await null }

// storage is what sessionStorage keeps.
export const storage = new Map()
const kept = {
  getItem: (key) => storage.get(key) ?? null,
  setItem: (key, value) => storage.set(key, value),
  removeItem: (key) => storage.delete(key),
}
globalThis.sessionStorage = kept

// keepsNothing runs what happens where the browser refuses to keep anything.
export function keepsNothing(act) {
  const refuse = () => { throw new Error('refused') }
  globalThis.sessionStorage = { getItem: refuse, setItem: refuse, removeItem: refuse }
  try {
    act()
  } finally {
    globalThis.sessionStorage = kept
  }
}
