import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, expect, test, vi } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { explainAz } from '../../../lib/azure/errors.ts'
import {
  formatAzLine,
  formatKeyFile,
  formatScriptLine,
  noteConfig,
  noteEnvironment,
} from '../../../lib/config/config.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

afterEach(() => noteEnvironment(undefined))

const sources = ['lib', 'scripts'].flatMap((folder) =>
  readdirSync(path.join(home, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.generated.ts'))
    .map((name) => path.join(folder, name)),
)

const readCode = (file: string): string =>
  readFileSync(path.join(home, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '')

/** Lines of code, without comments, each with its file. */
const codeLines = sources.flatMap((file) =>
  readCode(file)
    .split('\n')
    .map((line) => `${file}: ${line.trim()}`),
)

test('no command to paste is written by hand, because it would act on production', () => {
  // A line that only lists the flags, or parses a receipt's line, does nothing.
  const raw = codeLines.filter((line) => /npx dominion [a-z$]/.test(line) && !/ --help lists/.test(line))
  expect(raw).toEqual([])
})

test('no az command to paste is written by hand, because it would act on another login or subscription', () => {
  // A command at the start of a line is run, not printed.
  const words =
    'account|acr|container|deployment|group|keyvault|log(?:in|out)|postgres|redis\\w*|resource|rest|role'
  const written = new RegExp(
    `(?<!formatAzLine\\(\\s*[\`'"]|^\\s*)\\baz (?:(?:${words})\\b|[a-z]+(?: [a-z-]+)* --\\w).*`,
    'gm',
  )
  const raw = sources.flatMap((file) =>
    (readCode(file).match(written) ?? []).map((text) => `${file.replaceAll(path.sep, '/')}: ${text}`),
  )
  const named = [
    /^lib\/azure\/advice\.ts: az role assignment create\)/, // for whoever owns the subscription
    /^lib\/azure\/arm\.ts: az login: \$/, // what az would have printed
    /^lib\/azure\/meanings\.ts: az login\|AADSTS/, // what az prints
    /^lib\/azure\/meanings\.ts: az acr import\./, // only the name of a command
    /^lib\/azure\/meanings\.ts: az group create\)/, // for whoever has a role on the subscription
    /^lib\/config\/settings\/azure\.ts: az account show\)/, // in .env.example
  ]
  expect(raw.filter((line) => !named.some((each) => each.test(line)))).toEqual([])
})

test('no hint names a flag of a script without the command that has it', () => {
  expect(codeLines.filter((line) => /--\w+ shows\b/.test(line))).toEqual([])
})

test('no text assumes that a key is set in .env', () => {
  // BASE_ONLY is about that very file.
  const raw = codeLines.filter(
    (line) => /\b(in|(?<!top )of|from|unless) \.env\b(?!\.)/.test(line) && !line.includes('BASE_ONLY'),
  )
  expect(raw).toEqual([])
})

test('no module asks for the environment while it loads, because it is not known yet', async () => {
  vi.resetModules()
  vi.doMock('../../../lib/config/config.ts', async (importOriginal) => {
    const asked = () => {
      throw new Error('asked while a module loads')
    }
    const original = await importOriginal<object>()
    return { ...original, formatAzLine: asked, formatScriptLine: asked, formatKeyFile: asked }
  })
  for (const file of sources.filter((each) => each.startsWith('lib')))
    await import(pathToFileURL(path.join(home, file)).href).catch((thrown) => {
      throw new Error(`${file}: ${thrown}`)
    })
  vi.doUnmock('../../../lib/config/config.ts')
}, 60_000)

test('the command contains the environment, quoted for a shell', () => {
  expect(formatScriptLine('unlock')).toBe('npx dominion unlock')
  noteEnvironment('staging')
  expect(formatScriptLine('unlock')).toBe('npx dominion unlock --env staging')
  expect(formatScriptLine('backup-database', '--prove', '/a b/it.dump')).toBe(
    "npx dominion backup-database --prove '/a b/it.dump' --env staging",
  )
})

test('scripts print it this way, as text and as JSON', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env.staging'), '')
  const run = (...flags: string[]) =>
    start([path.join(home, 'bin', 'dominion.js'), 'history', '--diff', 'A', '--env', 'staging', ...flags], {
      cwd: folder,
    }).ended
  const line = 'npx dominion history --diff A B --env staging'
  expect((await run()).stderr).toContain(`→ ${line}\n`)
  expect(JSON.parse((await run('--json')).stdout)).toMatchObject({ error: { next: line } })
})

test('names the file that sets a key, or the environment’s file for a new key', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env'), 'DOMAIN=a.app\nACR_NAME=registry1\n')
  writeFileSync(path.join(folder, '.env.staging'), 'DOMAIN=staging.a.app\n')
  noteEnvironment('staging')
  expect(formatKeyFile('ACR_NAME')).toBe('.env.staging')
  noteConfig(await loadConfig(folder, 'staging'))
  expect(formatScriptLine('doctor')).toBe('npx dominion doctor --env staging')
  expect(formatKeyFile('ACR_NAME')).toBe('.env')
  expect(formatKeyFile('DOMAIN')).toBe('.env.staging')
  expect(formatKeyFile('IONOS_HOST')).toBe('.env.staging')
  expect(formatKeyFile('ACR_NAME', 'DOMAIN', 'IONOS_HOST')).toBe('.env and .env.staging')
  noteConfig(await loadConfig(folder))
  expect([formatScriptLine('doctor'), formatKeyFile('IONOS_HOST')]).toEqual(['npx dominion doctor', '.env'])
})

test('an az command uses the login folder of this environment, so that it does not change another login', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, '.env.staging'), `AZURE_CONFIG_DIR=${folder}/its login\n`)
  expect(formatAzLine('az login')).toBe('az login')
  noteConfig(await loadConfig(folder, 'staging'))
  const line = `AZURE_CONFIG_DIR='${folder}/its login' az login`
  expect(formatAzLine('az login')).toBe(line)
  expect(explainAz("ERROR: Please run 'az login' to setup account.")?.next).toContain(line)
})

test('an az command names the subscription of this run, unless an id or address contains it', async () => {
  const { context } = await fakeAz({ match: /^account show/, stdout: '{"id":"sub-1","name":"Codex"}' })
  await createAzure(context).account()
  expect(formatAzLine('az acr task list-runs --registry one')).toBe(
    'az acr task list-runs --registry one --subscription sub-1',
  )
  expect(explainAz("The subscription is not registered to use namespace 'Microsoft.Cache'")?.next).toContain(
    '--namespace Microsoft.Cache --wait --subscription sub-1',
  )
  for (const line of ['az login --tenant T', 'az resource delete --ids /subscriptions/a', 'az rest --url /x'])
    expect(formatAzLine(line)).toBe(line)
})
