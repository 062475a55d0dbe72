import { afterEach, expect, test, vi } from 'vitest'
import { explainMissingPackage, packageIndex } from '../../../rehearsal/azure/packageIndex.ts'

/* What pip of an image build receives; test/system/imageBuilds.test.ts installs with it. */

afterEach(() => vi.unstubAllGlobals())

const ask = (path: string) =>
  packageIndex({
    method: 'GET',
    host: 'pypi.org',
    path,
    query: new URLSearchParams(),
    headers: {},
    body: Buffer.alloc(0),
  })

/** An index with these pages and files. */
function serve(files: Record<string, string>): string[] {
  const asked: string[] = []
  vi.stubEnv('PIP_INDEX_URL', 'https://index.test/simple')
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    const text = files[url]
    if (text === undefined) throw new TypeError('fetch failed')
    return Object.defineProperty(new Response(text), 'url', { value: url })
  })
  return asked
}

test('every file of a page is fetched through the same host, with its hash', async () => {
  const asked = serve({
    'https://index.test/simple/one/':
      '<a href="../../files/one-1.0.whl#sha256=12" data-requires-python="&gt;=3.8" data-dist-info-metadata="sha256=34">one</a>\n' +
      '<a data-yanked="" href="https://files.test/one-1.1.tar.gz?a=b&amp;c=d">two</a>',
    'https://index.test/files/one-1.0.whl': 'wheel',
    'https://files.test/one-1.1.tar.gz?a=b&c=d': 'source',
  })
  const { status, body } = await ask('/simple/one/')
  expect(status).toBe(200)
  const [first = '', second = ''] = String(body).split('\n')
  expect(first).toMatch(
    /^<a href="\/packages\/[\w-]+\/one-1\.0\.whl#sha256=12" data-requires-python="&gt;=3\.8">one<\/a>$/,
  )
  for (const [line, content] of [
    [first, 'wheel'],
    [second, 'source'],
  ] as const) {
    const [, href = ''] = /href="([^"#]+)/.exec(line) ?? []
    expect(await ask(href)).toMatchObject({ status: 200, body: Buffer.from(content) })
  }
  expect(asked).toHaveLength(3)
})

test('without an index there is no package, and the build log says so', async () => {
  serve({})
  expect((await ask('/simple/one/')).status).toBe(404)
  expect(await explainMissingPackage()).toMatch(
    /cannot reach the package index index\.test.*rehearsal\/roots\.ts/,
  )
})

test('an index without the package is named', async () => {
  serve({ 'https://index.test/simple/pip/': '' })
  expect((await ask('/simple/one/')).status).toBe(404)
  expect(await explainMissingPackage()).toMatch(/package index index\.test, which has nothing suitable/)
})
