import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { refusals } from '../../../lib/azure/refusals.ts'
import own from '../../../rehearsal/azure/refusals.json' with { type: 'json' }

const folder = path.join(import.meta.dirname, '../../../rehearsal')
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)
const code = files.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('\n')

test("each of the rehearsal's own refusals is used, with a value for each name in its words", () => {
  for (const [name, { words }] of Object.entries(own)) {
    const uses = [...code.matchAll(new RegExp(`'${name}'(?:, \\{([^}]*)\\})?`, 'g'))]
    expect(uses.length, name).toBeGreaterThan(0)
    const given = uses.map(([, values = '']) => values).join()
    // Other calls spread an address, or choose between two names first.
    if (given.includes('...') || given === '') continue
    for (const [, value] of words.matchAll(/\{(\w+)\}/g))
      expect(given, name).toMatch(new RegExp(`\\b${value}\\b`))
  }
})

test("words that imitate Azure's name who reported them, and when; the others are ours", () => {
  const reported = Object.entries(own).flatMap(([name, refusal]) => ('source' in refusal ? [name] : []))
  expect(reported).toEqual(
    expect.arrayContaining(['containerGroupTransitioning', 'deploymentActive', 'resourceNotFound']),
  )
  for (const refusal of Object.values(own)) {
    if (!('source' in refusal)) continue
    expect(refusal.source).toMatch(/^[\w-]+\/[\w-]+/)
    expect(refusal.seen).toMatch(/^\d{4}-\d{2}-\d{2}$/)
  }
  expect(own.managedRedisRefused.words).toMatch(/^The rehearsal's Azure/)
})

test('no name is in both tables', () => {
  expect(Object.keys(own).filter((name) => name in refusals)).toEqual([])
})
