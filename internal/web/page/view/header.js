// What stands above the messages: the room's name, its topic, who is here.
import { openRoomMenu } from './menus.js'
import { byId, setText } from './dom.js'
import { printable } from '../wire.js'

export class Header {
  constructor(chat) {
    const { signal } = chat
    byId('back').addEventListener('click', () => { location.hash = '' }, { signal })
    byId('room-menu').addEventListener('click', () => openRoomMenu(chat, byId('room-menu')), { signal })
    byId('skip').addEventListener('click', () => byId('text').focus(), { signal })
  }

  draw(t) {
    if (!t) {
      setText(byId('room-name'), '')
      setText(byId('topic'), '')
      return
    }
    const name = printable(t.isConversation ? t.name.slice(1) : t.name)
    setText(byId('room-name'), name)
    setText(byId('topic'), t.isConversation ? 'Only the two of you read this.' : printable(t.presence.topic))
    byId('topic').title = t.isConversation ? '' : printable(t.presence.topic)
    byId('here').hidden = t.isConversation
    byId('room-menu').hidden = t.isConversation
    const { count } = t.presence
    setText(byId('here-count'), count > 0 ? String(count) : '')
    byId('here').setAttribute('aria-label', count > 0 ? `Who is here: ${count}` : 'Who is here')
  }
}
