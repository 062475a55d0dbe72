import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, chownSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { onTestFinished } from 'vitest'
import { temporaryFolder } from './helpers.ts'

/** An empty PostgreSQL of Debian's newest version on its own socket; removed when the test ends. */
export async function startPostgres(): Promise<Client> {
  const versions = '/usr/lib/postgresql'
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0]!
  const program = (name: string) => path.join(versions, newest, 'bin', name)
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  // PostgreSQL refuses to run as root.
  const number = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString())
  const user = process.getuid?.() === 0 ? { uid: number('-u'), gid: number('-g') } : {}
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid)
  const data = path.join(folder, 'data')
  execFileSync(program('initdb'), ['-D', data, '-A', 'trust', '-U', 'owner', '-E', 'UTF8', '--no-sync'], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  })
  const server = spawn(program('postgres'), ['-D', data, '-k', folder, '-h', '', '-c', 'fsync=off'], {
    ...user,
    cwd: folder,
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => server.once('close', resolve))
  onTestFinished(async () => {
    server.kill('SIGINT')
    await ended
  })
  for (let tries = 1; ; tries++) {
    const client = new Client({ host: folder, user: 'owner', database: 'postgres' })
    client.on('error', () => {})
    try {
      await client.connect()
      onTestFinished(() => client.end())
      return client
    } catch (thrown) {
      if (tries === 100) throw thrown
      await pause(100)
    }
  }
}
