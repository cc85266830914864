// Times as the person's own clock and language have them.

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })
const weekday = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const farDay = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
const shortDay = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' })

export const timeOf = (ms) => clock.format(ms)
// shortTime is for where there is little space: without a.m. or p.m., where the language has that.
export function shortTime(ms) {
  return clock.formatToParts(ms).filter(({ type }) => type !== 'dayPeriod').map(({ value }) => value).join('').trim()
}

export const exactly = (ms) => exact.format(ms)
export const shortDate = (ms) => shortDay.format(ms)

// dayKey is the same for two times of one local day.
export function dayKey(ms) {
  const day = new Date(ms)
  return `${day.getFullYear()}-${day.getMonth() + 1}-${day.getDate()}`
}

// dayName is Today, Yesterday, or the day.
export function dayName(ms, now = Date.now()) {
  const key = dayKey(ms)
  if (key === dayKey(now)) return 'Today'
  const yesterday = new Date(now)
  yesterday.setDate(yesterday.getDate() - 1)
  if (key === dayKey(yesterday)) return 'Yesterday'
  return (new Date(ms).getFullYear() === new Date(now).getFullYear() ? weekday : farDay).format(ms)
}
