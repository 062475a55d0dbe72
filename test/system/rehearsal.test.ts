import { existsSync, readdirSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { afterAll, expect, test } from 'vitest'
import { readState } from '../../rehearsal/rehearsal.ts'
import { getOtherRelease } from '../support/otherRelease.ts'
import { rehearseWhole } from '../support/system/rehearsal.ts'
import { findProcesses, type Session, startSession } from '../support/system/sessions.ts'
import { waitForDying } from '../support/system/waitForDying.ts'

/*
 * A whole rehearsal with the az of another Debian; site.test.ts has one with this machine's. However a rehearsal ends,
 * nothing of it remains: no process, network or file.
 */

const name = 'sys-gone'
let session: Session

afterAll(async () => {
  session?.kill('SIGKILL')
  await waitForDying(name)
})

/** Everything on this machine that belongs to the rehearsal. */
function left(): string[] {
  return [
    ...findProcesses(new RegExp(`\\b${name}\\b`)),
    ...readdirSync(tmpdir()).filter((file) => file.includes(name)),
    ...(existsSync(`.env.${name}`) ? [`.env.${name}`] : []),
  ]
}

/** This machine's interfaces in the rehearsal's network. */
const interfaces = (vps: string): string[] =>
  Object.entries(networkInterfaces())
    .filter(([, addresses]) => addresses?.some(({ address }) => getNetwork(address) === getNetwork(vps)))
    .map(([each]) => each)
const getNetwork = (address: string): string => address.split('.').slice(0, 3).join('.')

// Not before the dashboard is built: the build is the repository's own, and a killed one would remain half done.
const underWay = /Build the dashboard: (ok|build)[\s\S]*PostgreSQL server: .* is ready/

test('every check passes with the az of the other Debian release', async () => {
  await rehearseWhole(name, '--az-from', getOtherRelease())
  expect(left()).toEqual([])
})

test('SIGKILL in the middle of its deploy: everything is gone some seconds later', async () => {
  session = startSession(['rehearse', '--name', name])
  await session.until(underWay)
  const { vps } = readState(name)!
  expect(interfaces(vps)).not.toEqual([])
  session.kill('SIGKILL')
  await session.ended
  await expect.poll(left, { timeout: 20_000, interval: 500 }).toEqual([])
  expect(interfaces(vps)).toEqual([])
})

test('Ctrl-C: takes everything down, exit 130', async () => {
  session = startSession(['rehearse', '--name', name])
  await session.until(underWay)
  const { vps } = readState(name)!
  expect(interfaces(vps)).not.toEqual([])
  session.kill('SIGINT')
  const { code, said } = await session.ended
  expect(code, said).toBe(130)
  expect(said).toMatch(/Taking both clouds down …/)
  expect(said).toMatch(/✖ Interrupted/)
  await expect.poll(left, { timeout: 20_000, interval: 500 }).toEqual([])
  expect(interfaces(vps)).toEqual([])
})
