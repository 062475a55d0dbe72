import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home } from '../support/helpers.ts'
import { start } from '../support/runScript.ts'

/** A package's program, run by this Node in the project's folder. */
async function run(name: string, program: string, ...args: string[]) {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin: string | Record<string, string> }
  const script = path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[program]!)
  return start([script, ...args], { cwd: home }).ended
}

test('the type check passes', async () => {
  expect(await run('typescript', 'tsc', '--noEmit')).toMatchObject({ code: 0, stdout: '' })
}, 300_000)

test('the linter and the formatter report nothing', async () => {
  const { code, stdout, stderr } = await run('@biomejs/biome', 'biome', 'check', '--error-on-warnings')
  expect(code, stdout + stderr).toBe(0)
}, 300_000)
