// The keys that work everywhere in the chat.
import { byId, isComposing } from './dom.js'
import { jump } from './going.js'
import { closeMenu } from './menu.js'
import { closeNotice } from './notices.js'

export function bindKeys(chat) {
  const neighbour = (step) => {
    const names = chat.mirror.rooms.map((t) => t.name)
    const at = names.indexOf(chat.mirror.opened?.name)
    if (names.length > 0) chat.open(names[(at + step + names.length) % names.length])
  }
  // First where the person is meant.
  const nextUnread = () => {
    const unread = chat.mirror.rooms.filter((t) => t.unread.count > 0 && t !== chat.mirror.opened)
    const next = unread.find((t) => t.isConversation || t.unread.mentions > 0) ?? unread[0]
    if (next) chat.open(next.name)
  }
  const keys = {
    'Alt ArrowUp': () => neighbour(-1),
    'Alt ArrowDown': () => neighbour(1),
    'Alt a': nextUnread,
    'Ctrl k': () => jump(chat),
    'Ctrl f': () => chat.aside.find(),
  }
  document.addEventListener('keydown', (event) => {
    if (byId('dialog').open || isComposing(event)) return
    if (event.key === 'Escape') {
      if (!closeMenu(true) && !closeNotice() && !(chat.aside.isOver && chat.aside.close())) {
        chat.messages.toNewest()
        byId('text').focus()
      }
      return
    }
    if (event.shiftKey || event.altKey === (event.ctrlKey || event.metaKey)) return
    const act = keys[`${event.altKey ? 'Alt' : 'Ctrl'} ${event.key}`]
    if (!act) return
    // The browser's own search is a second Ctrl+F away.
    if (event.key === 'f' && document.activeElement === byId('find-words')) return
    event.preventDefault()
    act()
  }, { signal: chat.signal })
}
