import { execFileSync } from 'node:child_process'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home, temporaryFolder } from '../../support/helpers.ts'

test('the memory for reading an export does not grow with it', () => {
  const folder = temporaryFolder()
  const names = ['index.html', '404.html', ...Array.from({ length: 98 }, (_, index) => `asset${index}.bin`)]
  mkdirSync(path.join(folder, 'out'))
  for (const name of names) {
    writeFileSync(path.join(folder, 'out', name), '')
    // Sparse: 800 MB that take no space.
    truncateSync(path.join(folder, 'out', name), 8_000_000)
  }
  const program = `
    const { readExport } = await import('${path.join(home, 'lib/vps/frontend/export.ts')}')
    const files = await readExport('${path.join(folder, 'out')}')
    console.log(JSON.stringify({ files: files.size, kilobytes: process.resourceUsage().maxRSS }))`
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })
  const { files, kilobytes } = JSON.parse(said)
  console.log(`800 MB of export read with ${Math.round(kilobytes / 1000)} MB`)
  expect(files).toBe(100)
  expect(kilobytes).toBeLessThan(200_000)
})
