// Where the page begins: finds who stays signed in, or asks; then there is one chat until it ends.
import { Chat } from './chat.js'
import { find } from './tokens.js'
import { byId, drawIcons } from './view/dom.js'
import { SignIn } from './view/signin.js'

const url = new URL('ws', location.href)
url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:'
url.hash = ''

const signIn = new SignIn(prepare)

// prepare makes an account's chat, which signs in before it is shown.
function prepare(account) {
  return new Chat({ ...account, url: url.href, onShow: () => show('chat'), onEnded: end })
}

// end takes a chat away, for a reason that the person is told. Who has signed out leaves nothing: the page begins anew.
function end({ why, user = '', unsaid = [], told = null }) {
  if (!why) return location.replace(location.pathname)
  ask(why, user)
  signIn.showUnsaid(unsaid)
  told?.then((done) => signIn.replace(why, done ? 'The server knows now that you are signed out.' : 'The server refused to end your session. Change your password to end it.'))
}

function ask(why, user) {
  show('signin')
  document.title = 'parley'
  signIn.ask(why, user)
}

function show(id) {
  byId('loading').hidden = true
  byId('signin').hidden = id !== 'signin'
  byId('chat').hidden = id !== 'chat'
}

drawIcons()
byId('signin-host').textContent = location.host
byId('host').textContent = location.hostname
const kept = await find()
if (kept) prepare({ user: kept.user, isGuest: false, keeper: kept.keeper }).resume()
else ask('', '')
