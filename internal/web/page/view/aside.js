// Beside the messages: who is here, or what a search has found. On a narrow screen it covers them.
import { byId, h, hueOf, setText, tile } from './dom.js'
import { Keyed } from './keyed.js'
import { openPersonMenu } from './menus.js'
import { render } from './text.js'
import { exactly, shortDate, timeOf } from './times.js'
import { Refused, printable, wrongText } from '../wire.js'
import { sentence } from '../client.js'

const NARROW = matchMedia('(max-width: 1000px)')

export class Aside {
  #chat
  #shows = NARROW.matches ? '' : 'here' // '', 'here' or 'find'
  #drawn = null // who is shown to be here
  #list = new Keyed(byId('aside-list'))
  #from = null // what had the focus before
  #search = 0 // counts searches: an answer to an earlier one is not shown

  constructor(chat) {
    this.#chat = chat
    const { signal } = chat
    byId('here').addEventListener('click', () => (this.#shows === 'here' ? this.#show('') : this.showHere()), { signal })
    byId('find').addEventListener('click', () => this.find(), { signal })
    byId('aside-close').addEventListener('click', () => this.close(), { signal })
    byId('find-form').addEventListener('submit', (event) => {
      event.preventDefault()
      this.#find(byId('find-words').value.trim())
    }, { signal })
    NARROW.addEventListener('change', () => { if (NARROW.matches) this.#show('') }, { signal })
    this.#show(this.#shows)
  }

  // coversRoom tells whether the messages can't be seen for it.
  get coversRoom() { return this.#shows !== '' && NARROW.matches && !byId('aside').hidden }

  // opened takes that another room is on the screen.
  opened() {
    if (this.#shows === 'find' || NARROW.matches) this.#show(NARROW.matches ? '' : 'here')
  }

  // find opens the search, and searches where words are given.
  find(words = '') {
    if (!this.#chat.mirror.opened) return
    if (!byId('aside').contains(document.activeElement)) this.#from = document.activeElement
    this.#show('find')
    byId('aside').hidden = false
    if (words) byId('find-words').value = words
    byId('find-words').focus()
    byId('find-words').select()
    if (words) this.#find(words)
  }

  // showHere opens the list of who is here.
  showHere() {
    this.#show('here')
    if (!NARROW.matches || this.#chat.mirror.opened?.isConversation) return
    this.#from = document.activeElement
    byId('aside').hidden = false
    byId('aside-close').focus() // what had the focus is covered
  }

  // close closes it and gives the focus back; false where it is not open.
  close() {
    if (this.#shows === '') return false
    const wasFind = this.#shows === 'find'
    this.#show(wasFind && !NARROW.matches ? 'here' : '')
    if (this.#from?.isConnected && this.#from !== document.body) this.#from.focus()
    else byId(wasFind ? 'find' : 'here').focus()
    this.#from = null
    return true
  }

  // isOver tells whether it is there for a while only: a search, or what covers the messages.
  get isOver() { return this.#shows === 'find' || this.coversRoom }

  draw(t) {
    const isHere = this.#shows === 'here'
    byId('aside').hidden = !t || this.#shows === '' || isHere && t.isConversation
    byId('here').setAttribute('aria-pressed', String(isHere))
    if (!t || !isHere || t.presence.here === this.#drawn && !t.presence.isCrowd) return
    this.#drawn = t.presence.here
    setText(byId('aside-says'), says(t.presence, this.#chat.mirror.online))
    this.#list.draw((this.#drawn ?? []).map((user) => ({ key: user, sign: '', make: () => this.#person(user) })))
  }

  #person(user) {
    const shown = printable(user)
    const label = [tile(shown), h('span', { class: `label ${hueOf(user)}` }, shown)]
    if (user === this.#chat.self) return h('li', { class: 'person' }, ...label, h('small', {}, 'you'))
    return h('li', {}, h('button', { class: 'person', 'aria-haspopup': 'menu', onclick: ({ currentTarget }) => openPersonMenu(this.#chat, user, currentTarget) }, ...label))
  }

  #show(what) {
    this.#shows = what
    if (what === '') byId('aside').hidden = true
    this.#drawn = null
    this.#search++
    byId('find-form').hidden = what !== 'find'
    setText(byId('aside-title'), what === 'find' ? 'Search' : 'Here now')
    setText(byId('aside-says'), what === 'find' ? 'Finds messages of this room that hold all the words.' : '')
    this.#list.clear()
    this.#chat.refresh()
  }

  async #find(words) {
    const t = this.#chat.mirror.opened
    const wrong = wrongText(words)
    if (!t || words === '') return
    if (wrong) return setText(byId('aside-says'), wrong)
    const search = ++this.#search
    setText(byId('aside-says'), 'Searching…')
    let says = ''
    let found = []
    try {
      const { session } = this.#chat.client
      if (!session || session.ended) says = 'There is no connection at the moment.'
      else found = (await session.ask('FIND', t.name, words)).events.filter((event) => event.command === 'MSG' && event.room === t.name)
    } catch (error) {
      says = error instanceof Refused ? printable(sentence(error.message)) : 'The connection was lost. Please search again.'
    }
    if (search !== this.#search) return
    if (!says) says = found.length === 0 ? 'Nothing was found.' : found.length === 50 ? 'The newest 50, newest first.' : `${found.length} found, newest first.`
    setText(byId('aside-says'), says)
    this.#list.clear()
    this.#list.draw(found.reverse().map((event) => ({ key: event.id, sign: '', make: () => this.#result(event) })))
  }

  #result(event) {
    const go = async () => {
      if (NARROW.matches) this.#show('')
      try {
        await this.#chat.messages.goTo(event.id)
      } catch {
        setText(byId('aside-says'), 'There is no connection at the moment.')
      }
    }
    const text = h('span', { class: 'text', dir: 'auto' }, ...render(event.text, null).map((node) => node.textContent ?? node))
    return h('li', {}, h('button', { class: 'result', onclick: go },
      h('strong', { class: `name ${hueOf(event.user)}` }, printable(event.user)),
      h('time', { title: exactly(event.time) }, `${shortDate(event.time)}, ${timeOf(event.time)}`), text))
  }
}

function says({ here, count, isCrowd }, online) {
  if (isCrowd) return `${count} people are here: too many to name.`
  if (here) return ''
  return online ? 'Asking…' : 'Not known while there is no connection.'
}
