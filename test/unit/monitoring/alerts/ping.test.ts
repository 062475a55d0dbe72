import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ping } from '../../../../lib/monitoring/alerts/post.ts'
import { getClosedPort, startReceiver } from '../../../support/alertFixtures.ts'
import { loadTestConfig, openRunner } from '../../../support/helpers.ts'

const check = '/5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278'

test('pings at the start and at the end of a run; the end carries the exit code and the line', async () => {
  const { heard, port } = await startReceiver((outgoing) => outgoing.end('OK'))
  const config = await loadTestConfig(`HEALTH_PING_URL=http://localhost:${port}${check}/?create=1`)
  const runner = openRunner({ known: ['pa55word'] })
  expect(await ping({ config, runner }, 'start')).toBeUndefined()
  expect(await ping({ config, runner }, 2, 'CRITICAL - api 503 pa55word (3/3)')).toBeUndefined()
  expect(heard.map(({ line, body }) => [line, body])).toEqual([
    [`POST ${check}/start?create=1`, ''],
    [`POST ${check}/2?create=1`, 'CRITICAL - api 503 *** (3/3)'],
  ])
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toContain('5bf66975')
})

test('a failed ping is returned, never thrown, and never contains the address', async () => {
  const lost = await startReceiver((outgoing) => outgoing.end('OK (not found)'))
  const echoing = await startReceiver((outgoing, { line }) => outgoing.writeHead(404).end(line))
  const runner = openRunner()
  const pinged = async (port: number) =>
    ping(
      { config: await loadTestConfig(`HEALTH_PING_URL=http://localhost:${port}${check}`), runner },
      0,
      'OK',
    )
  expect((await pinged(lost.port))?.what).toBe(
    `The dead man's switch could not be pinged (0): localhost:${lost.port} answered: not found`,
  )
  expect((await pinged(echoing.port))?.what).toMatch(/answered 404 \(POST \*\*\*/)
  expect((await pinged(await getClosedPort()))?.what).toContain('ECONNREFUSED')
  const nothing = { config: await loadTestConfig(''), runner }
  expect([await ping(nothing, 'start'), await ping(nothing, 0, 'OK')]).toEqual([undefined, undefined])
})
