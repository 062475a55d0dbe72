import { createServer } from 'node:http'
import { expect, test } from 'vitest'
import { createAzure } from '../../lib/azure/resources.ts'
import { type Look, untilBackendHealthy } from '../../lib/azure/waiting.ts'
import { unknownError } from '../../lib/command/errors.ts'
import { answerOf } from '../../lib/ionos/backendTarget.ts'
import { failureOf } from '../command/rig.ts'
import { listen, onPorts } from '../health/site.ts'
import { answering } from './answering.ts'

type State = { state: string; detailStatus?: string; exitCode?: number }
const pending = { state: 'Waiting' }

/** Waits a second for a backend that answers so (undefined: no answer), and that Azure sees so. */
async function wait(
  answer: [number, object] | undefined,
  azureSees: State | undefined,
  fromElsewhere?: () => Promise<Look>,
): Promise<string[]> {
  const { context } = await answering(
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
    { match: /^container logs/, stdout: 'one\nits last words\n' },
  )
  const port = answer
    ? await listen(
        createServer((_, outgoing) => outgoing.writeHead(answer[0]).end(JSON.stringify(answer[1]))),
      )
    : 1
  const { config } = context
  const hasty = { ...config, backend: { ...config.backend, healthyWithinSeconds: 1 } }
  const { request } = onPorts(undefined, () => port)
  const told: string[] = []
  const group = { name: 'codex-backend-next', label: 'codex-next', release: 'src-new', fromElsewhere }
  const slow = { config: hasty, runner: { ...context.runner, request } }
  await untilBackendHealthy(slow, createAzure(slow), group, (line) => told.push(line))
  return told
}
const elsewhere = (look: Look) => async () => look

test.each<[string, Parameters<typeof wait>, string]>([
  [
    'the backend answers, and not well',
    [[503, { release: 'src-new' }], pending],
    'says 503 (release src-new)',
  ],
  [
    'Azure says that it ended',
    [undefined, { state: 'Terminated', exitCode: 1 }],
    'Azure says that it is Terminated',
  ],
  [
    'Azure says that it crashes',
    [undefined, { state: 'Waiting', detailStatus: 'CrashLoopBackOff: Back-off' }],
    'Azure says that it is Waiting (CrashLoopBackOff',
  ],
  [
    'the VPS hears it say so',
    [undefined, pending, elsewhere({ ready: false, last: 'asked from the VPS, it says 500', faulty: true })],
    'asked from the VPS, it says 500',
  ],
])('a verdict on the application: %s', async (_, asked, words) => {
  const failure = await failureOf(wait(...asked))
  expect(failure).toMatchObject({ application: true, exitCode: 1, said: 'one\nits last words' })
  expect(failure.what).toContain(words)
})

test.each<[string, Parameters<typeof wait>, string]>([
  ['this machine gets no answer, and Azure has not started it', [undefined, pending], 'ECONNREFUSED'],
  ['nor from Azure', [undefined, undefined], 'ECONNREFUSED'],
  [
    'the release of before answers, and not well',
    [[503, { release: 'src-old' }], pending],
    'release src-old',
  ],
  [
    'the VPS cannot be asked',
    [undefined, { state: 'Running' }, () => Promise.reject(unknownError('The VPS is silent'))],
    'no other machine could ask: The VPS is silent',
  ],
])('no verdict (exit 3): %s', async (_, asked, words) => {
  const failure = await failureOf(wait(...asked))
  expect(failure.exitCode).toBe(3)
  expect(failure.application).toBeUndefined()
  expect(failure.what).toContain(words)
})

test('healthy as the VPS sees it is healthy', async () => {
  const seen = { ready: true, last: 'asked from the VPS, it says 200 (release src-new)' }
  expect((await wait(undefined, { state: 'Running' }, elsewhere(seen))).at(-1)).toBe(
    `${seen.last}, though this machine gets no answer`,
  )
})

test('what Python on the VPS says', () => {
  const failed = (stderr: string) => answerOf({ code: 1, stdout: '', stderr })
  expect(answerOf({ code: 0, stdout: '{}', stderr: '' })).toEqual({ status: 200, body: '{}' })
  expect(failed('Traceback\nurllib.error.HTTPError: HTTP Error 503: SERVICE UNAVAILABLE\n').status).toBe(503)
  expect(failed('Traceback\nurllib.error.URLError: <urlopen error timed out>\n')).toEqual({
    status: undefined,
    body: 'urllib.error.URLError: <urlopen error timed out>',
  })
})
