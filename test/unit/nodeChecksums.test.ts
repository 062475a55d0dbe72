import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findProjectNode, hasKnownChecksum } from '../../bin/nodePackages.js'
import { home } from '../support/helpers.ts'

const read = <T>(file: string) => JSON.parse(readFileSync(path.join(home, file), 'utf8')) as T

test('each package that contains Node is locked in the version of the checksums', () => {
  const { version, sha256 } = read<{ version: string; sha256: Record<string, string> }>(
    'bin/nodeChecksums.json',
  )
  const { optionalDependencies } = read<{ optionalDependencies: Record<string, string> }>('package.json')
  const { packages } = read<{ packages: Record<string, { version: string }> }>('package-lock.json')
  const names = Object.keys(sha256)
  const wanted = Object.fromEntries(names.map((name) => [name, version]))
  expect(optionalDependencies).toEqual(wanted)
  const locked = names.map((name) => [name, packages[`node_modules/${name}`]?.version])
  expect(Object.fromEntries(locked)).toEqual(wanted)
  expect(Object.values(sha256).filter((checksum) => !/^[0-9a-f]{64}$/.test(checksum))).toEqual([])
})

test('the Node that npm installed has its checksum; any other Node has none', () => {
  const node = findProjectNode()
  expect(node).toBeDefined()
  expect(hasKnownChecksum(node!)).toBe(true)
  expect(hasKnownChecksum(path.join(home, 'package.json'))).toBe(undefined)
})
