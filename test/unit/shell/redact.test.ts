import { expect, test } from 'vitest'
import { createRedactor } from '../../../lib/shell/redactor.ts'

const secret = 'p"ä/s\\s w&rd=1+%'

test.each([
  ['as it is', secret],
  ['in JSON', JSON.stringify({ password: secret })],
  [
    'in JSON within JSON, as a tool that prints JSON gets into the transcript',
    JSON.stringify(JSON.stringify({ a: secret })),
  ],
  ['in a URL', `postgresql://u:${encodeURIComponent(secret)}@host/db`],
  ['in base64', `Authorization: ${Buffer.from(secret).toString('base64')}`],
])('a secret %s is removed', (_, text) => {
  const cleaned = createRedactor([secret]).clean(`before ${text} after ${text}`)
  for (const part of ['rd=1', 'rd%3D1', 's w', Buffer.from(secret).toString('base64').slice(0, 12)]) {
    expect(cleaned).not.toContain(part)
  }
  expect(cleaned).toMatch(/^before .*\*\*\*.* after .*\*\*\*/)
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
