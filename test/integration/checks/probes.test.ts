import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createQuickContext, observe } from '../../../lib/checks/run.ts'
import { clock } from '../../../lib/checks/site/clock.ts'
import { redirects as check } from '../../../lib/checks/site/redirects.ts'
import { targetCheck } from '../../../lib/checks/site/target.ts'
import { startProcess } from '../../../lib/shell/spawn.ts'
import { createCertificate } from '../../support/certificate.ts'
import {
  home,
  loadTestConfig,
  openRunner,
  readTranscript,
  temporaryFolder,
  toSite,
} from '../../support/helpers.ts'
import { createPortRunner, listen } from '../../support/servers.ts'

const { signal } = new AbortController()
const configured = () => loadTestConfig('DOMAIN=site.test')

/** A site on which HTTP or HTTPS may be missing. */
async function site({ http, https }: { http?: RequestListener; https?: RequestListener }) {
  const certificate = createCertificate(temporaryFolder(), ['site.test', 'www.site.test'])
  const ports = {
    'http:': http ? await listen(createServer(http)) : 1,
    'https:': https ? await listen(createHttps(certificate, https)) : 1,
  }
  return {
    ...toSite(await configured()),
    runner: createPortRunner(certificate, (url) => ports[url.protocol as keyof typeof ports]),
  }
}

const redirects = async (context: Awaited<ReturnType<typeof site>>) =>
  observe(check, createQuickContext(context))

test('two failing paths: the worse verdict, and silence only when neither answered', async () => {
  const wrong: RequestListener = (_, outgoing) => outgoing.end('no redirect')
  const context = await site({ https: wrong })
  const { request } = context.runner
  const noNames = Object.assign(new Error('queryA EAI_AGAIN'), { code: 'EAI_AGAIN', syscall: 'queryA' })
  const halfKnown: typeof request = async (value, stop) =>
    value.url.startsWith('http:') ? Promise.reject(noNames) : request(value, stop)
  const mixed = await redirects({ ...context, runner: { ...context.runner, request: halfKnown } })
  expect([mixed.verdict, mixed.silent]).toEqual(['CRITICAL', undefined])
  expect(mixed.detail).toContain('EAI_AGAIN); https://www.site.test/workflows answers 200')
  const heard = await redirects(await site({ http: wrong }))
  expect([heard.verdict, heard.silent]).toEqual(['CRITICAL', undefined])
  const silent = await redirects(await site({}))
  expect([silent.verdict, silent.silent]).toEqual(['CRITICAL', true])
})

test('clocks: an answer without a time is not silence', async () => {
  const timeless: RequestListener = (_, outgoing) => {
    outgoing.sendDate = false
    outgoing.end()
  }
  const asked = await observe(clock, createQuickContext(await site({ http: timeless })))
  expect([asked.verdict, asked.detail, asked.silent]).toEqual([
    'UNKNOWN',
    'no server reported its time',
    undefined,
  ])
  const nobody = await observe(clock, createQuickContext(await site({})))
  expect([nobody.verdict, nobody.silent]).toEqual(['UNKNOWN', true])
})

test('the query of a target is sent but appears in no message and no transcript', async () => {
  const seen: string[] = []
  const port = await listen(
    createServer((incoming, outgoing) => {
      seen.push(incoming.url ?? '')
      outgoing.writeHead(500).end()
    }),
  )
  const [config, runner] = [await configured(), openRunner()]
  const checking = createQuickContext({ ...toSite(config), runner })
  const at = (where: number) => `http://127.0.0.1:${where}/shop?token=geheim`
  const failing = await observe(targetCheck({ id: 'shop', url: at(port) }), checking)
  expect([failing.detail, seen]).toEqual([
    `http://127.0.0.1:${port}/shop answers 500`,
    ['/shop?token=geheim'],
  ])
  const gone = await observe(targetCheck({ id: 'shop', url: at(1) }), checking)
  expect(gone.detail).toMatch(/^http:\/\/127\.0\.0\.1:1\/shop: connect ECONNREFUSED/)
  const written = JSON.stringify(readTranscript(runner))
  expect(written).toContain('/shop')
  expect(written).not.toContain('geheim')
})

test('a target that streams endlessly is cut off and counts as answered', async () => {
  const chunk = Buffer.alloc(1 << 16, 'x')
  let sent = 0
  const endless: RequestListener = (_, outgoing) => {
    const go = () => {
      while (!outgoing.destroyed && outgoing.write(chunk)) sent += chunk.length
    }
    outgoing.on('drain', go)
    go()
  }
  const port = await listen(createServer(endless))
  const checking = createQuickContext(
    { ...toSite(await configured()), runner: openRunner() },
    { timed: true },
  )
  const probe = targetCheck({ id: 'x', url: `http://127.0.0.1:${port}/` })
  const { verdict, detail } = await observe({ ...probe, timeoutMs: 5000 }, checking)
  expect([verdict === 'CRITICAL' && !/limit/.test(detail), detail.slice(0, 4)]).toEqual([false, '200 '])
  expect(sent).toBeLessThan(50 << 20)
})

test('the VPS names a host without its URL', async () => {
  const port = await listen(createServer((incoming, outgoing) => outgoing.end(incoming.headers.host)))
  const requests = [
    { url: `http://bob:geheim@127.0.0.1:${port}/`, method: 'GET', headers: {}, timeoutMs: 5000 },
  ]
  const script = path.join(home, 'lib/checks/requests.py')
  const stdin = JSON.stringify({ authorities: [], requests })
  const options = { stdin, env: process.env, timeoutMs: 20_000, signal }
  const { stdout } = await startProcess(['python3', script], options)
  expect(JSON.parse(stdout)).toMatchObject({ status: 200, body: `127.0.0.1:${port}` })
})
