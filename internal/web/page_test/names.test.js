import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { HUES, hueOf } from '../page/view/dom.js'

test('every name has one of the colours that there are, and all are used', () => {
  const css = readFileSync(new URL('../page/style.css', import.meta.url), 'utf8')
  const used = new Set()
  for (let i = 0; i < 2000; i++) used.add(hueOf(`maximiliana.von-hohenstein-${i}`)).add(hueOf(`u${i}`))
  for (const hue of used) assert.ok(css.includes(`.${hue} {`), hue)
  assert.ok(used.size >= HUES)
})
