import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Command } from '../../../lib/shell/command.ts'
import { stageCommand } from '../../../lib/vps/frontend/upload.ts'
import { remoteScript } from '../../../lib/vps/remote/vps.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'

const config = await loadFileConfig()
const getStdin = async (command: Command) => buffer((command.stdin as () => NodeJS.ReadableStream)())

const facts = { id: '20261122T100000Z-aaaaaaaa', source: 'a', revision: '', builtAt: '', files: 1, bytes: 2 }
const hostile = "$(touch x) 'quoted'.html"
const publication = {
  facts,
  base: '',
  files: new Map([[hostile, { sha256: 'a'.repeat(64), size: 2, read: async () => Buffer.from('hi') }]]),
  plan: {
    send: [hostile],
    remove: ['old\'s "file".html'],
    carried: [],
    compress: [hostile],
    manifest: new Map([[hostile, { sha256: 'a'.repeat(64), size: 2, retired: '' }]]),
  },
}

test.each([
  ['zstd', zstdDecompressSync],
  ['gzip', gunzipSync],
] as const)('staging with %s: lengths in the arguments, names only in the stream', async (form, unpack) => {
  const wire = { bytes: 0 }
  const command = stageCommand(toSite(config), { ...publication, form }, wire)
  expect(command.argv.slice(3, 4)).toEqual(['stage'])
  expect(command.argv.slice(5)).toEqual([...['/var/www/codexdominion.app', facts.id, '-', form, '18', '1']])
  expect(command.argv.join(' ')).not.toContain('touch')
  const sent = await getStdin(command)
  const payload = sent.subarray(Number(command.argv[4]))
  expect(payload.subarray(0, 18).toString()).toBe('old\'s "file".html\0')
  expect(payload.length - 18).toBe(wire.bytes)
  const folder = execFileSync('mktemp', ['-d']).toString().trim()
  execFileSync('tar', ['-x', '-C', folder], { input: unpack(payload.subarray(18)) })
  const content = (name: string) => readFileSync(path.join(folder, name), 'utf8')
  expect(content('.publish/manifest')).toBe(`${'a'.repeat(64)} 2 - ${hostile}\n`)
  expect(content('.publish/compress')).toBe(`${hostile}\n`)
  expect(JSON.parse(content('.publish/release.json'))).toEqual(facts)
  expect(content(hostile)).toBe('hi')
  execFileSync('rm', ['-r', folder])
})

test('scripts on the VPS are plain sh, and the loader passes the rest as their input', () => {
  const folder = path.join(import.meta.dirname, '..', '..', '..', 'lib', 'vps', 'remote')
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.sh')))
    execFileSync('/bin/sh', ['-n', path.join(folder, file)])
})

test('a remote script reads its own length and leaves the rest; a cut-off one does not run', async () => {
  const dir = execFileSync('mktemp', ['-d']).toString().trim()
  const target = path.join(dir, "it's $(here)")
  const command = remoteScript(config.servers[0], 'change', 'install-file', [target, '640'], {
    payload: async function* () {
      yield Buffer.from('content\n')
    },
  })
  const [program, ...args] = command.argv as string[]
  const input = await getStdin(command)
  execFileSync(program!, args, { input })
  expect(execFileSync('cat', [target]).toString()).toBe('content\n')
  expect(execFileSync('stat', ['-c', '%a', target]).toString().trim()).toBe('640')
  execFileSync('rm', [target])
  expect(() => execFileSync(program!, args, { input: input.subarray(0, 60), stdio: 'pipe' })).toThrow()
  expect(readdirSync(dir)).toEqual([])
  execFileSync('rm', ['-r', dir])
})
