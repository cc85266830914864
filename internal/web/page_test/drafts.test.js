import assert from 'node:assert/strict'
import test from 'node:test'
import { Drafts } from '../page/drafts.js'
import { keepsNothing, storage } from './fake.js'

test('drafts live on with their rooms, for their account alone', () => {
  storage.clear()
  const first = new Drafts('alice')
  first.set('lobby', { text: 'one\ntwo', from: '' })
  first.set('garden', { text: 'three', from: 'cellar' })
  first.set('kitchen', { text: 'four', from: '' })
  first.set('kitchen', { text: '', from: '' })
  const again = new Drafts('alice')
  assert.deepEqual(again.get('lobby'), { text: 'one\ntwo', from: '' })
  assert.deepEqual(again.get('garden'), { text: 'three', from: 'cellar' })
  assert.deepEqual(again.get('kitchen'), { text: '', from: '' })
  assert.equal(new Drafts('bob').get('lobby').text, '')
  assert.equal(new Drafts('alice').get('lobby').text, 'one\ntwo')
})

test('signing out leaves none, and tells what there was', () => {
  storage.clear()
  const drafts = new Drafts('alice')
  drafts.set('@bob', { text: 'psst', from: '' })
  assert.deepEqual(drafts.clear(), [{ target: '@bob', text: 'psst' }])
  assert.equal(storage.size, 0)
  assert.equal(drafts.get('@bob').text, '')
})

test('drafts are bounded, and what is too long is not kept', () => {
  storage.clear()
  const drafts = new Drafts('alice')
  for (let i = 0; i < 201; i++) drafts.set(`room${i}`, { text: `text ${i}`, from: '' })
  assert.equal(drafts.get('room0').text, '')
  assert.equal(drafts.get('room200').text, 'text 200')
  drafts.set('room200', { text: 'x'.repeat(100_001), from: '' })
  assert.equal(drafts.get('room200').text.length, 100_001)
  assert.equal(new Drafts('alice').get('room200').text, '')
  assert.equal(new Drafts('alice').get('room199').text, 'text 199')
})

test('a browser that keeps nothing, or something else', () => {
  storage.clear()
  storage.set('parley.drafts', '{"self":"alice","drafts":7}')
  assert.equal(new Drafts('alice').get('lobby').text, '')
  keepsNothing(() => {
    const drafts = new Drafts('alice')
    drafts.set('lobby', { text: 'here', from: '' })
    assert.equal(drafts.get('lobby').text, 'here')
  })
})
