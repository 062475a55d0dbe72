import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { AgentAuthMethod } from 'ssh2'
import { expect, onTestFinished, test } from 'vitest'
import { createLoginError } from '../../../lib/vps/ssh/errors.ts'
import { findLogins } from '../../../lib/vps/ssh/keys.ts'
import { parseSshSettings } from '../../../lib/vps/ssh/settings.ts'
import { temporaryFolder, testHost } from '../../support/helpers.ts'

/** An ssh agent that holds these new keys, whose files then get a passphrase. */
async function startAgent(...names: string[]) {
  const folder = temporaryFolder()
  const socket = path.join(folder, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  onTestFinished(() => void agent.kill())
  await once(agent.stdout, 'data')
  const env = { ...process.env, SSH_AUTH_SOCK: socket }
  const keygen = (...args: string[]) => execFileSync('ssh-keygen', ['-q', ...args])
  for (const name of names) {
    const file = path.join(folder, name)
    keygen('-t', 'ed25519', '-N', '', '-C', name, '-f', file)
    execFileSync('ssh-add', ['-q', file], { env })
    keygen('-p', '-P', '', '-N', 'a passphrase', '-f', file)
  }
  return { folder, socket }
}

/** What the login offers to the server. */
async function getOffered(file: string, { socket }: { socket: string }, ...lines: string[]) {
  const settings = parseSshSettings([`identityagent ${socket}`, ...lines].join('\n'), testHost)
  const { methods } = await findLogins({ ...testHost, key: file }, settings)
  const [{ method } = { method: undefined }] = methods
  const { agent } = method as AgentAuthMethod
  if (typeof agent === 'string') throw new Error('the agent is a path')
  const keys = await new Promise<unknown[]>((resolve, reject) =>
    agent.getIdentities((error, found) => (error ? reject(error) : resolve(found ?? []))),
  )
  return keys.map((key) => (key as { comment: string }).comment)
}

test('a named key with a passphrase is the only one of the agent that is offered', async () => {
  const agent = await startAgent('one', 'two', 'three')
  expect(await getOffered(path.join(agent.folder, 'three'), agent)).toEqual(['three'])
  rmSync(path.join(agent.folder, 'three.pub'))
  expect(await getOffered(path.join(agent.folder, 'three'), agent), 'without its .pub file').toEqual([
    ...['one', 'two', 'three'],
  ])
})

test('IdentitiesOnly offers the keys of the files, through the agent', async () => {
  const agent = await startAgent('one', 'two', 'three')
  const files = ['two', 'three'].map((name) => `identityfile ${path.join(agent.folder, name)}`)
  expect(await getOffered('', agent, 'identitiesonly yes', ...files)).toEqual(['two', 'three'])
  expect(await getOffered('', agent, ...files)).toEqual(['one', 'two', 'three'])
  copyFileSync(path.join(agent.folder, 'one.pub'), path.join(agent.folder, 'two.pub'))
  expect(await getOffered('', agent, 'identitiesonly yes', ...files)).toEqual(['one', 'three'])
})

test('a login that ended after too many keys names the key to set', () => {
  const error = createLoginError(testHost, new Error('Too many authentication failures'), ['x'], [])
  expect(error.failure.what).toContain('after too many keys of the ssh agent')
  expect(error.failure.next).toContain('IONOS_SSH_KEY')
})
