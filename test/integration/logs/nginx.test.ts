import { execFileSync } from 'node:child_process'
import { readFileSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { nginxLogCommand } from '../../../lib/logs/nginx.ts'
import { home, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

const script = path.join(home, 'lib', 'vps', 'remote', 'nginx-log.sh')
const hour = 3600_000

test('the command: file, time in seconds, lines, follow; when following, its input stays open until the end', async () => {
  const config = await loadTestConfig()
  const once = nginxLogCommand(
    config.servers[0],
    'error',
    { since: 1_795_000_000_999, follow: false },
    Promise.resolve(),
  )
  expect(once.argv.slice(-4)).toEqual(['/var/log/nginx/error.log', '1795000000', '', ''])
  expect(once.explain?.('cannot read /var/log/nginx/error.log')?.what).toBe(
    '/var/log/nginx/error.log does not exist on the VPS',
  )
  const end = Promise.withResolvers<void>()
  const followed = nginxLogCommand(config.servers[0], 'access', { tail: 10, follow: true }, end.promise)
  expect(followed.argv.slice(-4)).toEqual(['/var/log/nginx/access.log', '', '10', 'follow'])
  const input = buffer((followed.stdin as () => NodeJS.ReadableStream)())
  const early = await Promise.race([input, new Promise((resolve) => setTimeout(resolve, 100, 'open'))])
  expect(early).toBe('open')
  end.resolve()
  expect((await input).toString()).toBe(readFileSync(script, 'utf8').trimEnd())
})

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const two = (number: number) => String(number).padStart(2, '0')
const accessLine = (at: Date, id: number) =>
  `10.0.0.1 - - [${two(at.getUTCDate())}/${months[at.getUTCMonth()]}/${at.getUTCFullYear()}:${at.toISOString().slice(11, 19)} +0000] "GET /${id} HTTP/2.0" 200 5 "-" "x"\n`
const errorLine = (at: Date, id: number) =>
  `${at.toISOString().slice(0, 19).replaceAll('-', '/').replace('T', ' ')} [error] 7#7: *${id} "GET /${id} HTTP/2.0"\n`

/** A log of 300 lines, one a minute, up to now: the oldest 100 compressed, the next rotated, the newest in use. */
function written(name: string, lineOf: typeof accessLine): string {
  const file = path.join(temporaryFolder(), name)
  const began = Date.now() - 300 * 60_000
  const at = (id: number) => new Date(began + (id + 1) * 60_000)
  const part = (from: number) =>
    Array.from({ length: 100 }, (_none, index) => lineOf(at(from + index), from + index)).join('')
  writeFileSync(`${file}.2.gz`, gzipSync(part(0)))
  writeFileSync(`${file}.1`, part(100))
  writeFileSync(file, part(200))
  utimesSync(`${file}.2.gz`, at(99), at(99))
  utimesSync(`${file}.1`, at(199), at(199))
  return file
}

/** First and last line, and the number of lines. */
function shown(
  file: string,
  since: string,
  lines: string,
  follow = '',
): [string | undefined, string | undefined, number] {
  const env = { ...process.env, TZ: 'UTC' }
  const output = execFileSync('sh', [script, file, since, lines, follow], {
    encoding: 'utf8',
    env,
    input: '',
  })
  const [clock, ...rest] = output.trimEnd().split('\n')
  expect(clock).toMatch(/^clock [+-]\d{4} \S+$/)
  const ids = rest.map((line) => /GET \/(\d+)/.exec(line)?.[1] ?? line)
  return [ids[0], ids.at(-1), ids.length]
}

test.each([
  ['access.log', accessLine],
  ['error.log', errorLine],
])('%s with its rotated parts: all, since, the last lines, both', (name, lineOf) => {
  const file = written(name, lineOf)
  const ago = (hours: number) => String(Math.floor((Date.now() - hours * hour) / 1000))
  expect(shown(file, '', '')).toEqual(['0', '299', 300])
  expect(shown(file, '', '5')).toEqual(['295', '299', 5])
  expect(shown(file, '', '150')).toEqual(['150', '299', 150])
  expect(shown(file, '', '250')).toEqual(['50', '299', 250])
  expect(shown(file, '', '1000')).toEqual(['0', '299', 300])
  // A local clock may be off by up to an hour, so the first line may be a little older; the tool filters again.
  for (const [hours, first] of [
    [1, 240],
    [3, 120],
    [4.5, 30],
  ] as const) {
    const [from, to] = shown(file, ago(hours), '')
    expect(Number(from)).toBeLessThanOrEqual(first)
    expect(Number(from)).toBeGreaterThan(first - 62)
    expect(to).toBe('299')
  }
  expect(shown(file, ago(4.5), '120')).toEqual(['180', '299', 120])
  expect(shown(file, '', '2', 'follow')).toEqual(['298', '\x01', 3])
})

test('a missing log is reported', () => {
  const run = () => execFileSync('sh', [script, '/nowhere/access.log', '', '', ''], { stdio: 'pipe' })
  expect(run).toThrow('cannot read /nowhere/access.log')
})
