import { expect, test } from 'vitest'
import { parseTargets, readTargets } from '../../../lib/checks/customTargets.ts'

test('a target a line: URL, name, limits, comments', () => {
  const text = [
    '# the shop',
    'https://shop.test/?token=geheim#top',
    'cart  https://shop.test/cart 500,2000   # slow at night',
    '\thttp://127.0.0.1:8080/x 100,100\r',
    '',
  ].join('\n')
  expect(parseTargets(text, 'targets')).toEqual([
    { id: 'https://shop.test/', url: 'https://shop.test/?token=geheim' },
    { id: 'cart', url: 'https://shop.test/cart', limits: { warning: 500, critical: 2000 } },
    {
      id: 'http://127.0.0.1:8080/x',
      url: 'http://127.0.0.1:8080/x',
      limits: { warning: 100, critical: 100 },
    },
  ])
})

test('every wrong line is named at once', () => {
  const text = [
    'shop.test',
    'ftp://shop.test/',
    'static https://shop.test/',
    'a https://shop.test/a 500',
    'b https://shop.test/b 2000,500',
    'c https://shop.test/c 1,2 3',
    'my shop https://shop.test/',
    'ok https://shop.test/ok',
    'ok https://shop.test/again',
    'http://',
    'api-2 https://shop.test/',
    'api-inner-tool https://shop.test/',
    'd https://bob:geheim@shop.test/?token=geheim',
    'd https://bob:geheim@shop.test/?token=geheim 5 5',
    'https://shop.test/?a=1',
    'https://shop.test/?a=2',
  ].join('\n')
  expect(() => parseTargets(text, 't')).toThrow(
    [
      't has 14 wrong lines:',
      '  t:1: there is no URL in "shop.test"',
      '  t:2: ftp://shop.test/ is no http or https URL',
      '  t:3: static is the name of a probe',
      '  t:4: 500 is not WARNING,CRITICAL in milliseconds, such as 500,2000',
      '  t:5: 2000,500: the WARNING comes before the CRITICAL',
      '  t:6: "c https://shop.test/c 1,2 3" has too many words',
      '  t:7: "my shop https://shop.test/" has too many words',
      '  t:9: ok is on line 8, too',
      '  t:10: http:// is no http or https URL',
      '  t:11: api-2 is the name of a probe',
      '  t:12: api-inner-tool is the name of a probe',
      '  t:13: the URL at shop.test has a user name or a password in it, which would be shown and sent with every alert',
      '  t:14: "d https://***@shop.test/?*** 5 5" has too many words',
      '  t:16: https://shop.test/ is on line 15, too: give them names',
    ].join('\n'),
  )
})

test('no target at all, and no file', () => {
  expect(() => parseTargets('# none\n', 't')).toThrow('t names no target')
  expect(() => readTargets('/no/such/file')).toThrow('--targets /no/such/file cannot be read: ENOENT')
})
