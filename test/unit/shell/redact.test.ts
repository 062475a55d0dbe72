import { expect, test } from 'vitest'
import { createRedactor } from '../../../lib/shell/redactor.ts'

const secret = 'p"ä/s\\s w&rd=1+%'
const bases = ['base64', 'base64url'].map((name) =>
  Buffer.from(secret)
    .toString(name as 'base64')
    .slice(0, 12),
)

test.each([
  ['as it is', secret],
  ['in JSON', JSON.stringify({ password: secret })],
  [
    'in JSON within JSON, as a tool that prints JSON gets into the transcript',
    JSON.stringify(JSON.stringify({ a: secret })),
  ],
  ['in a URL', `postgresql://u:${encodeURIComponent(secret)}@host/db`],
  ['in a URL with small digits', encodeURIComponent(secret).replaceAll(/%../g, (code) => code.toLowerCase())],
  ['in a form', new URLSearchParams({ password: secret }).toString()],
  ['in base64', `Authorization: ${Buffer.from(secret).toString('base64')}`],
  ['in base64url', Buffer.from(secret).toString('base64url')],
  ['in hexadecimal', Buffer.from(secret).toString('hex')],
  ['in capital hexadecimal', Buffer.from(secret).toString('hex').toUpperCase()],
])('a secret %s is removed', (_, text) => {
  const cleaned = createRedactor([secret]).clean(`before ${text} after ${text}`)
  for (const part of ['rd=1', 'rd%3D1', 'rd%3d1', 's w', 's+w', 'd3=', '7264', ...bases]) {
    expect(cleaned).not.toContain(part)
  }
  expect(cleaned).toMatch(/^before .*\*\*\*.* after .*\*\*\*/)
})

test.each(['', 'u', 'us', 'use'])('a secret after %j is removed from the base64 of both', (before) => {
  for (const name of ['base64', 'base64url'] as const) {
    const text = Buffer.from(`${before}:hunter2-and-more:after`).toString(name)
    const cleaned = createRedactor(['hunter2-and-more']).clean(text)
    const [start = '', end = ''] = cleaned.split('***')
    expect(
      Buffer.from(start, 'base64')
        .toString()
        .slice(0, before.length + 1),
    ).toBe(`${before}:`)
    // At each end, one character may hold bits of a neighbour.
    expect(start.length + end.length).toBeLessThanOrEqual(text.length - Math.floor((16 * 8) / 6) + 1)
  }
})

test('a secret that contains another is removed as a whole', () => {
  expect(createRedactor(['hunter2', 'hunter2-and-more']).clean('x hunter2-and-more hunter2')).toBe(
    'x *** ***',
  )
})

test('a secret registered later is removed from then on', () => {
  const redactor = createRedactor()
  expect(redactor.clean('key k3y-value')).toBe('key k3y-value')
  redactor.add('k3y-value')
  expect(redactor.clean('key k3y-value')).toBe('key ***')
})

test('an empty secret removes nothing; regular expression characters are literal', () => {
  expect(createRedactor(['', 'abc']).clean('abc')).toBe('abc')
  expect(createRedactor(['.*.*', '$&$&']).clean('plain .*.* $&$&')).toBe('plain *** ***')
})

test('an unregistered private key is removed: complete, cut off, in JSON, in JSON within JSON', () => {
  const body = 'b3BlbnNzaC1rZXktdjEAAAAABG5vbmU\nAAAEbm9uZQ+/aQ=='
  const whole = `-----BEGIN OPENSSH PRIVATE KEY-----\n${body}\n-----END OPENSSH PRIVATE KEY-----`
  const { clean } = createRedactor()
  for (const dress of [
    (text: string) => text,
    (text: string) => text.replaceAll('\n', '\r\n'),
    (text: string) => JSON.stringify(text),
    (text: string) => JSON.stringify(JSON.stringify(text)),
  ]) {
    const cleaned = clean(`before ${dress(`${whole} between ${whole.slice(0, -40)}`)}: after`)
    expect(cleaned).toMatch(/^before "?\\?"?\*\*\* between \*\*\*\\*"?"?: after$/)
    expect(clean(cleaned)).toBe(cleaned)
  }
  expect(clean('no -----BEGIN PUBLIC KEY----- is secret')).toContain('PUBLIC KEY')
})
