import { expect, test } from 'vitest'
import { parseTargets, readTargets } from '../../../lib/checks/customTargets.ts'

test('one target per line: URL, name, limits, comments', () => {
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

test('all invalid lines are named at once', () => {
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
      't has 14 invalid lines:',
      '  t:1: "shop.test" contains no URL',
      '  t:2: ftp://shop.test/ is not an http or https URL',
      '  t:3: static is a reserved name',
      '  t:4: 500 is not WARNING,CRITICAL in milliseconds, such as 500,2000',
      '  t:5: 2000,500: the WARNING limit must not be above the CRITICAL limit',
      '  t:6: "c https://shop.test/c 1,2 3" has too many words',
      '  t:7: "my shop https://shop.test/" has too many words',
      '  t:9: ok is on line 8, too',
      '  t:10: http:// is not an http or https URL',
      '  t:11: api-2 is a reserved name',
      '  t:12: api-inner-tool is a reserved name',
      '  t:13: the URL at shop.test contains a user name or password, which would be shown and sent with every alert',
      '  t:14: "d https://***@shop.test/?*** 5 5" has too many words',
      '  t:16: https://shop.test/ is on line 15, too: give them names',
    ].join('\n'),
  )
})

test('no targets, and no file', () => {
  expect(() => parseTargets('# none\n', 't')).toThrow('t contains no targets')
  expect(() => readTargets('/no/such/file')).toThrow('--targets /no/such/file cannot be read: ENOENT')
})
