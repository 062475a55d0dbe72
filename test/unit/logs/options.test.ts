import { PassThrough } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { parseView, type ViewFlags } from '../../../lib/logs/options.ts'
import { documentOutput, jsonLinesOutput, textOutput } from '../../../lib/logs/output.ts'

const shown = (only: string) =>
  ['backend', 'backend-next', 'worker', 'worker-12', 'access', 'error', 'worker/sidecar'].filter(
    parseView({ only }, undefined).only,
  )

test('--only selects the sources of each name', () => {
  expect(shown('backend')).toEqual(['backend', 'backend-next'])
  expect(shown('worker')).toEqual(['worker', 'worker-12', 'worker/sidecar'])
  expect(shown('nginx')).toEqual(['access', 'error'])
  expect(shown('access, worker')).toEqual(['worker', 'worker-12', 'access', 'worker/sidecar'])
})

test.each<[ViewFlags, string]>([
  [{ only: 'acess' }, '--only=acess: unknown log "acess"; did you mean access?'],
  [{ only: 'backend,postgres' }, '--only=backend,postgres: unknown log "postgres"'],
  [{ only: '' }, '--only=: unknown log ""'],
  [{ lines: '-5' }, '--lines=-5 is not a number of lines'],
  [{ lines: '0' }, '--lines=0 shows nothing'],
  [{ lines: 'all' }, '--lines=all is not a number of lines'],
  [{ grep: '(' }, '--grep is not a valid regular expression: /(/: Unterminated group'],
])('invalid flags: %o', (flags, words) => {
  expect(() => parseView(flags, undefined)).toThrow(words)
})

test('default number of lines', () => {
  expect(parseView({}, undefined).lines).toBe(100)
  expect(parseView({ follow: true }, undefined).lines).toBe(10)
  expect(parseView({}, new Date()).lines).toBeUndefined()
  expect(parseView({ follow: true }, new Date()).lines).toBeUndefined()
  expect(parseView({ lines: '0', follow: true }, new Date()).lines).toBe(0)
})

const lines = [
  { at: Date.parse('2026-11-23T01:10:05.123Z'), source: 'access', text: '"GET /\x1b[2Jhunter2\x9b" ü\t.' },
  { at: undefined, source: 'backend-next', text: 'no time' },
]
const clean = (words: string) => words.replaceAll('hunter2', '***')

test('text: control characters and secrets in logs do not reach the terminal; no colours when disabled', async () => {
  vi.stubEnv('NO_COLOR', '1')
  const stream = new PassThrough()
  await textOutput(stream, clean).lines(lines)
  stream.end()
  expect(await text(stream)).toBe(
    '2026-11-23T01:10:05.123Z access   "GET /\\x1b[2J***\\x9b" ü\t.\n(no time)                backend-next no time\n',
  )
  vi.unstubAllEnvs()
})

test('--json prints one document, also without lines; with --follow one document per line', async () => {
  const reports = [{ source: 'access', lines: 1 }]
  const written = async (format: typeof documentOutput, ...batches: (typeof lines)[]) => {
    const stream = new PassThrough()
    const output = format(stream, clean)
    for (const batch of batches) await output.lines(batch)
    await output.end(reports)
    stream.end()
    return text(stream)
  }
  const data = [
    { at: '2026-11-23T01:10:05.123Z', source: 'access', text: '"GET /\x1b[2J***\x9b" ü\t.' },
    { at: null, source: 'backend-next', text: 'no time' },
  ]
  expect(JSON.parse(await written(documentOutput, lines, [], lines))).toEqual({
    lines: [...data, ...data],
    sources: reports,
    ok: true,
  })
  expect(JSON.parse(await written(documentOutput))).toEqual({ lines: [], sources: reports, ok: true })
  const rows = (await written(jsonLinesOutput, lines)).trimEnd().split('\n')
  expect(rows.map((row) => JSON.parse(row))).toEqual([...data, { sources: reports }])
})

test('when the reader has closed the stream, writing ends and nothing waits forever', async () => {
  const stream = new PassThrough({ highWaterMark: 10 })
  const output = textOutput(stream, clean)
  const stuck = output.lines(lines)
  stream.destroy(Object.assign(new Error('broken pipe'), { code: 'EPIPE' }))
  await stuck
  expect(output.closed.aborted).toBe(true)
  await output.lines(lines)
})
