// One connection: lines go out, every line's reply comes back in the order of the lines, events come between. It ends once, and is
// then over. Callbacks run while the line that causes them is taken, so that what follows on the wire follows here too.
import { Misbehavior, Refused, compose, parse, parseEvent, parseID, MAX_LIMIT } from './wire.js'

// Lost is the end of a connection: what was asked has no reply.
export class Lost extends Error {}

// Bye is the server's word before it closes.
export class Bye extends Lost {
  constructor(code, text) {
    super(text)
    this.code = code
  }
}

const REPLY_TIMEOUT = 30_000
const QUIET = 45_000 // without a reply: PING
const LATE = 5_000 // a timer that is later was held up here (a sleeping machine): the server gets another chance
const CONNECT_TIMEOUT = 15_000
const MAX_PENDING = 512 // requests that wait

// What is answered by events and their count.
const COUNTED = new Set(['HISTORY', 'FIND'])
const ANSWERS = new Set(['MSG', 'GONE']) // the events

// open makes a session over a WebSocket. onEvent takes events, onEnd why it ended, once.
export function open(url, { onEvent, onEnd, WebSocket = globalThis.WebSocket }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url)
    const refuse = () => {
      clearTimeout(timer)
      socket.onopen = socket.onclose = socket.onerror = null
      socket.close()
      reject(new Lost('the server can’t be reached'))
    }
    const timer = setTimeout(refuse, CONNECT_TIMEOUT)
    socket.onerror = socket.onclose = refuse
    socket.onopen = () => {
      clearTimeout(timer)
      resolve(new Session(socket, { onEvent, onEnd }))
    }
  })
}

export class Session {
  ended = null // why, once it has

  #socket
  #onEvent
  #onEnd
  #pending = [] // requests without a reply, in order
  #held = [] // events that may be the answer to the oldest request
  #timer = 0
  #due = 0 // when the timer is to fire
  #bye = null

  // The socket is open.
  constructor(socket, { onEvent, onEnd }) {
    this.#socket = socket
    this.#onEvent = onEvent
    this.#onEnd = onEnd
    socket.onmessage = ({ data }) => this.#take(data)
    socket.onclose = socket.onerror = () => this.end(new Lost('the connection was lost'))
    this.#restartPatience()
  }

  // start sends a line. done takes its reply, { fields of data, events }, or its error: a Refused, or why the session ended.
  start(done, command, ...fields) {
    if (this.ended) return done(null, this.ended)
    if (this.#pending.length >= MAX_PENDING) return done(null, new Refused('busy', '1 second to wait: too much is being asked'))
    this.#pending.push({ done, counted: COUNTED.has(command) })
    if (this.#pending.length === 1) this.#restartPatience()
    this.#socket.send(compose(command, fields))
  }

  // ask is start as a promise, for where the order against events does not matter.
  ask(command, ...fields) {
    return new Promise((resolve, reject) => {
      this.start((reply, error) => (error ? reject(error) : resolve(reply)), command, ...fields)
    })
  }

  // probe asks for a sign of life within so many milliseconds: the machine slept, or another network came.
  probe(timeout) {
    if (this.ended) return
    if (this.#pending.length === 0) this.start(() => {}, 'PING', '')
    this.#arm(timeout)
  }

  // end closes the connection.
  end(why) {
    if (this.ended) return
    this.ended = this.#bye ?? why
    clearTimeout(this.#timer)
    const socket = this.#socket
    socket.onmessage = socket.onclose = socket.onerror = null
    socket.close()
    this.#held = this.#held.filter((event) => event && !ANSWERS.has(event.command)) // half an answer is no news
    this.#release(this.#held.length)
    for (const { done } of this.#pending.splice(0)) done(null, this.ended)
    this.#onEnd(this.ended)
  }

  #take(data) {
    try {
      if (typeof data !== 'string') throw new Misbehavior('the server sent bytes instead of lines')
      for (const line of data.split('\n')) {
        if (line !== '' && !this.ended) this.#takeLine(parse(line.endsWith('\r') ? line.slice(0, -1) : line))
      }
    } catch (error) {
      // Where the page itself failed, what stood behind is lost, and replies would be taken for those of other lines: that ends it too.
      this.end(error instanceof Misbehavior ? error : new Lost('this page has made a mistake'))
      if (this.ended !== error) throw error
    }
  }

  #takeLine(line) {
    if (line.command === 'OK' || line.command === 'ERROR') return this.#reply(line)
    const event = parseEvent(line)
    if (event?.command === 'BYE') {
      this.#bye = new Bye(event.code, event.text)
      return
    }
    if (!this.#pending[0]?.counted) {
      if (event) this.#onEvent(event)
      return
    }
    this.#held.push(event) // those that are not known count all the same
    if (this.#held.length > MAX_LIMIT) this.#release(1)
  }

  // release tells the oldest held events as what they are then: no part of an answer.
  #release(count) {
    for (const event of this.#held.splice(0, count)) {
      if (event) this.#onEvent(event)
    }
  }

  #reply({ command, data }) {
    const request = this.#pending.shift()
    if (!request) throw new Misbehavior('the server replied to nothing')
    const bar = data.indexOf('|')
    let error = null
    if (command === 'ERROR') error = bar < 0 ? new Refused(data, data) : new Refused(data.slice(0, bar), data.slice(bar + 1))
    const count = request.counted && !error ? parseID(data) : 0
    if (count > this.#held.length) throw new Misbehavior('the server counts messages that it did not send')
    this.#release(this.#held.length - count)
    const events = this.#held.splice(0).filter((event) => event)
    this.#restartPatience()
    request.done(error ? null : { data, fields: data === '' ? [] : data.split('|'), events, count }, error)
  }

  // Patience is for the reply to the oldest request, or until the next PING where there is none.
  #restartPatience() {
    this.#arm(this.#pending.length > 0 ? REPLY_TIMEOUT : QUIET)
  }

  #arm(wait) {
    clearTimeout(this.#timer)
    this.#due = Date.now() + wait
    this.#timer = setTimeout(() => this.#spent(), wait)
    this.#timer.unref?.()
  }

  #spent() {
    if (this.#pending.length === 0) return this.start(() => {}, 'PING', '')
    if (Date.now() - this.#due > LATE) return this.#arm(2 * LATE)
    this.end(new Lost('the server has been silent for too long'))
  }
}
