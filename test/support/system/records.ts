import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { deriveApplicationPassword } from '../../../lib/config/applicationLogin.ts'
import { rememberBackendHost } from '../../../lib/config/backendHost.ts'
import { deriveApiToken } from '../../../lib/config/secret.ts'
import type { Receipt } from '../../../lib/deploy/receipts/receipts.ts'
import { watchArguments } from '../../../rehearsal/secretWatch.ts'
import type { Rehearsal } from './rehearsal.ts'
import { trySsh } from './site.ts'

/** One line of a transcript. */
export interface Entry {
  kind: string
  effect?: 'read' | 'change' | 'record'
  line: string
}

export const stateFolder = ({ folder }: Rehearsal, environment: string): string =>
  path.join(folder, 'state', environment)

/** As if Azure had shown the scripts this host of the backend. */
export function rememberBackend(clouds: Rehearsal, environment: string, host: string): void {
  const stateDir = stateFolder(clouds, environment)
  mkdirSync(stateDir, { recursive: true })
  rememberBackendHost({ ...clouds.config, stateDir }, clouds.config.azure.subscription, host)
}

/** The effects that the transcript of a run records. */
export function readTranscript(clouds: Rehearsal, id: string, environment = clouds.name): Entry[] {
  const file = path.join(stateFolder(clouds, environment), 'transcripts', `${id}.jsonl`)
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry)
    .filter(({ effect }) => effect !== undefined)
}

/** The lines with which a run changed something, in the order in which they ended. */
export const getChangingLines = (clouds: Rehearsal, id: string, environment = clouds.name): string[] =>
  readTranscript(clouds, id, environment)
    .filter(({ effect }) => effect === 'change')
    .map(({ line }) => line)

/** The lines that a dry run announces, in the order of its steps. */
export async function getPlannedLines(
  clouds: Rehearsal,
  script: string[],
  environment = clouds.name,
): Promise<string[]> {
  const { stdout, stderr } = await clouds.dominion([...script, '--dry-run', '--json'], { environment })
  const plan = JSON.parse(stdout) as { ok: boolean; steps: { lines?: string[] }[] }
  if (!plan.ok) throw new Error(`${script.join(' ')} cannot be planned: ${stderr}`)
  return plan.steps.flatMap(({ lines = [] }) => lines)
}

/** The receipts of an environment, oldest first, with the permissions of their files. */
export function readReceipts(
  clouds: Rehearsal,
  environment = clouds.name,
): { receipt: Receipt; mode: number; file: string }[] {
  const folder = path.join(stateFolder(clouds, environment), 'receipts')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => path.join(folder, name))
    .map((file) => ({
      file,
      mode: statSync(file).mode & 0o777,
      receipt: JSON.parse(readFileSync(file, 'utf8')) as Receipt,
    }))
}

// CONNECT: a host outside the two clouds, which is refused.
const looking = ['GET', 'HEAD', 'OPTIONS', 'CONNECT']
const signingIn = /^login\.|\/oauth2\//
/** A POST that only reads. */
const reading = /\/listKeys$|\/checkNameAvailability$/i

/** The requests that the emulator received since the list was cleared, without reads and logins. */
export async function getAzureChanges({ state }: Rehearsal): Promise<string[]> {
  const answer = await fetch(`${state.controlUrl}/requests`)
  const { requests } = (await answer.json()) as { requests: { method: string; host: string; path: string }[] }
  return requests
    .filter(({ method, host, path }) => !looking.includes(method) && !signingIn.test(host + path))
    .filter(({ method, path }) => method !== 'POST' || !reading.test(path))
    .map(({ method, host, path }) => `${method} ${host}${path}`)
}

export const forgetRequests = ({ state }: Rehearsal): Promise<Response> =>
  fetch(`${state.controlUrl}/requests`, { method: 'DELETE' })

/** Runs a shell line on the VPS and returns its output, whatever its exit code. */
export const queryVps = async (clouds: Rehearsal, line: string): Promise<string> =>
  (await trySsh(clouds, line)).stdout

/**
 * Watches the runs of a test file for secrets in their output, process arguments, transcripts and receipts. `said`
 * takes the output of a run; `seen` lists the places where a secret appeared, which must be none.
 */
export function listSecrets({ config, state, folder }: Rehearsal) {
  const watch = watchArguments()
  const { servicePrincipal } = state.servicePrincipal
  const key = config.backend.secretKey.text()
  const password = config.postgres.password.text()
  const derived = [deriveApplicationPassword(config, password), deriveApiToken(key)]
  const secrets = [password, key, ...derived, servicePrincipal.secret]
  let heard = ''
  return {
    said(text: string) {
      heard += text
    },
    seen(): string[] {
      const forms = secrets.flatMap((text) => [text, encodeURIComponent(text)])
      return [
        ...watch.stop(secrets, path.join(folder, 'state')),
        ...forms.filter((form) => heard.includes(form)),
      ]
    },
  }
}
