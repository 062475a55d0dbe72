import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { DefaultTreeAdapterTypes } from 'parse5'
import { mapLimit } from '../../util/concurrency.ts'

type Node = DefaultTreeAdapterTypes.Node

/**
 * Restricts every page of an export to the inline scripts that it was built with. The policy is part of the page, not a
 * header of nginx, so that the two can never differ (docs/decisions/0013-script-policy-in-the-page.md).
 */
export async function addScriptPolicies(folder: string, paths: Iterable<string>): Promise<void> {
  const pages = [...paths].filter((name) => /\.html?$/.test(name))
  await mapLimit(4, pages, async (name) => {
    const file = path.join(folder, ...name.split('/'))
    const content = await readFile(file)
    // Decoding anything else and encoding it again would change it.
    if (!isUtf8(content)) return
    const html = content.toString()
    const restricted = await addScriptPolicy(html)
    if (restricted !== html) await writeFile(file, restricted)
  })
}

/** Adds the policy to a page as the first element of its head that can have an effect. Done already: the same text. */
export async function addScriptPolicy(html: string): Promise<string> {
  const { parse } = await import('parse5')
  // parse5 does not count a byte order mark.
  const before = html.startsWith('\ufeff') ? 1 : 0
  const nodes = [...walk(parse(html.slice(before), { sourceCodeLocationInfo: true }))]
  const meta = `<meta http-equiv="Content-Security-Policy" content="script-src ${getSources(nodes).join(' ')}"/>`
  if (html.includes(meta)) return html
  const place = before + findPlace(nodes)
  return html.slice(0, place) + meta + html.slice(place)
}

/** Event handlers need 'unsafe-hashes' as well (W3C, CSP Level 3, 6.7.3.3). */
function getSources(nodes: readonly Node[]): string[] {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const scripts = nodes.flatMap((node) =>
    node.nodeName === 'script' && 'attrs' in node && !node.attrs.some(({ name }) => name === 'src')
      ? [node.childNodes.map((child) => ('value' in child ? child.value : '')).join('')]
      : [],
  )
  const handlers = nodes
    .flatMap((node) => ('attrs' in node ? node.attrs : []))
    .filter(({ name }) => name.startsWith('on'))
  return [
    "'self'",
    ...new Set(scripts.filter((text) => text !== '').map(hash)),
    ...(handlers.length > 0 ? ["'unsafe-hashes'", ...new Set(handlers.map(({ value }) => hash(value)))] : []),
  ]
}

/**
 * Where the head begins. A policy does not apply to what precedes it, except for a `charset`, which stays first: it has to
 * be within the first 1024 bytes (HTML, 4.2.5.4).
 */
function findPlace(nodes: readonly Node[]): number {
  const find = (name: string) => nodes.find((node) => node.nodeName === name)
  const head = find('head')
  const first = head && 'childNodes' in head ? head.childNodes.find((node) => 'attrs' in node) : undefined
  const charset = first?.attrs.some(({ name }) => name === 'charset') ? first : undefined
  const ends = [
    charset?.sourceCodeLocation?.endOffset,
    // A page may omit these tags.
    ...[head, find('html')].map((node) => getStartTagEnd(node)),
    find('#documentType')?.sourceCodeLocation?.endOffset,
  ]
  return ends.find((end) => end !== undefined) ?? 0
}

const getStartTagEnd = (node: Node | undefined): number | undefined =>
  node && 'attrs' in node ? node.sourceCodeLocation?.startTag?.endOffset : undefined

function* walk(node: Node): Generator<Node> {
  yield node
  if ('content' in node) yield* walk(node.content)
  if ('childNodes' in node) for (const child of node.childNodes) yield* walk(child)
}
