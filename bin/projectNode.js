// Plain JavaScript: these functions must run on the machine's own Node, however old, to find the right one.
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { constants } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { findProjectNode, hasKnownChecksum, home } from './nodePackages.js'

export { home }

/**
 * The Debian packages of the libraries that Node's builds link to. Node 25 added libatomic.so.1, which no base system
 * includes: https://github.com/actions/runner/pull/4640, https://github.com/nvm-sh/nvm/issues/3711.
 */
const debianPackages = {
  'libatomic.so.1': 'libatomic1',
  'libgcc_s.so.1': 'libgcc-s1',
  'libstdc++.so.6': 'libstdc++6',
}

/**
 * The range of `engines` in package.json: `^22.21 || ^24.5`. A separate proxy for each connection (http.Agent,
 * proxyEnv) was added in 22.21 and 24.5.
 */
const range = JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8')).engines.node

/** Whether package.json promises that the project runs on this Node. */
export function isSupported(version = process.versions.node) {
  const [major, minor] = version.split('.').map(Number)
  return [...range.matchAll(/\^(\d+)(?:\.(\d+))?/g)].some(
    ([, line, least = '0']) => major === Number(line) && minor >= Number(least),
  )
}

/** `22.21, 24.5 or 26, or a later release of the same line`. */
function describeSupported() {
  const lines = [...range.matchAll(/\^(\d+(?:\.\d+)?)/g)].map(([, line]) => line)
  return `${lines.slice(0, -1).join(', ')} or ${lines.at(-1)}, or a later release of the same line`
}

/**
 * Prepares the environment for the programs that a script starts, above all the dashboard's npm.
 *
 * npm passes the settings in the project's .npmrc on as environment variables, and ignore-scripts would skip a
 * `prebuild` of the dashboard; that npm reads the user's own settings itself. Also, `npm run` and `npx` put
 * node_modules/.bin first on the PATH: where the machine's Node runs the script, the project's Node may be unable to
 * start.
 */
function cleanEnvironment() {
  const { env } = process
  if (env.npm_config_local_prefix === home) delete env.npm_config_ignore_scripts
  const packages = path.join(home, 'node_modules')
  if (!isSupported() || process.execPath.startsWith(packages + path.sep)) return
  const folders = (env.PATH ?? '').split(path.delimiter)
  env.PATH = folders.filter((folder) => folder !== path.join(packages, '.bin')).join(path.delimiter)
}
cleanEnvironment()

/**
 * Starts a Node once and returns what keeps it from starting: the loader's message, the library that it names, and its
 * Debian package. Undefined when it starts.
 */
export function findFault(node) {
  const { status, stderr, error } = spawnSync(node, ['--version'], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (status === 0) return undefined
  // When a library is missing, ld.so(8) exits with 127 and this message.
  const library = /error while loading shared libraries: ([^:\s]+):/.exec(stderr ?? '')?.[1]
  // A file that exists but cannot be run needs another loader, as on musl.
  const words = stderr?.trim() || error?.message || `it ended with ${status}`
  return { words, library, debianPackage: debianPackages[library] }
}

const isDebian = () => fs.existsSync('/usr/bin/apt-get')

/** Two lines for the operator: what is missing, and the line that installs it. */
export function describeFault({ words, library, debianPackage }) {
  if (!library) return `✖ The project's Node does not start: ${words}\n→ Install Node ${describeSupported()}.`
  const what = `✖ The project's Node does not start: the library ${library} is missing`
  if (isDebian() && debianPackage)
    return `${what} (Debian package ${debianPackage})\n→ As root: apt-get install --no-install-recommends ${debianPackage}`
  return `${what}\n→ Install the package that provides ${library}, or Node ${describeSupported()}.`
}

/**
 * Returns the project's Node, ready to start. With `install`, root on Debian gets the missing library; the installation
 * is announced first. Undefined, after printing the reason, when no Node starts.
 */
export function prepareProjectNode({ install = false } = {}) {
  const node = findProjectNode()
  if (!node) {
    console.error(
      `✖ Node ${process.version} is not supported, and the project's own is not installed\n→ Run npm ci in ${home}, or install Node ${describeSupported()}.`,
    )
    return undefined
  }
  // Before its first start.
  if (!hasKnownChecksum(node)) {
    console.error(
      `✖ The project's Node is not the one that this toolbox was released with: ${node} has another checksum\n→ Run npm ci in ${home}. If the checksum still differs, do not use that file: report it as SECURITY.md says.`,
    )
    return undefined
  }
  const mayInstall = install && isDebian() && process.getuid() === 0
  let fault = findFault(node)
  // The loader names one library at a time.
  while (fault?.debianPackage && mayInstall && installPackage(fault)) {
    const before = fault.library
    fault = findFault(node)
    if (fault?.library === before) break
  }
  if (!fault) return node
  console.error(describeFault(fault))
  return undefined
}

function installPackage({ library, debianPackage }) {
  const line = ['apt-get', 'install', '-y', '--no-install-recommends', debianPackage]
  console.error(
    `The project's Node needs the library ${library}. Installing its Debian package: ${line.join(' ')}`,
  )
  const lock = ['-q', '-o', 'DPkg::Lock::Timeout=300']
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  // Standard output is reserved for the script: with --json it is one document.
  const run = (argv) => spawnSync(argv[0], argv.slice(1), { stdio: ['ignore', 2, 2], env }).status === 0
  run(['apt-get', 'update', ...lock])
  return run([...line, ...lock])
}

/** Runs a file in this process, as `node FILE …` would. */
export async function runHere(file, args) {
  process.argv = [process.argv[0], file, ...args]
  await import(pathToFileURL(file).href)
}

/**
 * Runs the line with the project's Node and exits with its code; with 2, after printing the reason, when that Node does
 * not start.
 */
export function handOver(argv, options) {
  const node = prepareProjectNode(options)
  if (!node) process.exit(2)
  runWith(node, argv)
}

/** Runs the line with a Node and exits with its code. */
export function runWith(node, argv) {
  const child = spawn(node, argv, { stdio: 'inherit' })
  // The terminal sends Ctrl-C and its own end to both processes; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]))
}
