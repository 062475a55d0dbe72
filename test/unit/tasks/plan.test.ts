import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { local, secretFile } from '../../../lib/shell/command.ts'
import { createRedactor } from '../../../lib/shell/redactor.ts'
import type { Outcome } from '../../../lib/tasks/engine.ts'
import { formatSummary, planData, planText } from '../../../lib/tasks/plan.ts'
import type { Difference, Task } from '../../../lib/tasks/task.ts'
import { onVps } from '../../support/helpers.ts'

const outcome = (title: string, state: Outcome['state'], rest: Partial<Outcome> = {}): Outcome => ({
  task: { id: title.toLowerCase(), title, part: 'azure' } as Task,
  after: [],
  state,
  ...rest,
})
const differs = (title: string, difference: Difference) => outcome(title, difference.state, { difference })

const outcomes: Outcome[] = [
  differs('Login', { state: 'ok', reason: 'ops@example.org' }),
  differs('Registry', {
    state: 'create',
    what: 'codexacr1216',
    effects: [
      local.change`az deployment group create --parameters ${secretFile('parameters.json', 'x', '@')}`,
    ],
  }),
  differs('Backend', {
    state: 'change',
    what: 'codex-backend: delete and create again (ACI cannot change this in place)',
    fields: [
      { name: 'CPU', before: '1', after: '2' },
      { name: 'environment', after: 'hunter2' },
    ],
    effects: [onVps.change`nginx -t`],
  }),
  differs('DNS', {
    state: 'unknown',
    why: 'no answer from the name server',
    next: 'Check the network.',
    effects: [local.change`echo ${"it's"}`],
  }),
  outcome('Image', 'failed', { error: new Error('No backend found in /nowhere') }),
  outcome('Verify', 'skipped'),
]

test('the plan as text: every task, what differs, the commands that would run, no secret', () => {
  const text = stripVTControlCharacters(planText(outcomes, createRedactor(['hunter2'])))
  expect(text.split('\n')).toEqual([
    '✔ ok          Login (ops@example.org)',
    '+ create      Registry: codexacr1216',
    '    $ az deployment group create --parameters @<parameters.json>',
    '~ change      Backend: codex-backend: delete and create again (ACI cannot change this in place)',
    '    CPU: 1 → 2',
    '    environment: (not set) → ***',
    '    $ vps: nginx -t',
    '? unknown     DNS: no answer from the name server',
    '    → Check the network.',
    "    $ echo 'it'\\''s'",
    '✖ failed      Image: No backend found in /nowhere',
    '- not reached Verify',
    '',
    '1 to create, 1 to change, 1 ok, 1 unknown, 1 failed.',
  ])
})

test('the same as data', () => {
  expect(planData(outcomes)).toEqual([
    { id: 'login', title: 'Login', state: 'ok', because: 'ops@example.org' },
    {
      ...{ id: 'registry', title: 'Registry', state: 'create', what: 'codexacr1216', fields: [] },
      lines: ['az deployment group create --parameters @<parameters.json>'],
    },
    {
      ...{ id: 'backend', title: 'Backend', state: 'change', lines: ['vps: nginx -t'] },
      what: 'codex-backend: delete and create again (ACI cannot change this in place)',
      fields: [
        { name: 'CPU', before: '1', after: '2' },
        { name: 'environment', after: 'hunter2' },
      ],
    },
    {
      ...{ id: 'dns', title: 'DNS', state: 'unknown', why: 'no answer from the name server' },
      ...{ next: 'Check the network.', lines: ["echo 'it'\\''s'"] },
    },
    { id: 'image', title: 'Image', state: 'failed', error: 'No backend found in /nowhere' },
    { id: 'verify', title: 'Verify', state: 'skipped' },
  ])
})

test('the summary lists only states that occur', () => {
  expect(formatSummary([outcomes[0]!])).toBe('1 ok.')
  expect(formatSummary([outcomes[0]!, outcomes[0]!, outcomes[1]!])).toBe('1 to create, 2 ok.')
})
