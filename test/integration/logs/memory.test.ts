import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'

/** Runs millionLines.ts and returns its report and the number of lines it wrote. */
async function million() {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../support/millionLines.ts')])
  let rows = 0
  child.stdout.on('data', (chunk: Buffer) => {
    for (const byte of chunk) if (byte === 10) rows++
  })
  return { ...JSON.parse(await text(child.stderr)), rows } as {
    count: number
    ordered: boolean
    maxRssMb: number
    rows: number
  }
}

test('a million lines are merged within 300 MB', {
  timeout: 180_000,
}, async () => {
  const all = await million()
  console.log(`memory: ${Math.round(all.maxRssMb)} MB`)
  expect(all).toMatchObject({ count: 1_000_000, ordered: true, rows: 1_000_000 })
  expect(all.maxRssMb).toBeLessThan(300)
})
