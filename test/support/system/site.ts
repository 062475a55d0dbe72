import { cpSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createNetworkOptions } from '../../../lib/config/network.ts'
import { type HttpResponse, makeRequest } from '../../../lib/net/http.ts'
import { type ProcessResult, startProcess } from '../../../lib/shell/spawn.ts'
import type { Rehearsal } from './rehearsal.ts'

/** Runs a shell line on the VPS through this machine's ssh client. Rejects when it fails. */
export async function ssh(clouds: Rehearsal, line: string): Promise<string> {
  const result = await trySsh(clouds, line)
  if (result.code !== 0) throw new Error(`${line}: exit ${result.code}: ${result.stderr}`)
  return result.stdout
}

export const trySsh = ({ folder, state }: Rehearsal, line: string): Promise<ProcessResult> =>
  startProcess(
    [
      ...['ssh', '-i', path.join(folder, 'id_ed25519'), '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes'],
      ...['-o', `UserKnownHostsFile=${path.join(folder, 'known_hosts')}`, `root@${state.vps}`, line],
    ],
    { env: process.env, timeoutMs: 60_000, signal: AbortSignal.timeout(60_000) },
  )

/** The host that nginx sends /api/ to. */
export const getBackendHost = async (clouds: Rehearsal): Promise<string> =>
  (
    await ssh(clouds, `sed -n 's/^set .backend \\(.*\\);$/\\1/p' /etc/nginx/dominion/*/loaded/backend.conf`)
  ).trim()

/** A visitor's request: resolved by the rehearsal's DNS, and the rehearsal's authorities are trusted. */
export function createVisitor({ config }: Rehearsal) {
  const reach = createNetworkOptions(config)
  return (
    address: string,
    options: {
      method?: 'GET' | 'HEAD' | 'POST' | 'DELETE'
      headers?: Record<string, string>
      body?: string
    } = {},
  ): Promise<HttpResponse> => {
    const url = address.startsWith('/') ? `https://${config.domain}${address}` : address
    const request = { method: 'GET', url, effect: 'read', timeoutMs: 15_000, ...options } as const
    return makeRequest(request, reach, AbortSignal.timeout(20_000))
  }
}

/** Text of the page and asset of a small dashboard: a page shows its own asset and one that all pages share. */
export interface Content {
  shared: string
  pages: Record<string, string>
}

/**
 * A dashboard without Next.js, so that a build takes no time: `npm run build` writes pages and hashed assets in the
 * layout of a static export, and copies public/.
 */
export function smallDashboard(content: Content): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'small-dashboard-'))
  const about = { name: 'small-dashboard', version: '1.0.0', scripts: { build: 'node build.mjs' } }
  const packages = { '': { name: about.name, version: about.version } }
  const lock = { name: about.name, version: about.version, lockfileVersion: 3, packages }
  mkdirSync(path.join(folder, 'public'))
  mkdirSync(path.join(folder, 'node_modules'))
  writeFileSync(path.join(folder, 'package.json'), JSON.stringify(about))
  writeFileSync(path.join(folder, 'package-lock.json'), JSON.stringify(lock))
  // As npm leaves it: nothing is to be installed.
  writeFileSync(
    path.join(folder, 'node_modules', '.package-lock.json'),
    JSON.stringify({ ...lock, packages: {} }),
  )
  cpSync(path.join(import.meta.dirname, 'small-dashboard', 'build.mjs'), path.join(folder, 'build.mjs'))
  writeContent(folder, content)
  return folder
}

export const writeContent = (folder: string, content: Content): void =>
  writeFileSync(path.join(folder, 'content.json'), JSON.stringify(content))

/** Pages `index`, `p1` … with enough text to be worth compressing. */
export const createContent = (pages: number, word: string): Content => ({
  shared: word,
  pages: Object.fromEntries(
    Array.from({ length: pages }, (_, index) => [
      index === 0 ? 'index' : `p${index}`,
      `${word} ${index} `.repeat(200),
    ]),
  ),
})
