import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { createAuthority } from './authority.ts'
import { endAzCalls } from './azCalls.ts'
import { startAzure } from './azure/azure.ts'
import { claimRehearsal, type Owner } from './claim.ts'
import type { Release } from './debianRoot.ts'
import { startDns } from './dns.ts'
import { createSecrets, renderEnvironment } from './environment.ts'
import { discardEnvironment, markEnvironment, placeEnvironment } from './environmentMark.ts'
import { removeLeftovers, startNetwork } from './network.ts'
import { startNeutral } from './neutral.ts'
import { type Pebble, startPebble } from './pebble.ts'
import { runOrThrow } from './processes.ts'
import { exitClaimed, ownerFile } from './rehearsal.ts'
import { prepareInstalledVps, prepareRoots } from './roots.ts'
import { startVps } from './vps.ts'
import { createControls, zone } from './worldControls.ts'

/**
 * The process that emulates both clouds. It runs as long as its standard input is open or, with --keep, until
 * SIGTERM. It prints one line of JSON when everything is up: {"controlUrl":…}.
 */
const { values: flags } = parseArgs({
  options: {
    name: { type: 'string', default: 'rehearsal' },
    id: { type: 'string' },
    folder: { type: 'string' },
    latency: { type: 'string', default: 'none' },
    environment: { type: 'string' },
    'vps-from': { type: 'string', default: 'bookworm' },
    'vps-installed': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
})
const folder = flags.folder!
const owner: Owner = {
  id: flags.id!,
  pid: process.pid,
  startedBy: process.ppid,
  doing: 'running',
  from: process.cwd(),
  since: new Date().toISOString(),
  keep: flags.keep,
  environment: flags.environment!,
}
// Before anything is touched, because existing files may belong to another process.
if (!(await claimRehearsal(flags.name, owner))) process.exit(exitClaimed)
const stops: (() => Promise<unknown>)[] = []
let ending: Promise<void> | undefined

/** Takes everything down in reverse order, and ends. */
function end(code: number): Promise<void> {
  ending ??= (async () => {
    for (const stop of stops.reverse()) await stop().catch((error) => console.error(String(error)))
    endAzCalls(folder)
    discardEnvironment(owner.environment, owner.id)
    rmSync(folder, { recursive: true, force: true })
    // After a failure, the process that started this one reads the file and removes it.
    if (code === 0) rmSync(`${folder}.log`, { force: true })
    process.exit(code)
  })()
  return ending
}
process.on('SIGTERM', () => void end(0))
process.on('SIGINT', () => {}) // Ctrl-C in the terminal is for the process that started this one.
if (!flags.keep) {
  process.stdin.resume()
  process.stdin.on('end', () => void end(0))
  process.stdin.on('error', () => void end(0))
}

/** Records how to stop a part, and returns the part. */
function stoppable<T>(part: T, stop: () => Promise<unknown>): T {
  stops.push(stop)
  return part
}

try {
  await start()
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  await end(1)
}

async function start(): Promise<void> {
  await removeLeftovers(flags.name, folder)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // For the process that cleans up if this one is killed.
  writeFileSync(ownerFile(folder), JSON.stringify(owner), { mode: 0o600 })
  const secrets = createSecrets()
  const roots = await prepareRoots((line) => console.error(line), flags['vps-from'] as Release)
  if (flags['vps-installed']) roots.vps = await prepareInstalledVps(roots.vps, (line) => console.error(line))
  const latency = flags.latency === 'realistic' ? 'realistic' : 'none'
  const network = await startNetwork({ name: flags.name })
  stoppable(network, network.stop)
  const authority = await createAuthority(path.join(folder, 'authority'))
  const dns = await startDns({ network, folder })
  stoppable(dns, dns.stop)
  const key = path.join(folder, 'id_ed25519')
  await runOrThrow(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'rehearsal', '-f', key])
  /** The authorities that visitors and scripts trust. */
  const trust = async (ca: Pebble) => {
    const roots = `${authority.certificate}\n${await ca.rootCertificate()}`
    writeFileSync(path.join(folder, 'trusted.pem'), roots)
  }
  const authorityOfSite = startPebble({ network, dns, authority, folder }).then((it) =>
    stoppable(it, it.close),
  )
  const vpsOfSite = startVps({
    network,
    dns,
    authority,
    folder,
    authorizedKey: readFileSync(`${key}.pub`, 'utf8').trim(),
    root: roots.vps,
  }).then((it) => stoppable(it, it.stop))
  const [pebble, vps, azure, neutral] = await Promise.all([
    authorityOfSite,
    vpsOfSite,
    startAzure({
      folder: path.join(folder, 'azure'),
      network,
      dns,
      authority,
      roots,
      latency,
      ionosDns: { apiKey: secrets.ionosDnsKey, zones: { 'codexdominion.app': zone } },
      controls: createControls(
        { network, dns, authority: authorityOfSite, vps: vpsOfSite, own: authority },
        trust,
      ),
      ...secrets.azure,
    }).then((it) => stoppable(it, it.stop)),
    startNeutral({ network, folder, resolver: dns.address, root: roots.servers, authority }).then((it) =>
      stoppable(it, it.stop),
    ),
  ])
  await Promise.all(
    ['codexdominion.app', 'www.codexdominion.app'].map((name) => dns.set(name, [vps.address])),
  )
  writeFileSync(path.join(folder, 'known_hosts'), `${vps.hostKeys.join('\n')}\n`)
  writeFileSync(path.join(folder, 'azure-ca.pem'), authority.certificate)
  await trust(pebble)
  const environment = renderEnvironment({
    folder,
    secrets,
    vpsAddress: vps.address,
    dnsServer: dns.address,
    acmeServer: pebble.directory,
    proxyUrl: azure.proxyUrl,
    neutralTargets: neutral.targets,
  })
  placeEnvironment(owner.environment, markEnvironment(flags.name, owner.id, environment))
  const state = {
    id: owner.id,
    pid: process.pid,
    controlUrl: azure.controlUrl,
    vps: vps.address,
    vpsIpv6: vps.ipv6,
    vpsPid: vps.pid,
    servicePrincipal: secrets.azure,
    ionosDnsKey: secrets.ionosDnsKey,
  }
  writeFileSync(path.join(folder, 'state.json'), JSON.stringify(state), { mode: 0o600 })
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`)
}
