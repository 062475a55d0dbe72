import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { addScriptPolicies, addScriptPolicy } from '../../../lib/vps/frontend/scriptPolicy.ts'
import { temporaryFolder } from '../../support/helpers.ts'

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
const meta = (...sources: string[]) =>
  `<meta http-equiv="Content-Security-Policy" content="script-src ${["'self'", ...sources].join(' ')}"/>`

test('a page allows its own inline scripts, each once, and no other', async () => {
  const page = (policy: string) =>
    `<!DOCTYPE html><html lang="en"><head><meta charSet="utf-8"/>${policy}<title>a</title>` +
    '<script src="/_next/static/a.js" async=""></script><script>one("é & <b>")</script></head><body>' +
    '<script id="_R_">two()</script><script>two()</script><script src="/b.js"></script><script></script></body></html>'
  const policy = meta(hash('one("é & <b>")'), hash('two()'))
  expect(await addScriptPolicy(page(''))).toBe(page(policy))
  expect(await addScriptPolicy(page(policy)), 'a second time').toBe(page(policy))
  // The value that browsers compute, from MDN's page on script-src.
  expect(meta(hash('doSomething();'))).toContain("'sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc='")
})

test.each([
  ['nothing inline', '<p>x</p>', []],
  ['a line break of Windows, which a browser reads as \\n', '<script>a\r\nb</script>', [hash('a\nb')]],
  [
    'a script in a comment or in a text',
    '<!-- <script>a</script> --><textarea><script>b</script></textarea>',
    [],
  ],
  [
    'a "<script>" within a script',
    '<script><!-- <script> </script> --></script>',
    [hash('<!-- <script> </script> -->')],
  ],
  [
    'an SVG and a template',
    '<svg><script>a</script></svg><template><script>b</script></template>',
    [hash('a'), hash('b')],
  ],
  ['capitals, and no quotes', '<SCRIPT SRC=/a.js></SCRIPT><SCRIPT TYPE=module>m()</SCRIPT>', [hash('m()')]],
  [
    'event handlers',
    '<p onclick="go(&quot;x&quot;)">a</p><script>a</script>',
    [hash('a'), "'unsafe-hashes'", hash('go("x")')],
  ],
] as const)('%s', async (_, body, sources) => {
  const page = (policy: string) => `<html><head>${policy}</head><body>${body}</body></html>`
  expect(await addScriptPolicy(page(''))).toBe(page(meta(...sources)))
})

test.each([
  ['after the head begins', '<!doctype html><html><head data-a=">">', '<title>a</title>'],
  ['after a charset on the next line', '<html><head>\n  <meta charset=utf-8>', '<title>a</title>'],
  ['before a charset that is not first', '<html><head>', '<title>a</title><meta charset="utf-8">'],
  ['where the head has no tag', '<!doctype html><html lang=en>', '<title>a</title>'],
  ['where only a doctype is written', '<!doctype html>', '<title>a</title>x'],
  ['where nothing is written', '', '<p>a'],
  ['after a byte order mark', '\ufeff<!doctype html><html><head>', '<title>a</title>'],
])('it is added %s', async (_, before, after) => {
  expect(await addScriptPolicy(before + after)).toBe(before + meta() + after)
})

test('all pages of an export get it, and no other file changes', async () => {
  const folder = temporaryFolder()
  mkdirSync(path.join(folder, 'a'))
  const names = ['index.html', '404.html', 'a/b.html', 'a/b.txt', 'latin1.html']
  for (const name of names) writeFileSync(path.join(folder, name), '<head><title>é</title>')
  writeFileSync(path.join(folder, 'latin1.html'), '<head><title>é</title>', 'latin1')
  await addScriptPolicies(folder, names)
  const changed = names.filter((name) => readFileSync(path.join(folder, name), 'utf8').includes('http-equiv'))
  expect(changed).toEqual(['index.html', '404.html', 'a/b.html'])
  expect(readFileSync(path.join(folder, 'latin1.html'), 'latin1')).toBe('<head><title>é</title>')
})
