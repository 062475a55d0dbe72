import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { createImageBom } from '../../docs/tools/imageBom.ts'
import { type Bom, findBomFaults } from '../support/cyclonedx.ts'
import { home, temporaryFolder } from '../support/helpers.ts'

const run = (program: string, ...argv: string[]) =>
  execFileSync(program, argv, { encoding: 'utf8', cwd: home, maxBuffer: 64 * 1024 * 1024 })

// Both start several programs, which takes its time on a busy machine.
test('npm run sbom lists what package-lock.json lists, valid by the schema of CycloneDX', {
  timeout: 120_000,
}, () => {
  const cwd = temporaryFolder()
  const argv = ['--prefix', home, 'run', 'sbom']
  expect(execFileSync('npm', argv, { cwd, encoding: 'utf8' })).toContain('Wrote dominion.cdx.json')
  const text = readFileSync(path.join(cwd, 'dominion.cdx.json'), 'utf8')
  expect(findBomFaults(text)).toEqual([])
  const { packages } = JSON.parse(readFileSync(path.join(home, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string; dev?: boolean }>
  }
  const all = Object.entries(packages)
    .filter(([place]) => place !== '')
    .map(([place, { version, dev = false }]) => [`${place.replace(/.*node_modules\//, '')}@${version}`, dev])
  const { components } = JSON.parse(text) as Bom
  const listed = components.map(({ purl, properties = [] }) => [
    decodeURIComponent(purl.replace('pkg:npm/', '')),
    properties.some(({ name }) => name === 'cdx:npm:package:development'),
  ])
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(all))
})

test('the packages of an image are those that dpkg and Python list in it', { timeout: 120_000 }, async () => {
  const folder = temporaryFolder()
  // This machine is the image.
  const modules = 'usr/lib/python3/dist-packages'
  const described = readdirSync(path.join('/', modules))
    .filter((name) => /\.(dist|egg)-info$/.test(name))
    .map((name) => path.join(modules, name))
  const wanted = ['var/lib/dpkg/status', 'usr/lib/os-release', ...described]
  run('tar', '-czf', path.join(folder, 'layer.tar'), '-C', '/', ...wanted)
  const manifest = [{ Config: 'c.json', RepoTags: null, Layers: ['layer.tar'] }]
  writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify(manifest))
  run('tar', '-cf', path.join(folder, 'image.tar'), '-C', folder, 'manifest.json', 'layer.tar')
  const text = await createImageBom(path.join(folder, 'image.tar'))
  expect(findBomFaults(text)).toEqual([])
  const { components } = JSON.parse(text) as Bom
  const listed = (type: string) =>
    components
      .filter(({ purl }) => purl.startsWith(`pkg:${type}/`))
      .map((each) => `${each.name} ${each.version}`)
  const format = '$' + '{db:Status-Status} $' + '{Package} $' + '{Version}\\n'
  const debian = run('dpkg-query', '-W', '-f', format).matchAll(/^installed (.*)$/gm)
  expect(listed('deb').sort()).toEqual(Array.from(debian, ([, each]) => each!).sort())
  const script = `
import importlib.metadata, re
for each in importlib.metadata.distributions(path=['/${modules}']):
    print(re.sub('[-_.]+', '-', each.metadata['Name'].lower()), each.version)`
  expect(listed('pypi').sort()).toEqual(run('/usr/bin/python3', '-c', script).trim().split('\n').sort())
})
