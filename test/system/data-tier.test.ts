import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipt.ts'
import { changesAskedOfAzure, forgetRequests, secretsOf } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'

/* `provision`, and nothing else: what is refused before anything is made, and settings that go to and fro. */

let clouds: Rehearsed
let secrets: ReturnType<typeof secretsOf>

beforeAll(async () => {
  clouds = await startRehearsal('sys-data-tier')
  secrets = secretsOf(clouds)
})
afterAll(() => clouds?.down())

async function provision(environment: string, ...flags: string[]) {
  const { code, stdout, stderr } = await clouds.dominion(['provision', ...flags], { environment })
  secrets.said(stdout + stderr)
  return { code, stdout, stderr }
}

/** The receipt of a run that must go well. */
async function provisioned(environment: string): Promise<Receipt> {
  const { code, stdout, stderr } = await provision(environment, '--json')
  expect(code, stderr).toBe(0)
  return (JSON.parse(stdout) as { receipt: Receipt }).receipt
}

test('a password that is still the placeholder is refused before anything is made, in a plan too, with its file', async () => {
  const environment = clouds.variant('placeholder', { POSTGRES_PASSWORD: 'change-me' })
  await forgetRequests(clouds)
  for (const flags of [[], ['--dry-run']]) {
    const { code, stderr } = await provision(environment, ...flags)
    expect(code).toBe(2)
    expect(stderr).toMatch(/✖ .*POSTGRES_PASSWORD is still the placeholder of \.env\.example/)
    expect(stderr).toContain(`→ Set POSTGRES_PASSWORD in .env.${environment}: `)
  }
  expect(await changesAskedOfAzure(clouds)).toEqual([])
})

test('the data tier is made once', async () => {
  const receipt = await provisioned(clouds.name)
  expect(receipt.changed.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['data-tier', 'registry', 'database', 'redis', 'migrations']),
  )
})

/** A second run has nothing to do, and asks for nothing. */
async function unchanged(environment: string): Promise<void> {
  await forgetRequests(clouds)
  const receipt = await provisioned(environment)
  expect({ changed: receipt.changed, changes: receipt.commands.change }).toEqual({ changed: [], changes: 0 })
  expect(await changesAskedOfAzure(clouds)).toEqual([])
}

/** Only this one field of the data tier is changed; `before` is what Azure says of the server. */
async function changes(environment: string, field: object): Promise<void> {
  const { changed } = await provisioned(environment)
  expect(changed.find(({ id }) => id === 'data-tier')?.fields).toEqual([field])
}

test('a setting of the server goes from A to B and back to A: applied each time, and then nothing', async () => {
  const longer = clouds.variant('longer', { POSTGRES_BACKUP_DAYS: '14' })
  const days = { name: 'PostgreSQL backup (days)' }
  await changes(longer, { ...days, before: '7', after: '14' })
  await unchanged(longer)
  await changes(clouds.name, { ...days, before: '14', after: '7' })
  await unchanged(clouds.name)
})

test('so does the password, which nobody can read back: the tables are reached with the one in force', async () => {
  const other = clouds.variant('other', { POSTGRES_PASSWORD: 'Another-1-of-the-passwords' })
  for (const environment of [other, clouds.name]) {
    const { changed, unchanged: same } = await provisioned(environment)
    expect(changed.find(({ id }) => id === 'data-tier')?.fields).toMatchObject([
      { name: 'template or password' },
    ])
    // It has asked the database which tables are there, as the user with this password.
    expect(same).toContain('migrations')
  }
  await unchanged(clouds.name)
})

test('a disk that would have to shrink is refused in Azure’s words', async () => {
  const bigger = clouds.variant('bigger', { POSTGRES_STORAGE_GB: '64' })
  await changes(bigger, { name: 'PostgreSQL storage (GB)', before: '32', after: '64' })
  const { code, stderr } = await provision(clouds.name)
  expect(code).toBe(1)
  expect(stderr).toMatch(/Storage cannot be scaled down: the server has 64 GB, 32 GB was asked for/)
})

test('no secret in anything that was said, kept or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})
