// Keeps one account connected: signs in, resumes by token, says honestly how the connection is, and tries again with growing waits.
import { Bye, Lost, open } from './session.js'
import { Refused, retryAfter } from './wire.js'

const MIN_BACKOFF = 1000
const MAX_BACKOFF = 30_000
const MAX_DENIALS = 6 // of a token that may be denied only because the server has not noticed yet that its session is gone
const SIGN_OF_LIFE = 10_000

// Ended is why no connection is tried any more: the person must sign in anew.
export class Ended extends Error {}

export class Client {
  // How the connection is: online, or since when not, when the next try is (0: now), all in milliseconds of the clock; why, and whether
  // the server has asked to wait so long, so that no hurry counts.
  state = { online: false, since: 0, retryAt: 0, why: '', asked: false }
  session = null // the present one, once signed in

  #url
  #user
  #isGuest
  #keeper
  #handlers
  #leaving = false
  #left = '' // the token of who has left, until the server has ended it
  #running = null // resolves when no connection is tried any more
  #backoff = 0
  #denials = 0
  #hurry = () => {}

  // user is the account's or guest's name, keeper keeps its token (null for a guest). handlers: onEvent(event), onLost(), onReady(session)
  // which brings things up to date and resolves when they are, onState(), onEnded(why).
  constructor({ url, user, isGuest, keeper, handlers }) {
    this.#url = url
    this.#user = user
    this.#isGuest = isGuest
    this.#keeper = keeper
    this.#handlers = handlers
  }

  // signIn makes one try by password, or as a guest without one. It resolves to whether the account is an invited one, which must call
  // accept before all else. Errors: a Refused, or Lost.
  async signIn(password) {
    const { ending, session } = await this.#connect()
    const fields = this.#isGuest ? [this.#user] : [this.#user, password]
    const reply = await this.#hello(session, fields)
    const [, token, room] = reply.fields
    if (!token && !room) {
      this.session = session
      return true
    }
    if (token) await this.#keeper.turn((old, doubtful, keep) => keep(token))
    this.#running = this.#run(session, ending)
    return false
  }

  // accept gives an invited account its own password, and signs in with it.
  async accept(password) {
    await this.session.ask('PASSWD', password)
    this.session.end(new Lost('signing in anew'))
    return this.signIn(password)
  }

  // renew keeps a token that a new password gives: the one that tabs share may have been another session's, and ended with the old one.
  // Errors: a Refused, or Lost.
  async renew(password) {
    const session = await open(this.#url, { onEvent() {}, onEnd() {} })
    const { fields: [, token] } = await this.#hello(session, [this.#user, password])
    await this.#keeper.turn((old, doubtful, keep) => keep(token))
    session.end(new Lost('only its token is wanted'))
  }

  // resume signs in by the kept token, now and for as long as it takes.
  resume() {
    this.state = { online: false, since: 0, retryAt: 0, why: '', asked: false }
    this.#running = this.#run(null, null)
  }

  // tryNow cuts short the wait for the next try.
  tryNow() { this.#hurry() }

  // probe asks for a sign of life, or tries at once: the page was woken, or the network came back.
  probe() {
    if (this.state.online) this.session.probe(SIGN_OF_LIFE)
    else this.tryNow()
  }

  // leave signs out: the session and its token end. It resolves to null once the server has said so. Where it can't be told now, it
  // resolves to a promise of that: as long as the page lives the token is tried again, to end it, and is kept nowhere else.
  async leave() {
    this.#leaving = true
    this.#left = this.#keeper?.leave() ?? ''
    const { session } = this
    if (session && !session.ended) {
      const exited = session.ask('EXIT', '').then(() => { this.#left = '' }, () => {})
      await Promise.race([exited, sleep(2000)])
      session.end(new Lost('signed out'))
    }
    this.#hurry()
    return this.#left ? { told: this.#revoke() } : null
  }

  // revoke ends the token that is left: it is used, and its session ended. It resolves to whether that is known to be done; a token that
  // is denied again and again is no more.
  async #revoke() {
    await this.#running // a try that is on its way has used it up
    for (let backoff = MIN_BACKOFF, denials = 0; this.#left; backoff = Math.min(2 * backoff, MAX_BACKOFF)) {
      let session = null
      let error
      try {
        session = await open(this.#url, { onEvent() {}, onEnd() {} })
        const reply = await session.ask('HELLO', this.#user, this.#left)
        this.#left = reply.fields[1]
        await session.ask('EXIT', '')
        this.#left = ''
        return true
      } catch (why) {
        error = why
        session?.end(error)
      }
      const wait = retryAfter(error) * 1000
      if (error instanceof Refused && wait === 0 && (error.code !== 'denied' || ++denials > MAX_DENIALS)) return error.code === 'denied'
      await sleep(Math.max(wait, backoff / 2 + Math.random() * backoff / 2))
    }
    return true
  }

  async #connect() {
    let end
    const ending = new Promise((resolve) => { end = resolve })
    const session = await open(this.#url, { onEvent: (event) => this.#handlers.onEvent(event), onEnd: (why) => end(why) })
    return { session, ending }
  }

  async #hello(session, fields) {
    try {
      return await session.ask('HELLO', ...fields)
    } catch (error) {
      session.end(error)
      throw error
    }
  }

  // run serves one session after the other until the person leaves or the server does not let them in again.
  async #run(session, ending) {
    while (!this.#leaving) {
      try {
        if (!session) ({ session, ending } = await this.#again())
      } catch (error) {
        if (error instanceof Ended) return this.#handlers.onEnded(error.message)
        if (!this.#leaving) await this.#wait(error)
        continue
      }
      const why = await this.#serve(session, ending)
      session = null
      if (this.#leaving) return
      this.#handlers.onLost()
      if (why instanceof Bye && why.code === 'ejected') {
        if (!this.#keeper?.stays) this.#keeper?.forget() // where tabs share it, another may have a newer one that is good
        return this.#handlers.onEnded(`You were signed out: ${why.message}.`)
      }
      await this.#wait(why)
    }
  }

  // serve brings a session up to date and resolves to why it ended.
  async #serve(session, ending) {
    this.session = session
    const began = Date.now()
    this.#denials = 0
    try {
      // A line straight after HELLO tells the server that its reply, with the next token in it, has arrived.
      await session.ask('PING', '')
      await this.#handlers.onReady(session)
      if (!session.ended) this.#setState({ online: true, since: Date.now(), retryAt: 0, why: '', asked: false })
    } catch (error) {
      session.end(error)
    }
    const why = await ending
    if (Date.now() - began > this.#backoff) this.#backoff = 0
    return why
  }

  // again makes one try to sign in as before.
  async #again() {
    const connected = await this.#connect()
    try {
      if (this.#isGuest) await this.#hello(connected.session, [this.#user])
      else await this.#keeper.turn((...kept) => this.#useToken(connected.session, ...kept))
      if (!this.#leaving) return connected
      this.#left = this.#keeper?.leave() || this.#left // signed out meanwhile: the new token ends too
      await connected.session.ask('EXIT', '')
      this.#left = ''
      throw new Ended('signed out')
    } catch (error) {
      connected.session.end(error)
      const mayPass = error.code === 'denied' && (this.#isGuest || error.doubtful) && ++this.#denials <= MAX_DENIALS
      if (!(error instanceof Refused) || retryAfter(error) > 0 || mayPass) throw error
      this.#keeper?.forget(error.token)
      throw new Ended(error.code === 'denied' ? 'Your session has ended. Please sign in again.' : sentence(error.message))
    }
  }

  async #useToken(session, token, doubtful, keep) {
    if (!token) throw new Ended('Your session has ended. Please sign in again.')
    try {
      const reply = await session.ask('HELLO', this.#user, token)
      keep(reply.fields[1])
    } catch (error) {
      if (retryAfter(error) > 0) keep(token)
      Object.assign(error, { token, doubtful })
      throw error
    }
  }

  // wait spaces the tries: the first within a second, then doubling, each jittered so that the pages of a restarted server do not come
  // back as one. It waits at least as long as the server asks for, and then no hurry counts.
  async #wait(why) {
    const told = retryAfter(why) * 1000
    const step = Math.max(this.#backoff, MIN_BACKOFF)
    this.#backoff = Math.min(2 * step, MAX_BACKOFF)
    const wait = Math.max(told, step / 2 + Math.random() * step / 2)
    const since = this.state.online || !this.state.since ? Date.now() : this.state.since
    this.#setState({ online: false, since, retryAt: Date.now() + wait, why: why.message, asked: told > 0 })
    const hurried = new Promise((resolve) => { this.#hurry = told && !this.#leaving ? () => this.#leaving && resolve() : resolve })
    await Promise.race([sleep(wait), hurried])
    this.#hurry = () => {}
    if (!this.#leaving) this.#setState({ ...this.state, retryAt: 0 })
  }

  #setState(state) {
    this.state = state
    this.#handlers.onState()
  }
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

// sentence makes a server's explanation one.
export function sentence(text) {
  const whole = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(whole) ? whole : whole + '.'
}
