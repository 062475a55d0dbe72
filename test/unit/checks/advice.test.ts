import { expect, test } from 'vitest'
import { getAdvice, type Observation } from '../../../lib/checks/check.ts'
import { unanswered } from '../../../lib/checks/connectionErrors.ts'
import { quickChecks } from '../../../lib/checks/quickChecks.ts'
import { targetCheck } from '../../../lib/checks/site/target.ts'

const known = [...quickChecks, targetCheck({ id: 'shop', url: 'https://shop.example/' })]
const advice = (id: string, detail: string, rest: Partial<Observation> = {}) =>
  getAdvice(known.find((check) => check.id === id)!, { verdict: 'CRITICAL', detail, ...rest })

test.each([
  ['static', 'https://shop.test/: connect ECONNREFUSED 10.0.0.5:443', /systemctl start nginx/],
  ['certificate', 'https://shop.test/: connection refused', /systemctl start nginx/],
  ['static', 'no answer within 10 s', /firewall.*80 and 443/],
  ['api', 'no answer within 10 s', /restart-containers --only backend/],
  ['api-ai', '/api/ai/status answers 502', /view-logs --only backend/],
  [
    'backend',
    'http://b.test:8000/health: connect ECONNREFUSED 10.0.0.6:8000',
    /restart-containers --only backend/,
  ],
])('%s, %s: what to do', (id, detail, words) => {
  expect(advice(id, detail)).toMatch(words)
})

test('no advice without a fault, without a remedy, or where the probe knows better', () => {
  expect(advice('static', '200 in 900 ms, limit 500 ms', { verdict: 'WARNING' })).toBeUndefined()
  expect(advice('shop', 'connect ECONNREFUSED 10.0.0.9:443')).toBeUndefined()
  expect(advice('static', 'https://shop.test/ answers 404')).toBeUndefined()
  expect(advice('backend', 'refused', { next: 'this' })).toBe('this')
})

test("Python's errors are described", () => {
  const error = Object.assign(new Error('[Errno 111] Connection refused'), { code: 'ECONNREFUSED' })
  expect(unanswered('https://shop.test/', error).detail).toBe('https://shop.test/: connection refused')
})
