import { createServer } from 'node:http'
import { createServer as createTcp } from 'node:net'
import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { type HealthReport, waitUntilHealthy } from '../../../lib/azure/containers/waitFor.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { parseHealth } from '../../../lib/vps/nginx/upstream.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure } from '../../support/helpers.ts'
import { createPortRunner, listen } from '../../support/servers.ts'

type State = { state: string; detailStatus?: string; exitCode?: number }
const pending = { state: 'Waiting' }

/** Its port accepts connections, but gives no answer: it closes the connection or keeps it open. */
type Dead = 'hangs up' | 'is mute'

/** Waits a second for a backend that gives this answer (undefined: none), and for which Azure reports this state. */
async function wait(
  answer: [number, object] | Dead | undefined,
  azureSees: State | undefined,
  fromElsewhere?: () => Promise<HealthReport>,
  log = 'one\nits last words\n',
): Promise<string[]> {
  const { context } = await fakeAz(
    { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' },
    azureSees
      ? {
          match: /^container show/,
          stdout: JSON.stringify({
            name: 'codex-backend-next',
            containers: [
              { name: 'c', image: 'i', instanceView: { restartCount: 0, currentState: azureSees } },
            ],
          }),
        }
      : { match: /^container show/, stderr: 'Max retries exceeded', code: 1 },
    { match: /^container logs/, stdout: log },
  )
  let port = 1
  if (typeof answer === 'string')
    port = await listen(createTcp((socket) => void (answer === 'hangs up' && socket.destroy())))
  else if (answer)
    port = await listen(
      createServer((_, outgoing) => outgoing.writeHead(answer[0]).end(JSON.stringify(answer[1]))),
    )
  const { config } = context
  const hasty = { ...config, backend: { ...config.backend, healthyWithinSeconds: 1 } }
  const { request } = createPortRunner(undefined, () => port)
  const told: string[] = []
  const group = { name: 'codex-backend-next', host: 'codex-next.test', release: 'src-new', fromElsewhere }
  const slow = { config: hasty, runner: { ...context.runner, request } }
  await waitUntilHealthy(slow, createAzure(slow), group, (line) => told.push(line))
  return told
}
const elsewhere = (look: HealthReport) => async () => look
const running = { state: 'Running' }
/** As gunicorn 20.1 logs workers that raise SystemExit. */
const dying = [7, 8, 9, 10]
  .map(
    (pid) =>
      `[2026-11-25 21:00:00 +0000] [${pid}] [INFO] Booting worker with pid: ${pid}\n` +
      (pid === 10 ? '' : `[2026-11-25 21:00:01 +0000] [${pid}] [INFO] Worker exiting (pid: ${pid})\n`),
  )
  .join('')
  .concat('its last words\n')

test.each<[string, Parameters<typeof wait>, string]>([
  [
    'the backend answers but is not healthy',
    [[503, { release: 'src-new' }], pending],
    'answers 503 (release src-new)',
  ],
  [
    'Azure reports that it ended',
    [undefined, { state: 'Terminated', exitCode: 1 }],
    'Azure reports that it is Terminated',
  ],
  [
    'Azure reports that it crashes',
    [undefined, { state: 'Waiting', detailStatus: 'CrashLoopBackOff: Back-off' }],
    'Azure reports that it is Waiting (CrashLoopBackOff',
  ],
  [
    'the VPS gets the same answer',
    [
      undefined,
      pending,
      elsewhere({ ready: false, last: 'requested from the VPS, it answers 500', faulty: true }),
    ],
    'requested from the VPS, it answers 500',
  ],
  [
    'Azure reports it as Running, but its port answers nobody',
    ['hangs up', running],
    'it accepts connections but answers none',
  ],
  ['the same, kept waiting', ['is mute', running], 'it accepts connections but answers none'],
  [
    'the same as seen by the VPS, while this machine gets no connection',
    [undefined, running, elsewhere({ ready: false, last: 'no answer: TimeoutError', accepted: true })],
    'it accepts connections but answers none',
  ],
  [
    'no other machine can check, and its workers keep exiting',
    [undefined, running, () => Promise.reject(unknownError('The VPS is silent')), dying],
    'no other machine could check: The VPS is silent; its workers keep exiting (3 in its last log lines)',
  ],
])('a verdict on the application: %s', async (_, asked, words) => {
  const failure = await getFailure(wait(...asked))
  expect(failure).toMatchObject({ application: true, exitCode: 1 })
  expect(failure.said).toContain('its last words')
  expect(failure.what).toContain(words)
})

test.each<[string, Parameters<typeof wait>, string]>([
  ['this machine gets no answer, and Azure has not started it', [undefined, pending], 'ECONNREFUSED'],
  ['nor from Azure', [undefined, undefined], 'ECONNREFUSED'],
  [
    'the previous release answers but is not healthy',
    [[503, { release: 'src-old' }], pending],
    'release src-old',
  ],
  [
    'the VPS cannot be asked',
    [undefined, { state: 'Running' }, () => Promise.reject(unknownError('The VPS is silent'))],
    'no other machine could check: The VPS is silent',
  ],
  [
    'something in between accepts this machine’s connections, but the VPS gets none',
    ['hangs up', running, elsewhere({ ready: false, last: 'requested from the VPS: no connection' })],
    'no connection',
  ],
  ['Azure has not started it, whatever accepts connections in its place', ['hangs up', pending], 'hang up'],
  ['Azure is silent, too', ['hangs up', undefined], 'hang up'],
  [
    'one worker ended, and nobody gets a connection',
    [undefined, running, undefined, dying.replaceAll(/pid: \d+/g, 'pid: 7')],
    'ECONNREFUSED',
  ],
])('no verdict (exit 3): %s', async (_, asked, words) => {
  const failure = await getFailure(wait(...asked))
  expect(failure.exitCode).toBe(3)
  expect(failure.application).toBeUndefined()
  expect(failure.what).toContain(words)
})

test.each(['None\n', '\n', ''])('a container that has written nothing: az prints %j', async (log) => {
  const failure = await getFailure(wait([503, { release: 'src-new' }], pending, undefined, log))
  expect(failure.said).toBe('codex-backend-next has written no log')
})

test('healthy as the VPS sees it is healthy', async () => {
  const seen = { ready: true, last: 'requested from the VPS, it answers 200 (release src-new)' }
  expect((await wait(undefined, { state: 'Running' }, elsewhere(seen))).at(-1)).toBe(
    `${seen.last}, although this machine gets no answer`,
  )
})

test('what Python on the VPS says', () => {
  const failed = (stderr: string) => parseHealth({ code: 1, stdout: '', stderr })
  expect(parseHealth({ code: 0, stdout: '{}', stderr: '' })).toEqual({ status: 200, body: '{}' })
  expect(failed('Traceback\nurllib.error.HTTPError: HTTP Error 503: SERVICE UNAVAILABLE\n').status).toBe(503)
  for (const words of [
    'TimeoutError: timed out',
    'socket.timeout: timed out',
    'ConnectionResetError: [Errno 104] x',
  ])
    expect(failed(`Traceback\n${words}\n`)).toEqual({ status: undefined, body: words, accepted: true })
  expect(
    failed('http.client.RemoteDisconnected: Remote end closed connection without response').accepted,
  ).toBe(true)
  expect(failed('Traceback\nurllib.error.URLError: <urlopen error timed out>\n')).toEqual({
    status: undefined,
    body: 'urllib.error.URLError: <urlopen error timed out>',
  })
})
