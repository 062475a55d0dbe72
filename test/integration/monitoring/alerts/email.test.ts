import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import type { Alert } from '../../../../lib/monitoring/alerts/alert.ts'
import { createChannels, sendAlert } from '../../../../lib/monitoring/alerts/channels.ts'
import { createMail, parseMailServer } from '../../../../lib/monitoring/alerts/email.ts'
import { createAlert, getClosedPort, startSilentServer } from '../../../support/alertFixtures.ts'
import { createCertificate } from '../../../support/certificate.ts'
import { loadTestConfig, openRunner, readTranscript } from '../../../support/helpers.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'dominion-unit-'))
const certificate = createCertificate(folder, ['mail.test'])
afterAll(() => rmSync(folder, { recursive: true }))

interface Taken {
  to: string[]
  secure: boolean
  user: unknown
  text: string
}

/** A mail server with STARTTLS that accepts one login and refuses recipients at nowhere.test. */
async function mailServer(more: SMTPServerOptions = {}): Promise<{ port: number; taken: Taken[] }> {
  const taken: Taken[] = []
  const server = new SMTPServer({
    key: certificate.key,
    cert: certificate.cert,
    onAuth: ({ username, password }, _session, done) =>
      username === 'dominion@codex.test' && password === 'p@ss:word/1'
        ? done(null, { user: username })
        : done(new Error('wrong login')),
    onRcptTo: ({ address }, _session, done) =>
      done(address.endsWith('@nowhere.test') ? new Error('no such box') : undefined),
    onData: (stream, session, done) => {
      let text = ''
      stream.on('data', (chunk) => {
        text += chunk
      })
      stream.on('end', () => {
        const to = session.envelope.rcptTo.map(({ address }) => address)
        taken.push({ to, secure: session.secure, user: session.user, text })
        done()
      })
    },
    ...more,
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))
  onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())))
  return { port: (server.server.address() as { port: number }).port, taken }
}

const login = 'dominion%40codex.test:p%40ss%3Aword%2F1'

const trusting = () =>
  openRunner({
    reach: { resolve: async () => [{ address: '127.0.0.1', family: 4 }], authorities: [certificate.cert] },
  })

async function mail(url: string, runner = trusting(), to = 'anna@codex.test', what: Partial<Alert> = {}) {
  const config = await loadTestConfig(
    `SMTP_URL=${url}`,
    `ALERT_EMAIL_TO=${to}`,
    'ALERT_EMAIL_FROM=dominion@codex.test',
  )
  return sendAlert({ runner }, createChannels(config)[0]!, createAlert(what))
}

/** A header of a message, unfolded. */
const header = (text: string, name: string) =>
  new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'mi').exec(text)?.[1]?.replaceAll(/\r\n[ \t]/g, ' ')

test('problem and recovery are sent after STARTTLS and login as one thread; the login is not recorded', async () => {
  const { port, taken } = await mailServer()
  const runner = trusting()
  const url = `smtp://${login}@mail.test:${port}`
  expect((await mail(url, runner, 'anna@codex.test,ben@codex.test')).failure).toBeUndefined()
  const recovery = { kind: 'recovery', title: 'api 503', at: createAlert().at + 60_000 } as const
  expect((await mail(url, runner, 'anna@codex.test', recovery)).failure).toBeUndefined()
  expect(taken.map(({ to, secure, user }) => [to, secure, user])).toEqual([
    [['anna@codex.test', 'ben@codex.test'], true, 'dominion@codex.test'],
    [['anna@codex.test'], true, 'dominion@codex.test'],
  ])
  const [first, second] = taken.map(({ text }) => text) as [string, string]
  expect(header(first, 'subject')).toBe('CRITICAL: codexdominion.app: api 503')
  expect(header(first, 'auto-submitted')).toBe('auto-generated')
  expect(first).toContain('\r\n\r\nCRITICAL: codexdominion.app: api 503\r\n\r\napi: CRITICAL, 503 <Service')
  expect(first).toContain('Since: 2026-11-23 04:20 UTC')
  expect(header(second, 'subject')).toBe('Recovered: codexdominion.app: api 503')
  const thread = header(first, 'message-id')
  expect(thread).toBe('<incident-default-42@codexdominion.app>')
  expect([header(first, 'in-reply-to'), header(second, 'in-reply-to'), header(second, 'references')]).toEqual(
    [undefined, thread, thread],
  )
  expect(header(second, 'message-id')).not.toBe(thread)
  expect(readTranscript(runner)[0]).toMatchObject({
    ...{ kind: 'mail', effect: 'record', refused: [] },
    line: `mail by mail.test:${port} to anna@codex.test, ben@codex.test: CRITICAL: codexdominion.app: api 503`,
  })
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toMatch(/p@ss|p%40ss|word\/1/)
})

test('a dry run never sends e-mail', async () => {
  const { port, taken } = await mailServer()
  const server = parseMailServer(`smtp://localhost:${port}`, { key: 'SMTP_URL', file: '.env' })
  const value = createMail(createAlert(), server, { to: 'anna@codex.test', from: 'dominion@codex.test' })
  await expect(openRunner({ mayChange: false }).mail(value)).rejects.toThrow(
    'a dry run must not run: mail by localhost',
  )
  expect(taken).toEqual([])
})

test('uses TLS from the start; a refused recipient among others is a remark', async () => {
  const { port, taken } = await mailServer({ secure: true })
  const sent = await mail(
    `smtps://${login}@mail.test:${port}`,
    trusting(),
    'anna@codex.test,ben@nowhere.test',
  )
  expect(sent).toMatchObject({
    channel: 'email',
    remark: 'mail.test refused the recipients ben@nowhere.test',
  })
  expect(taken.map(({ to, secure }) => [to, secure])).toEqual([[['anna@codex.test'], true]])
})

test('a relay on this machine needs neither login nor TLS', async () => {
  const { port, taken } = await mailServer({ disabledCommands: ['STARTTLS'], authOptional: true })
  expect((await mail(`smtp://localhost:${port}`)).failure).toBeUndefined()
  expect(taken.map(({ secure }) => secure)).toEqual([false])
})

test('a permanent refusal of the message is final, a temporary one is not', async () => {
  const refused = async (responseCode: number) => {
    const onData: SMTPServerOptions['onData'] = (stream, _session, done) => {
      stream.resume().on('end', () => done(Object.assign(new Error('not this one'), { responseCode })))
    }
    const { port } = await mailServer({ onData })
    return mail(`smtp://${login}@mail.test:${port}`)
  }
  expect(await refused(554)).toMatchObject({
    forGood: true,
    failure: { what: expect.stringContaining('554') },
  })
  const later = await refused(451)
  expect([later.failure?.what, later.forGood]).toEqual([expect.stringContaining('451'), undefined])
})

test('wrong login, no trust, no STARTTLS, a wrong recipient, silence and a closed port are reported without the login', async () => {
  const { port, taken } = await mailServer()
  const plain = await mailServer({ disabledCommands: ['STARTTLS'] })
  const runner = trusting()
  const untrusting = openRunner()
  const failures = await Promise.all([
    mail(`smtp://dominion%40codex.test:wr0ngpass@mail.test:${port}`, runner),
    mail(`smtp://${login}@mail.test:${port}`, untrusting),
    mail(`smtp://${login}@other.test:${port}`, runner),
    mail(`smtp://${login}@mail.test:${plain.port}`, runner),
    mail(`smtp://${login}@mail.test:${port}`, runner, 'ben@nowhere.test'),
    mail(`smtp://${login}@mail.test:${await startSilentServer()}`, runner),
    mail(`smtp://${login}@mail.test:${await getClosedPort()}`, runner),
  ])
  const said = failures.map(({ failure }) => `${failure?.what} → ${failure?.next}`)
  const expected = [
    /wrong login.* → Correct the user and password in SMTP_URL \(\.env\)/,
    /self.signed certificate.* → .*CA_FILE/,
    /altnames.* → .*the host name matches its certificate/,
    /STARTTLS.* → The server offers no trusted encryption/,
    /no such box.* → Correct ALERT_EMAIL_TO/,
    /did not answer within 10 s/,
    /ECONNREFUSED.* → The next run sends it again/,
  ]
  for (const [index, words] of expected.entries()) expect(said[index]).toMatch(words)
  for (const words of said)
    expect(words).toMatch(/^The alert could not be sent to e-mail: (mail|other)\.test:\d+/)
  const written = [runner, untrusting].map(({ transcript }) => readFileSync(transcript.file, 'utf8')).join()
  expect(said.join() + written).not.toMatch(/p@ss|p%40ss|word\/1|wr0ngpass/)
  expect([...taken, ...plain.taken]).toEqual([])
})

test.each([
  [
    'smtps://u%40x:p%2F@h.test',
    { host: 'h.test', port: 465, encryption: 'tls', login: { user: 'u@x', password: 'p/' } },
  ],
  ['smtp://h.test', { host: 'h.test', port: 587, encryption: 'starttls' }],
  ['smtp://[::1]:25', { host: '::1', port: 25, encryption: 'none' }],
  [
    'smtp://u:p@localhost',
    { host: 'localhost', port: 587, encryption: 'starttls', login: { user: 'u', password: 'p' } },
  ],
])('%s', (text, server) => {
  expect(parseMailServer(text, { key: 'SMTP_URL', file: '.env' })).toEqual(server)
})

test.each(['mail.test:587', 'http://h.test', 'smtp://', 'smtp://u:pa/ss@h.test', 'smtp://h.test?a=b'])(
  'no mail server: %s',
  (text) => {
    expect(() => parseMailServer(text, { key: 'SMTP_URL', file: '.env' })).toThrow(
      'SMTP_URL is not the address of a mail server',
    )
  },
)
