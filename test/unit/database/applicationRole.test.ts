import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { tagLogin } from '../../../lib/azure/containers/spec.ts'
import { getApplicationLogin, getApplicationRole } from '../../../lib/config/applicationLogin.ts'
import { applicationRoleTask, createVerifier, rightsQuery } from '../../../lib/database/applicationRole.ts'
import { display, type Query } from '../../../lib/shell/command.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure, loadTestConfig, openRunner } from '../../support/helpers.ts'
import { createTask } from '../../support/tasks.ts'

const password = 'POSTGRES_PASSWORD=Good-Horse-9-battery'

test('the login: one for each server and database, and its password is neither shown nor the owner’s', async () => {
  const runner = openRunner()
  const login = async (...lines: string[]) =>
    getApplicationLogin(await loadTestConfig(password, ...lines), runner)
  const { user, password: derived } = await login()
  expect(user).toBe('codexdb_app')
  expect(derived).toMatch(/^[\w-]{32}$/)
  expect(await login()).toEqual({ user, password: derived })
  expect(runner.secrets.clean(`a ${derived} b`)).toBe('a *** b')
  const others = [
    await login('POSTGRES_SERVER=other-db'),
    await login('POSTGRES_DATABASE=otherdb'),
    await login('POSTGRES_PASSWORD=Good-Horse-9-batterz'),
  ]
  expect(new Set([derived, ...others.map((each) => each.password)]).size).toBe(4)
  const long = await loadTestConfig(`POSTGRES_DATABASE=${'d'.repeat(63)}`)
  expect(getApplicationRole(long)).toBe(`${'d'.repeat(59)}_app`)
})

test('the verifier is that of RFC 7677', () => {
  // Section 3: user "user", password "pencil"; the stored and the server key follow from its proof and signature.
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  expect(createVerifier('pencil', salt)).toBe(
    'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
  )
})

interface World {
  /** What the role sees as itself; an error for a refused login. */
  own: { strong: boolean; lacking: string[] } | Error
  foreign?: boolean
  groups?: object[]
}

async function inspect({ own, foreign, groups = [] }: World, managed = false) {
  const { context } = await fakeAz(
    { match: /^account show/, stdout: JSON.stringify({ id: 'sub', name: 'Codex' }) },
    { match: /^container list/, stdout: JSON.stringify(groups) },
  )
  const asked: Query[] = []
  const query = async (one: Query) => {
    asked.push(one)
    if (one.as === undefined) return foreign === undefined ? [] : [{ foreign }]
    if (own instanceof Error) throw own
    return [own]
  }
  const scripted = { ...context, runner: { ...context.runner, query: query as typeof context.runner.query } }
  const more = managed ? { database: createTask('database') } : {}
  const task = applicationRoleTask(scripted, { azure: createAzure(scripted), after: [], ...more })
  return { inspection: task.inspect(nothingAhead), asked, context: scripted }
}
const refused = Object.assign(new Error('password authentication failed for user "codexdb_app"'), {
  code: '28P01',
})

test('a new role: its rights, then its password, which no line shows', async () => {
  const { inspection, context } = await inspect({ own: refused })
  const difference = await inspection
  const effects = 'effects' in difference ? (difference.effects as Query[]) : []
  expect(difference.state).toBe('create')
  expect(effects.map(display)).toEqual([
    'sql: rights of codexdb_app (0008_application_role.sql)',
    `sql: ALTER ROLE "codexdb_app" LOGIN PASSWORD '***'`,
  ])
  const login = await getApplicationLogin(context.config, context.runner)
  expect(effects[1]!.text).toMatch(
    /^ALTER ROLE "codexdb_app" LOGIN PASSWORD 'SCRAM-SHA-256\$4096:.*';\nCOMMENT ON ROLE/,
  )
  expect(effects[1]!.text).not.toContain(login.password)
})

test('only missing rights are granted; a role that has them is left alone', async () => {
  const some = await (await inspect({ own: { strong: false, lacking: ['capsules'] } })).inspection
  expect(some).toMatchObject({ state: 'change', what: 'codexdb_app gets its rights on capsules' })
  expect('effects' in some && some.effects).toHaveLength(1)
  const all = await (await inspect({ own: { strong: false, lacking: [] } })).inspection
  expect(all.state).toBe('ok')
})

test('a role of that name which is somebody else’s keeps its password', async () => {
  const owner = await getFailure((await inspect({ own: refused, foreign: true })).inspection)
  expect(owner.what).toContain('already has a role codexdb_app of somebody else')
  const strong = await getFailure((await inspect({ own: { strong: true, lacking: [] } })).inspection)
  expect(strong.next).toContain('ALTER ROLE "codexdb_app" RENAME TO')
})

test('once a container uses the login, only a run that manages the database asks it', async () => {
  const { context } = await inspect({ own: refused })
  const tag = tagLogin(context.config, await getApplicationLogin(context.config, context.runner))
  const group = (login: string) => ({ name: 'codex-backend', tags: { login }, containers: [] })
  const used = { own: refused, groups: [group(tag)] }
  const release = await inspect(used)
  expect((await release.inspection).state).toBe('ok')
  expect(release.asked).toEqual([])
  expect((await (await inspect(used, true)).inspection).state).toBe('create')
  const older = await inspect({ own: refused, groups: [{ ...group(''), tags: null }] })
  expect((await older.inspection).state).toBe('create')
})

test('a restored database gets the rights of the database that it replaces', async () => {
  const query = rightsQuery(await loadTestConfig(), 'codexdb_restore_20261126t170000z_0000')
  expect(query.database).toBe('codexdb_restore_20261126t170000z_0000')
  expect(query.text).toMatch(/^SELECT set_config\('dominion\.role', 'codexdb_app', true\);\n/)
})
