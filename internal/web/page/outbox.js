// Texts on their way. Each is said once, whatever happens to the connection and to this page: it is sent again with its key until the
// server acknowledges it, and what waits is kept in sessionStorage. They go out in order, one at a time. What was sent and has no answer
// when the server may have forgotten its key is the person's concern: sent again it might be said twice.
import { newKey, retryAfter, wrongText } from './wire.js'

export const MAX_POSTS = 256
const MAX_FAILED = 50
const MAX_FAULTS = 5 // times the server may answer internal
const RATE = 10 // messages a second
const BURST = 40
const KEPT = 'parley.posts'
const HOUR = 3_600_000
const KEY_HOLDS = 22 * HOUR // the server knows a key for 24 hours; clocks may be an hour apart either way

export class Outbox {
  #mirror
  #onChange
  #posts = [] // { target, text, key, tried, at, faults }, in order; at is when it was sent first; the first is on its way
  #failed = [] // { post, why }: what was not said, until the person has done with it
  #wake = () => {}
  #tokens = BURST // of the rate
  #at = 0 // when there were so many

  constructor(mirror, onChange) {
    this.#mirror = mirror
    this.#onChange = onChange
    this.#restore()
  }

  get size() { return this.#posts.length }

  // post queues a text, or says in a sentence why not.
  post(target, text) {
    const wrong = wrongText(text) || (this.#posts.length >= MAX_POSTS ? 'Too much waits to be said already.' : '')
    if (wrong) return wrong
    const post = { target, text, key: newKey(), tried: false, at: 0, faults: 0 }
    this.#posts.push(post)
    this.#mirror.posted(post)
    this.#changed()
    this.#wake()
    return ''
  }

  // withdraw takes a text back that was not sent yet; false where it may have been.
  withdraw(post) {
    const at = this.#posts.indexOf(post)
    if (at < 0 || post.tried) return false
    this.#posts.splice(at, 1)
    const t = this.#mirror.room(post.target)
    if (t) t.pending = t.pending.filter((other) => other !== post)
    this.#changed()
    return true
  }

  // redeliver settles what an earlier session had sent, before history shows it.
  async redeliver(session) {
    const post = this.#posts[0]
    if (!post?.tried) return
    if (this.#mirror.isGuest) { // whose keys hold for one connection
      this.#settle(post, 0, 'The connection was lost before the server answered; it may have been said.')
    } else {
      await this.#deliver(session, post)
    }
  }

  // serve sends what is posted, until the session ends.
  async serve(session) {
    while (!session.ended) {
      if (this.#posts.length > 0) await this.#deliver(session, this.#posts[0])
      else await new Promise((resolve) => { this.#wake = resolve })
    }
  }

  // stop ends serve, after the session has ended.
  stop() { this.#wake() }

  // dismiss forgets a text that was not said: the person has done with it.
  dismiss(post) {
    this.#failed = this.#failed.filter((other) => other.post.key !== post.key)
    this.#save()
  }

  // clear forgets all and returns what waited: the person signs out.
  clear() {
    const posts = this.#posts
    this.#posts = []
    this.#failed = []
    this.#save()
    return posts
  }

  async #deliver(session, post) {
    while (!session.ended && this.#posts[0] === post) {
      await this.#turn()
      if (session.ended || this.#posts[0] !== post) return
      if (!post.tried) {
        Object.assign(post, { tried: true, at: Date.now() })
        this.#save()
      } else if (this.#isTooOld(post)) {
        return
      }
      const wait = await this.#say(session, post)
      if (wait > 0) await sleep(wait * 1000)
    }
  }

  // say sends a post once. It resolves to the seconds to wait before it is tried again, 0 where it is settled or the session has ended.
  #say(session, post) {
    return new Promise((resolve) => {
      session.start((reply, error) => {
        if (session.ended) return resolve(0)
        if (error?.code === 'internal') post.faults++
        const wait = retryAfter(error)
        if (wait > 0 && post.faults < MAX_FAULTS) return resolve(wait)
        this.#settle(post, error ? 0 : Number(reply.data), error?.message ?? '')
        resolve(0)
      }, 'SEND', post.target, post.key, post.text)
    })
  }

  #settle(post, id, why) {
    this.#posts = this.#posts.filter((other) => other !== post)
    if (why) this.#failed = [...this.#failed, { post, why }].slice(-MAX_FAILED)
    this.#mirror.settled(post, id, why, Date.now())
    this.#changed()
  }

  // isTooOld settles a post whose key the server may not know any more.
  #isTooOld(post) {
    const age = Date.now() - post.at
    if (age > -HOUR && age < KEY_HOLDS) return false
    this.#settle(post, 0, 'The server did not answer within a day; it may have been said.')
    return true
  }

  // turn waits until the rate allows one more.
  async #turn() {
    for (;;) {
      const now = Date.now()
      this.#tokens = Math.min(BURST, this.#tokens + Math.max(0, now - this.#at) * RATE / 1000)
      this.#at = now
      if (this.#tokens >= 1) break
      await sleep((1 - this.#tokens) * 1000 / RATE)
    }
    this.#tokens--
  }

  #changed() {
    this.#save()
    this.#onChange()
  }

  #save() {
    try {
      if (this.#posts.length + this.#failed.length === 0) sessionStorage.removeItem(KEPT)
      else sessionStorage.setItem(KEPT, JSON.stringify({ self: this.#mirror.self, posts: this.#posts, failed: this.#failed }))
    } catch {
      // the browser keeps nothing: they live as long as the page
    }
  }

  #restore() {
    let kept = null
    try {
      kept = JSON.parse(sessionStorage.getItem(KEPT))
    } catch {
      return
    }
    if (kept?.self !== this.#mirror.self) return
    for (const { target, text, key, tried, at } of kept.posts) {
      const post = { target, text, key, tried, at, faults: 0 }
      this.#posts.push(post)
      this.#mirror.posted(post)
    }
    for (const { post, why } of kept.failed ?? []) {
      this.#failed.push({ post, why })
      this.#mirror.posted(post)
      this.#mirror.settled(post, 0, why, 0)
    }
    for (const post of this.#posts.filter(({ tried }) => tried)) this.#isTooOld(post)
  }
}

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
