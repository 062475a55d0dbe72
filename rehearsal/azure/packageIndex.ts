import type { Call, Reply } from './http.ts'

/** PyPI's host, as pip of an image build sees it. */
export const packageIndexHost = 'pypi.org'

const forwarded = 'packages'

/** The package index that pip uses on this machine; PyPI if none is configured. */
const getIndex = (): string => (process.env.PIP_INDEX_URL ?? 'https://pypi.org/simple').replace(/\/+$/, '')

const ask = (url: string, timeoutMs: number): Promise<Response | undefined> =>
  fetch(url, { headers: { Accept: 'text/html' }, signal: AbortSignal.timeout(timeoutMs) }).catch(
    () => undefined,
  )

/**
 * Answers pip with the package index that this machine reaches. Without one there is no package, and pip compares each
 * requirement with what the image has. Every file of a page is linked to this host, because an image build reaches no
 * other one. Source: PEP 503, "Simple Repository API".
 */
export async function packageIndex(call: Call): Promise<Reply> {
  const [kind, name = ''] = call.path.split('/').filter(Boolean)
  if (kind === forwarded) {
    const file = await ask(Buffer.from(name, 'base64url').toString(), 300_000)
    return file?.ok ? { status: 200, body: Buffer.from(await file.arrayBuffer()) } : { status: 404 }
  }
  const page = await ask(`${getIndex()}/${name}/`, 10_000)
  if (!page?.ok) return { status: 404 }
  return {
    status: 200,
    headers: { 'Content-Type': 'text/html' },
    body: (await page.text())
      .replace(/ data-(dist-info|core)-metadata="[^"]*"/g, '')
      .replace(/(<a [^>]*?href=")([^"#]+)/g, (_, start, href) => `${start}${link(href, page.url)}`),
  }
}

/** What pip cannot know when it finds no package: whether there was an index at all. */
export async function explainMissingPackage(): Promise<string> {
  const { host } = new URL(getIndex())
  return (await ask(`${getIndex()}/pip/`, 10_000))
    ? `The rehearsal asked the package index ${host}, which has nothing suitable for Python 3.11.`
    : `This machine cannot reach the package index ${host} (PIP_INDEX_URL), so pip in the rehearsal has only the packages in rehearsal/roots.ts. Add the Debian package there, or make the index reachable.`
}

function link(href: string, page: string): string {
  const url = new URL(href.replaceAll('&amp;', '&'), page)
  return `/${forwarded}/${Buffer.from(url.href).toString('base64url')}/${url.pathname.split('/').at(-1)}`
}
