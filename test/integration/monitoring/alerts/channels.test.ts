import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { createChannels, sendAlert } from '../../../../lib/monitoring/alerts/channels.ts'
import { slackBody } from '../../../../lib/monitoring/alerts/slack.ts'
import { teamsBody } from '../../../../lib/monitoring/alerts/teams.ts'
import {
  createAlert,
  getClosedPort,
  startReceiver,
  startSilentServer,
} from '../../../support/alertFixtures.ts'
import { getFailure, loadTestConfig, openRunner, readTranscript } from '../../../support/helpers.ts'

const path = '/services/T0123/B4567/sEcReTsEcReT'

test('webhook, Slack and Teams each get their own format concurrently; no address is recorded', async () => {
  const { heard, port } = await startReceiver((outgoing) => outgoing.writeHead(202).end())
  const config = await loadTestConfig(
    `ALERT_WEBHOOK_URL=http://localhost:${port}${path}?key=abcdefgh`,
    `ALERT_SLACK_URL=http://localhost:${port}/slack${path}`,
    `ALERT_TEAMS_URL=http://localhost:${port}/teams${path}`,
  )
  const runner = openRunner()
  const sent = await Promise.all(
    createChannels(config).map((channel) => sendAlert({ runner }, channel, createAlert())),
  )
  expect(sent.map(({ channel, failure }) => [channel, failure])).toEqual([
    ['webhook', undefined],
    ['slack', undefined],
    ['teams', undefined],
  ])
  const bodyAt = (start: string) => {
    const one = heard.find(({ line }) => line.startsWith(`POST ${start}`))!
    expect(one.headers['content-type']).toBe('application/json')
    return JSON.parse(one.body)
  }
  expect(bodyAt(`${path}?key=abcdefgh`)).toEqual({
    version: 1,
    id: '42-problem-1795408200000',
    ...{ kind: 'problem', verdict: 'CRITICAL', domain: 'codexdominion.app', environment: 'default' },
    ...{ incident: '42', at: '2026-11-23T04:30:00.000Z', since: '2026-11-23T04:20:00.000Z' },
    title: 'api 503',
    lines: ['api: CRITICAL, 503 <Service & Unavailable>', 'backend: CRITICAL, refused'],
  })
  expect(bodyAt('/slack')).toMatchObject({
    text: 'CRITICAL: codexdominion.app: api 503',
    blocks: [
      {
        type: 'header',
        text: { type: 'plain_text', text: ':red_circle: CRITICAL: codexdominion.app: api 503' },
      },
      {
        type: 'section',
        text: {
          type: 'mrkdwn',
          text: 'api: CRITICAL, 503 &lt;Service &amp; Unavailable&gt;\nbackend: CRITICAL, refused',
        },
      },
      { type: 'context' },
    ],
  })
  const [{ contentType, content }] = bodyAt('/teams').attachments
  expect(contentType).toBe('application/vnd.microsoft.card.adaptive')
  expect(content).toMatchObject({ type: 'AdaptiveCard', version: '1.4' })
  expect(content.body.at(-1).facts).toContainEqual({ title: 'Incident', value: '42' })
  expect(readTranscript(runner).map(({ kind, effect, status }) => [kind, effect, status])).toEqual(
    Array(3).fill(['request', 'record', 202]),
  )
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toMatch(/sEcReT|abcdefgh/)
})

test('a refused, redirected, broken, silent or absent receiver is reported and delays no other', async () => {
  const echoing = await startReceiver((outgoing, { line }) => outgoing.writeHead(404).end(`Cannot ${line}`))
  const moved = await startReceiver((outgoing) =>
    outgoing.writeHead(302, { location: `http://elsewhere.test${path}` }).end(),
  )
  const broken = await startReceiver((outgoing) => outgoing.writeHead(500).end('a bad\nday'))
  const good = await startReceiver((outgoing) => outgoing.end('ok'))
  const runner = openRunner()
  const sendTo = async (port: number) => {
    const config = await loadTestConfig(`ALERT_SLACK_URL=http://localhost:${port}${path}`)
    const { failure, ms } = await sendAlert({ runner }, createChannels(config)[0]!, createAlert())
    return { what: failure?.what, next: failure?.next, ms }
  }
  const [gone, redirected, failing, refused, hanging, well] = await Promise.all(
    [echoing.port, moved.port, broken.port, await getClosedPort(), await startSilentServer(), good.port].map(
      sendTo,
    ),
  )
  expect(gone!.what).toBe(
    `The alert could not be sent to Slack: localhost:${echoing.port} answered 404 (Cannot POST ***)`,
  )
  expect(gone!.next).toContain('set ALERT_SLACK_URL')
  expect(redirected!.what).toContain(`answered 302`)
  expect(redirected!.next).toContain('final address')
  expect(failing!.what).toContain('answered 500 (a bad day)')
  expect(failing!.next).toBe('The next run sends it again. If that fails too, check ALERT_SLACK_URL in .env.')
  expect(refused!.what).toContain('ECONNREFUSED')
  expect(hanging!.what).toContain('did not answer within 10 s')
  expect(hanging!.ms).toBeGreaterThanOrEqual(9900)
  expect(well).toMatchObject({ what: undefined })
  expect(well!.ms).toBeLessThan(9000)
  expect(
    [gone, redirected, failing, refused, hanging].map((each) => JSON.stringify(each)).join(),
  ).not.toMatch(/sEcReT/)
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toMatch(/sEcReT/)
})

test('an invalid address, a dangling secret reference and a secret in the alert itself', async () => {
  const { heard, port } = await startReceiver((outgoing) => outgoing.end('ok'))
  const runner = openRunner({ known: ['pa55word'] })
  const sendBy = async (value: string) => {
    const config = await loadTestConfig(`ALERT_WEBHOOK_URL=${value}`)
    return sendAlert(
      { runner },
      createChannels(config)[0]!,
      createAlert({ title: 'login pa55word failed', lines: ['pa55word'] }),
    )
  }
  expect((await sendBy('hooks.example/sEcReT')).failure?.what).toMatch(
    /^The alert could not be sent to the webhook: ALERT_WEBHOOK_URL is not an https URL \(http only to this machine\)$/,
  )
  for (const open of ['http://hooks.example/sEcReT', `http://localhost:${port}@hooks.example/sEcReT`])
    expect((await sendBy(open)).failure?.what).toContain('is not an https URL')
  expect(heard).toEqual([])
  expect((await sendBy('env:NO_SUCH_VARIABLE')).failure?.what).toContain(
    'ALERT_WEBHOOK_URL (env:NO_SUCH_VARIABLE) is not set',
  )
  process.env.HOOK_FOR_TEST = `http://localhost:${port}${path}`
  expect(await sendBy('env:HOOK_FOR_TEST')).toMatchObject({ channel: 'webhook' })
  delete process.env.HOOK_FOR_TEST
  expect(JSON.parse(heard[0]!.body)).toMatchObject({ title: 'login *** failed', lines: ['***'] })
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toMatch(/sEcReT|pa55word/)
})

test('a partly configured channel is named; a dry run sends nothing', async () => {
  expect(createChannels(await loadTestConfig(''))).toEqual([])
  const half = await loadTestConfig('ALERT_EMAIL_TO=ops@codex.test', 'ALERT_EMAIL_FROM=dominion@codex.test')
  const failure = await getFailure((async () => createChannels(half))())
  expect(failure).toMatchObject({
    what: 'E-mail alerts are only partly configured: ALERT_EMAIL_TO and ALERT_EMAIL_FROM without SMTP_URL',
    exitCode: 2,
  })
  const { heard, port } = await startReceiver((outgoing) => outgoing.end())
  const config = await loadTestConfig(`ALERT_WEBHOOK_URL=http://localhost:${port}/`)
  const runner = openRunner({ mayChange: false })
  await expect(sendAlert({ runner }, createChannels(config)[0]!, createAlert())).rejects.toThrow(
    'a dry run must not',
  )
  expect(heard).toEqual([])
})

test('the longest alert stays within the limits of Slack and Teams, and contains no markup', () => {
  const long = createAlert({
    title: '<!channel> & '.repeat(200),
    lines: Array(200).fill('&<ü*[x](y)>'.repeat(300)),
  })
  const { text, blocks } = slackBody(long) as {
    text: string
    blocks: { type: string; text?: { text: string } }[]
  }
  const lengths = [text, ...blocks.map((block) => block.text?.text ?? '')].map(({ length }) => length)
  expect(Math.max(...lengths)).toBeLessThanOrEqual(3000)
  expect(blocks[1]!.text!.text.length).toBeGreaterThan(2900)
  expect(blocks[0]!.text!.text.length).toBeLessThanOrEqual(150)
  expect(text + blocks[1]!.text!.text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/)
  const card = JSON.stringify(teamsBody(long))
  expect(Buffer.byteLength(card)).toBeLessThanOrEqual(28_000)
  expect(Buffer.byteLength(card)).toBeGreaterThan(15_000)
  expect(card).toMatch(/… and \d+ more/)
  expect(card.includes('"TextBlock"')).toBe(false)
})

test.each([
  ['raised', 'Now CRITICAL: codexdominion.app (staging): api 503'],
  ['reminder', 'Still CRITICAL: codexdominion.app (staging): api 503'],
  ['recovery', 'Recovered: codexdominion.app (staging): api 503'],
  ['test', 'Test: codexdominion.app (staging): api 503'],
] as const)('%s', (kind, words) => {
  expect(slackBody(createAlert({ kind, environment: 'staging', title: 'api\n503' }))).toMatchObject({
    text: words,
  })
})

test('a failed test alert is not queued; the advice is to run it again', async () => {
  const config = await loadTestConfig(`ALERT_SLACK_URL=http://localhost:${await getClosedPort()}${path}`)
  const { failure } = await sendAlert(
    { runner: openRunner() },
    createChannels(config)[0]!,
    createAlert({ kind: 'test' }),
  )
  expect(failure!.next).toBe(
    'Correct ALERT_SLACK_URL in .env, or the service it points to. Then run npx dominion health --test-alert slack again.',
  )
})
