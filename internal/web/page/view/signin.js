// The sign-in form, and the form of an invited account for a password of its own.
import { sentence } from '../client.js'
import { keeperFor } from '../tokens.js'
import { Refused, isName, printable, wrongCredential } from '../wire.js'
import { byId, h, setText } from './dom.js'

// What is told for a refusal; other codes speak for themselves.
const REFUSALS = {
  denied: (isGuest) => (isGuest
    ? 'Guests are not let in here, or somebody has this name. Type a password, or try another name.'
    : 'The name or the password is wrong.'),
  throttled: (isGuest, error) => `Too many tries. Please wait ${waiting(error.seconds)} and try again.`,
  busy: (isGuest, error) => `The server is busy. Please wait ${waiting(error.seconds)} and try again.`,
}

const MAX_UNSAID = 50

const waiting = (seconds) => (seconds === 1 ? 'a second' : `${seconds} seconds`)

export class SignIn {
  #prepare
  #attempt = null // of an invited account: it must choose a password
  #busy = false

  // prepare(account) makes what signs an account in: { signIn(password), accept(password), show() }.
  constructor(prepare) {
    this.#prepare = prepare
    byId('signin-forget').addEventListener('click', () => {
      this.showUnsaid([])
      this.#say('')
      byId('signin-user').focus()
    })
    byId('signin-form').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#submit()
    })
  }

  // ask shows the form, with why it is there and whose it may be.
  ask(why, user) {
    this.#attempt = null
    this.#showNew(false)
    this.showUnsaid([])
    this.#say(why)
    if (user) byId('signin-user').value = user
    byId('signin-password').value = ''
    byId(byId('signin-user').value ? 'signin-password' : 'signin-user').focus()
  }

  // replace says something else where this is still what is said.
  replace(said, text) {
    if (byId('signin-wrong').textContent === printable(said)) this.#say(text)
  }

  // showUnsaid shows texts that are lost, { target, text }, until the person has done with them or signs in.
  showUnsaid(texts) {
    byId('signin-unsaid').hidden = texts.length === 0
    byId('signin-unsaid-list').replaceChildren(...texts.slice(0, MAX_UNSAID).map(({ target, text }) => h('li', {},
      h('small', {}, printable(target.startsWith('@') ? target : `#${target}`)), h('p', { dir: 'auto' }, text.split('\n').map(printable).join('\n')))))
    if (texts.length > MAX_UNSAID) byId('signin-unsaid-list').append(h('li', {}, h('small', {}, `and ${texts.length - MAX_UNSAID} more`)))
  }

  #say(wrong) {
    byId('signin-wrong').hidden = wrong === ''
    setText(byId('signin-wrong'), printable(wrong))
  }

  #showNew(isNew) {
    byId('signin-first').hidden = isNew
    byId('signin-new').hidden = !isNew
    byId('signin-go').textContent = isNew ? 'Use this password' : 'Sign in'
  }

  async #submit() {
    if (this.#busy) return
    this.#busy = true
    byId('signin-go').setAttribute('aria-busy', 'true')
    this.#say('')
    try {
      this.#say(await (this.#attempt ? this.#accept() : this.#signIn()))
    } finally {
      this.#busy = false
      byId('signin-go').removeAttribute('aria-busy')
    }
  }

  // signIn and accept resolve to what is wrong, '' for nothing.
  async #signIn() {
    const user = byId('signin-user').value.trim()
    const password = byId('signin-password').value
    const isGuest = password === ''
    if (!isName(user)) {
      byId('signin-user').focus()
      return user === '' ? 'Please type your name.' : 'A name has up to 32 of a–z, 0–9, full stop, _ and -, and begins with a letter or digit.'
    }
    const wrong = wrongCredential(password)
    if (wrong) return wrong
    if (password.startsWith('pt1.')) return 'The name or the password is wrong.' // it would be taken for a token
    try {
      const keeper = isGuest ? null : await keeperFor(user, byId('signin-stay').checked)
      const attempt = this.#prepare({ user, isGuest, keeper })
      if (await attempt.signIn(password)) {
        this.#attempt = attempt
        this.#showNew(true)
        byId('new-password').focus()
      } else {
        this.#done(attempt)
      }
      return ''
    } catch (error) {
      byId('signin-password').focus()
      byId('signin-password').select()
      return this.#explain(error, isGuest)
    }
  }

  async #accept() {
    const [password, again] = [byId('new-password').value, byId('new-again').value]
    if (password !== again) return 'The two are not the same.'
    const wrong = wrongCredential(password) || (password === '' ? 'Please type a password.' : '')
    if (wrong) return wrong
    try {
      await this.#attempt.accept(password)
      this.#done(this.#attempt)
      return ''
    } catch (error) {
      if (error instanceof Refused) return sentence(error.message)
      this.ask('', '')
      return 'The connection was lost. Please sign in again; if the new password was taken, with that.'
    }
  }

  #done(attempt) {
    for (const id of ['signin-password', 'new-password', 'new-again']) byId(id).value = ''
    this.showUnsaid([])
    attempt.show()
  }

  #explain(error, isGuest) {
    if (!(error instanceof Refused)) return 'The server can’t be reached. Please try again in a moment.'
    return Object.hasOwn(REFUSALS, error.code) ? REFUSALS[error.code](isGuest, error) : sentence(error.message)
  }
}
