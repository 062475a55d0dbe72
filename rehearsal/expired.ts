import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Authority } from './authority.ts'
import { runIn } from './machine.ts'
import type { Vps } from './vps.ts'

const day = 86_400_000
const names = ['codexdominion.app', 'www.codexdominion.app']
const files = ['fullchain.pem', 'cert.pem', 'privkey.pem']
let kept: string[] | undefined

/**
 * Replaces the site's certificate in the folder of certbot with an expired one and makes nginx load it, or
 * restores the valid one. Both are from authorities that the scripts trust.
 */
export async function expireCertificate(vps: Vps, authority: Authority, expired: boolean): Promise<void> {
  const paths = files.map((file) => join(vps.root, 'etc/letsencrypt/live', names[0]!, file))
  const before = paths.map((file) => readFileSync(file, 'utf8'))
  if (expired) {
    const [from, to] = [new Date(Date.now() - 91 * day), new Date(Date.now() - day)]
    const { certificate, key } = await authority.issue(names, { from, to })
    kept ??= before
    write(paths, [certificate, certificate, key])
  } else if (kept) {
    write(paths, kept)
    kept = undefined
  }
  await runIn(vps, ['systemctl', 'reload', 'nginx'])
}

const write = (paths: readonly string[], texts: readonly string[]): void =>
  paths.forEach((file, at) => {
    writeFileSync(file, texts[at]!)
  })
