#!/usr/bin/env node
// Plain JavaScript: this file must run on the machine's own Node, however old, to find the project's Node.
import fs from 'node:fs'
import module from 'node:module'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { handOver, home, isSupported } from './projectNode.js'

const argv = process.argv.slice(2)

if (isSupported()) await launch()
else {
  const install = argv[0] === 'rehearse' && argv.includes('--install')
  handOver([fileURLToPath(import.meta.url), ...argv], { install })
}

async function launch() {
  module.enableCompileCache?.()
  const scripts = findScripts()
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h') return list(scripts)
  const file = scripts.get(name)
  if (!file) {
    const { findNearest } = await import(pathToFileURL(path.join(home, 'lib', 'util', 'suggest.ts')).href)
    const meant = findNearest(name, [...scripts.keys()])
    console.error(
      // Of typed or pasted text, print only visible characters.
      `✖ There is no script ${name.replaceAll(/[^ -~]/g, '?')}${meant ? `; did you mean ${meant}?` : ''}\n→ npx dominion lists them.`,
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

/** Lists the scripts by folder, each with the summary in its file. */
function list(scripts) {
  console.log('Usage: npx dominion SCRIPT [flags]        npx dominion SCRIPT --help')
  console.log(
    'Most accept --env NAME (reads .env.NAME) and --json; those that change something accept --dry-run.\n',
  )
  let folder
  for (const [name, file] of scripts) {
    const summary = /summary:\s*(['"])(.*?)\1,\n/s.exec(fs.readFileSync(file, 'utf8'))?.[2] ?? ''
    const its = path.relative(home, path.dirname(file)).replaceAll('\\', '/')
    if (its !== folder) console.log(`${folder === undefined ? '' : '\n'}${its}/`)
    folder = its
    console.log(`  ${name.padEnd(20)} ${summary}`)
  }
}
