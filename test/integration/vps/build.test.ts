import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { display } from '../../../lib/shell/command.ts'
import { startProcess } from '../../../lib/shell/spawn.ts'
import { getBuildCommands, isBuildVariable, isInstallVariable } from '../../../lib/vps/frontend/build.ts'
import { loadTestConfig, openRunner, temporaryFolder } from '../../support/helpers.ts'

const secrets = {
  AZURE_CLIENT_SECRET: 'stolen-1',
  AZURE_CONFIG_DIR: '/root/.azure',
  ARM_CLIENT_SECRET: 'stolen-2',
  SSH_AUTH_SOCK: '/run/agent',
  POSTGRES_PASSWORD: 'stolen-3',
  APP_SECRET_KEY: 'stolen-4',
  AWS_SECRET_ACCESS_KEY: 'stolen-5',
  GITHUB_TOKEN: 'stolen-6',
  OP_SESSION_x: 'stolen-7',
  NPM_TOKEN: 'registry-1',
  'npm_config_//registry.example/:_authToken': 'registry-2',
}
const plain = {
  PATH: process.env.PATH ?? '',
  HOME: process.env.HOME ?? '',
  LANG: 'C.UTF-8',
  TMPDIR: '/tmp',
  CI: 'true',
  NEXT_PUBLIC_TITLE: 'Codex',
  SITE_URL: 'https://a.app',
  npm_config_cache: '/tmp/some-cache',
}

const npm = async (cwd: string, ...words: string[]) => {
  const options = { cwd, env: process.env, timeoutMs: 120_000, signal: AbortSignal.timeout(120_000) }
  const { code, stderr } = await startProcess(['npm', ...words], options)
  expect(code, stderr).toBe(0)
}

/** A dashboard with a package whose install script writes everything it can see into `stolen`. */
async function hostileDashboard() {
  const [evil, dashboard] = [temporaryFolder(), temporaryFolder()]
  const stolen = path.join(dashboard, 'stolen.json')
  const steal = `require('fs').writeFileSync(${JSON.stringify(stolen)}, JSON.stringify(process.env))`
  writeFileSync(path.join(evil, 'steal.cjs'), steal)
  const scripts = { preinstall: 'node steal.cjs', install: 'node steal.cjs', postinstall: 'node steal.cjs' }
  const about = { name: 'evil', version: '1.0.0', scripts }
  writeFileSync(path.join(evil, 'package.json'), JSON.stringify(about))
  await npm(evil, 'pack', '--ignore-scripts', '--pack-destination', dashboard)
  writeFileSync(
    path.join(dashboard, 'package.json'),
    JSON.stringify({
      ...{ name: 'dashboard', version: '1.0.0', scripts: { build: 'node build.mjs' } },
      dependencies: { evil: 'file:evil-1.0.0.tgz' },
    }),
  )
  writeFileSync(
    path.join(dashboard, 'build.mjs'),
    "import { writeFileSync } from 'node:fs'\nwriteFileSync('built.json', JSON.stringify(process.env))\n",
  )
  await npm(dashboard, 'install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund')
  return { dashboard, stolen, built: path.join(dashboard, 'built.json') }
}

test('a package’s install script does not run, and the build does not see the operator’s secrets', async () => {
  const { dashboard, stolen, built } = await hostileDashboard()
  // Where npm runs install scripts, the package does write the file.
  await npm(dashboard, 'ci', '--no-audit', '--no-fund')
  expect(existsSync(stolen)).toBe(true)
  rmSync(stolen)
  rmSync(path.join(dashboard, 'node_modules'), { recursive: true })

  const config = await loadTestConfig(`DASHBOARD_DIR=${dashboard}`)
  const runner = openRunner({
    env: { ...process.env, ...secrets, NEXT_PUBLIC_TITLE: 'Codex' },
    mayChange: true,
  })
  for (const command of getBuildCommands(config, 'build-1')) await runner.run(command)
  expect(existsSync(path.join(dashboard, 'node_modules', 'evil', 'package.json'))).toBe(true)
  expect(existsSync(stolen)).toBe(false)
  const seen = JSON.parse(readFileSync(built, 'utf8')) as Record<string, string>
  expect(Object.keys(seen).filter((name) => name in secrets)).toEqual([])
  expect(seen).toMatchObject({
    BUILD_ID: 'build-1',
    NEXT_PUBLIC_TITLE: 'Codex',
    NEXT_TELEMETRY_DISABLED: '1',
  })
})

test('both commands get exactly the listed variables', async () => {
  const [dashboard, bin] = [temporaryFolder(), temporaryFolder()]
  writeFileSync(path.join(dashboard, 'package-lock.json'), '{}')
  const log = path.join(dashboard, 'seen.jsonl')
  const fake = `#!${process.execPath}
process.getBuiltinModule('fs').appendFileSync(${JSON.stringify(log)}, JSON.stringify([process.argv.slice(2), process.env]) + '\\n')
`
  writeFileSync(path.join(bin, 'npm'), fake, { mode: 0o755 })
  const env = { ...plain, ...secrets, PATH: `${bin}${path.delimiter}${plain.PATH}`, UNKNOWN: '1' }
  const runner = openRunner({ env, mayChange: true })
  const commands = getBuildCommands(await loadTestConfig(`DASHBOARD_DIR=${dashboard}`), 'build-1')
  for (const command of commands) await runner.run(command)
  const [install, build] = readFileSync(log, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as [string[], Record<string, string>])
  expect(install![0]).toEqual(['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'])
  expect(install![1]).toEqual({
    ...{ ...plain, PATH: env.PATH, NPM_TOKEN: 'registry-1' },
    'npm_config_//registry.example/:_authToken': 'registry-2',
  })
  expect(build![0]).toEqual(['run', 'build'])
  expect(build![1]).toEqual({
    ...{ ...plain, PATH: env.PATH, BUILD_ID: 'build-1', NEXT_TELEMETRY_DISABLED: '1' },
  })
  expect(display(commands[0]!)).toContain('npm ci --include=dev --ignore-scripts')
})

test('the variables that Windows needs are listed, in any case', () => {
  for (const name of [
    'Path',
    'SystemRoot',
    'ComSpec',
    'PATHEXT',
    'APPDATA',
    'UserProfile',
    'TEMP',
    'windir',
  ]) {
    expect(isBuildVariable(name), name).toBe(true)
    expect(isInstallVariable(name), name).toBe(true)
  }
  for (const name of ['https_proxy', 'NO_PROXY', 'NODE_EXTRA_CA_CERTS', 'LC_ALL', 'NPM_CONFIG_REGISTRY']) {
    expect(isBuildVariable(name), name).toBe(true)
  }
  for (const name of ['NODE_AUTH_TOKEN', 'NPM_TOKEN', 'NPM_CONFIG__AUTH', 'npm_config_//r/:_password']) {
    expect([isInstallVariable(name), isBuildVariable(name)], name).toEqual([true, false])
  }
  for (const name of [
    'AZURE_CLIENT_SECRET',
    'SSH_AUTH_SOCK',
    'PATHX',
    'XPATH',
    'LCX',
    'NEXTPUBLIC',
    'DATABASE_URL',
  ]) {
    expect([isInstallVariable(name), isBuildVariable(name)], name).toEqual([false, false])
  }
})
