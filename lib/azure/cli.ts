import { commandTemplate, local, type SecretFile, secretFile } from '../shell/command.ts'
import { explainAz, removeModuleErrors } from './errors.ts'
import { serverBusy } from './meanings.ts'

/** Settings that make az give programs the same answers everywhere; sources in docs/azure.md. */
const env = {
  AZURE_CORE_NO_COLOR: '1',
  AZURE_CORE_COLLECT_TELEMETRY: '0',
  AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
  AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
  // Debian 13's az 2.74 runs on a newer Python, which warns before every answer.
  PYTHONWARNINGS: 'ignore',
}

/** The oldest az that these command lines were tested with. */
export const oldestAz = '2.45.0'

/** The exit code of `show` for something that does not exist. */
export const absent = 3

/** ARM's messages while an earlier operation is still in progress; waiting for a limited time is worthwhile. */
const busy = new RegExp(
  [
    /still transitioning|AnotherOperationInProgress|OperationNotAllowed.*in progress/,
    /\b429 Client Error|\bToo ?Many ?Requests\b|RequestConflict/,
    serverBusy,
  ]
    .map(({ source }) => source)
    .join('|'),
)

const retry = { times: 6, pauseMs: 10_000, when: busy }

/** An az command: `` az`group show --name ${name}` `` reads, and accepts exit 3 (absent); `az.change` changes. */
export const az = commandTemplate((argv, effect, options) => {
  const all = {
    explain: explainAz,
    cleanStderr: removeModuleErrors,
    retry,
    ...options,
    env: { ...env, ...options.env },
  }
  const run = effect === 'read' ? local({ accept: [0, absent], ...all }) : local.change({ ...all })
  return { ...run`az ${argv} --output json --only-show-errors`, effect }
})

/**
 * A value that az reads as JSON from its standard input; the plan shows `@<name>`. az decodes the input in the system's
 * encoding, which on Windows is not UTF-8, so everything beyond ASCII is escaped.
 */
export function azInput(name: string, value: object): SecretFile {
  const escapeCharacter = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return secretFile(name, JSON.stringify(value).replaceAll(/[^\0-\x7f]/g, escapeCharacter), '@')
}
