import { act, type Command, look } from '../command/command.ts'
import { explainAz, serverBusy } from './meanings.ts'

export { explainAz, explainBuild } from './meanings.ts'

/** Settings that make az answer a program the same way everywhere; sources in docs/azure.md. */
const env = {
  AZURE_CORE_NO_COLOR: '1',
  AZURE_CORE_COLLECT_TELEMETRY: '0',
  AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
  AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
  // Debian 13's az 2.74 runs on a newer Python, which warns before every answer.
  PYTHONWARNINGS: 'ignore',
}

/** The az that the command lines here were checked with. */
export const oldestAz = '2.45.0'

/** `show` of something that is not there. */
export const absent = 3

/** ARM says these while an earlier operation is still under way; worth a bounded wait. */
const busy = new RegExp(
  [
    /still transitioning|AnotherOperationInProgress|OperationNotAllowed.*in progress/,
    /\b429 Client Error|\bToo ?Many ?Requests\b|RequestConflict/,
    serverBusy,
  ]
    .map(({ source }) => source)
    .join('|'),
)

const always = (args: Command['argv']): Command['argv'] => [
  'az',
  ...args,
  '--output',
  'json',
  '--only-show-errors',
]
const retry = { times: 6, pauseMs: 10_000, when: busy }

/** An az line that only looks. Exit 3 (absent) is an answer. */
export const azLook = (args: Command['argv'], rest: Partial<Command> = {}): Command =>
  look(always(args), {
    explain: explainAz,
    retry,
    accept: [0, absent],
    ...rest,
    env: { ...env, ...rest.env },
  })

/** An az line that changes something. */
export const azAct = (args: Command['argv'], rest: Partial<Command> = {}): Command =>
  act(always(args), { explain: explainAz, retry, ...rest, env: { ...env, ...rest.env } })
