import { expect } from 'vitest'
import type { createVisitor } from './site.ts'

type Visit = ReturnType<typeof createVisitor>

/** What `/api/session?N` answers in Set-Cookie, and what of it nginx lets through. */
export const sessionCookies: readonly { sent: string[]; passed?: string }[] = [
  { sent: ['__Host-dominion=a.b-C_9; Path=/; Secure; HttpOnly'], passed: '__Host-dominion=a.b-C_9' },
  {
    sent: [
      '__Host-dominion=a; Domain=codexdominion.app; Path=/x; SameSite=None; Max-Age=99999999',
      'b=2; Path=/',
    ],
    passed: '__Host-dominion=a',
  },
  {
    sent: ['__Host-dominion=; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0'],
    passed: '__Host-dominion=',
  },
  { sent: ['session=1; Path=/'] },
  { sent: ['session=1', '__Host-dominion=a; Path=/'] },
  { sent: ['session=1; __Host-dominion=a; Path=/'] },
  { sent: ['__Host-dominion=a'] },
  { sent: ['__Host-dominion=a b; Path=/'] },
  { sent: ['__Host-dominion="a"; Path=/'] },
  { sent: [`__Host-dominion=${'a'.repeat(701)}; Path=/`] },
  { sent: ['__Host-dominion2=a; Path=/'] },
  { sent: ['__host-dominion=a; Path=/'] },
]

/** Asks the echo backend for each of them, and what may be stored of an answer to a request with one. */
export async function expectOnlySessionCookies(get: Visit): Promise<void> {
  for (const [number, { sent, passed }] of sessionCookies.entries()) {
    const age = passed?.endsWith('=') ? 0 : 43_200
    const expected = passed && [`${passed}; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=${age}`]
    const { status, headers } = await get(`/api/session?${number}`)
    expect([status, headers['set-cookie']], sent.join()).toEqual([200, expected])
    expect((await get(`/api/other?${number}`)).headers['set-cookie'], sent.join()).toBeUndefined()
  }
  // The address alone sets nothing, so that no link can replace or remove the session.
  for (const separator of ['%20', '/', '%0a', '']) {
    for (const cookie of ['__Host-dominion=a;', '__Host-dominion=;']) {
      const link = `/api/session${separator}${cookie}`
      expect((await get(link)).headers['set-cookie'], link).toBeUndefined()
    }
  }
  for (const [cookie, stored] of [
    ['theme=dark; __Host-dominion=a', 'no-store'],
    ['theme=dark', 'public, max-age=600'],
  ] as const) {
    const { headers } = await get('/api/cacheable', { headers: { cookie } })
    expect(headers['cache-control'], cookie).toBe(stored)
  }
}

/** Attempts to sign in, however the address is written: 6 at once and one every 6 s. */
export async function expectFewAttempts(get: Visit): Promise<void> {
  const spellings = ['/api/session', '/api/%73ession', '/api//session', '/api/x/../session?y']
  const ask = (path: string) => get(path, { method: 'POST', body: '{}' })
  const answers = await Promise.all(Array.from({ length: 16 }, (_, n) => ask(spellings[n % 4]!)))
  const count = (wanted: number) => answers.filter(({ status }) => status === wanted).length
  expect(count(200) + count(429)).toBe(16)
  expect(count(200)).toBeLessThanOrEqual(7)
  expect((await get('/api/session')).status).toBe(200)
  // Whoever has used them up can still sign out.
  expect((await get('/api/session', { method: 'DELETE' })).status).toBe(200)
  expect((await ask('/api/x')).status).toBe(200)
}
