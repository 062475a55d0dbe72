import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { openTranscript } from '../../../lib/shell/transcript.ts'
import { temporaryFolder } from '../../support/helpers.ts'

test('the newest 500 transcripts are kept, and no other file is removed', () => {
  const folder = temporaryFolder()
  for (let number = 0; number < 510; number++)
    writeFileSync(path.join(folder, `20260101T${String(number).padStart(6, '0')}Z-health-1.jsonl`), '')
  writeFileSync(path.join(folder, '0-notes.txt'), '')
  const transcript = openTranscript(folder, '20270101T000000Z-health-2', (text) => text)
  transcript.write({ kind: 'start' })
  transcript.write({ kind: 'end' })
  const left = readdirSync(folder).sort()
  expect(left).toHaveLength(502)
  expect(left[0]).toBe('0-notes.txt')
  expect(left[1]).toBe('20260101T000010Z-health-1.jsonl')
  expect(left.at(-1)).toBe('20270101T000000Z-health-2.jsonl')
})
