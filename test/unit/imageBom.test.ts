import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { expect, test } from 'vitest'
import { createImageBom } from '../../docs/tools/imageBom.ts'
import { type Bom, findBomFaults } from '../support/cyclonedx.ts'
import { temporaryFolder } from '../support/helpers.ts'

async function tar(files: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = pack()
  for (const [name, content] of Object.entries(files)) archive.entry({ name }, content)
  archive.finalize()
  return buffer(archive)
}

async function write(files: Record<string, string | Buffer>): Promise<string> {
  const file = path.join(temporaryFolder(), 'backend.tar')
  writeFileSync(file, await tar(files))
  return file
}

const installed = (name: string, version: string, status = 'install ok installed') =>
  `Package: ${name}\nStatus: ${status}\nArchitecture: amd64\nVersion: ${version}\nDescription: x\n Version: 9\n`
const python = (name: string, version: string) => ({
  [`usr/local/lib/python3.11/site-packages/${name}-${version}.dist-info/METADATA`]: `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n\nVersion: 9\n`,
})
const site = 'usr/local/lib/python3.11/site-packages'

const base = {
  'usr/lib/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nID=debian\n',
  'var/lib/dpkg/status': installed('libpq5', '15.1-1'),
  ...python('pip', '23.0'),
  ...python('old', '1.0'),
}
const changed = {
  'var/lib/dpkg/status': [
    installed('libpq5', '15.18-0+deb12u1'),
    installed('libgcc-s1', '1:12.2.0-14'),
    installed('gone', '1', 'deinstall ok config-files'),
  ].join('\n'),
  [`${site}/.wh.pip-23.0.dist-info`]: '',
  ...python('pip', '24.0'),
  ...python('Flask_Thing', '3.0.0'),
}
const last = {
  'opt/.wh..wh..opq': '',
  [`${site}/old-1.0.dist-info/.wh.METADATA`]: '',
  'app/METADATA': 'Name: no',
}

const expected = [
  'pkg:deb/debian/libgcc-s1@1:12.2.0-14?arch=amd64&distro=debian-12',
  'pkg:deb/debian/libpq5@15.18-0+deb12u1?arch=amd64&distro=debian-12',
  'pkg:pypi/flask-thing@3.0.0',
  'pkg:pypi/pip@24.0',
]

test('a saved image: packages as the last layer left them, valid by the schema of CycloneDX', async () => {
  const file = await write({
    'layer1/layer.tar': await tar(base),
    'manifest.json': JSON.stringify([
      {
        Config: 'blobs/sha256/abc',
        RepoTags: ['registry.test/codex-backend:src-1'],
        Layers: ['layer1/layer.tar', 'two.tar', 'three.tar'],
      },
    ]),
    // The order in the archive does not matter.
    'three.tar': zstdCompressSync(await tar(last)),
    'two.tar': gzipSync(await tar(changed)),
  })
  const text = await createImageBom(file)
  expect(findBomFaults(text)).toEqual([])
  const { metadata, components } = JSON.parse(text) as Bom
  expect(components.map(({ purl }) => purl).sort()).toEqual(expected)
  expect(metadata.component).toMatchObject({
    ...{ name: 'registry.test/codex-backend:src-1', version: 'sha256:abc', type: 'container' },
  })
})

test('an image in the OCI layout has the same packages', async () => {
  const file = await write({
    'blobs/sha256/a': await tar(base),
    'blobs/sha256/b': gzipSync(await tar(changed)),
    'blobs/sha256/c': await tar(last),
    'blobs/sha256/m': JSON.stringify({ layers: ['a', 'b', 'c'].map((id) => ({ digest: `sha256:${id}` })) }),
    'index.json': JSON.stringify({ manifests: [{ digest: 'sha256:m' }] }),
  })
  const { metadata, components } = JSON.parse(await createImageBom(file)) as Bom
  expect(components.map(({ purl }) => purl).sort()).toEqual(expected)
  expect(metadata.component).toMatchObject({ name: 'backend.tar', version: 'sha256:m' })
})

test('the schema finds what is wrong', () => {
  const bom = { bomFormat: 'CycloneDX', specVersion: '1.6', components: [{ type: 'librari', name: 'x' }] }
  expect(findBomFaults(JSON.stringify(bom))).toContainEqual(expect.stringContaining('/components/0/type'))
})

const manifest = (layers: string[]) => JSON.stringify([{ Config: 'c.json', RepoTags: null, Layers: layers }])

test.each([
  ['something else', { 'a.txt': 'x' }, /not the archive of one image/],
  ['a missing layer', { 'manifest.json': manifest(['a.tar']) }, /lacks a layer of the image: a\.tar/],
  ['no Debian', { 'manifest.json': manifest([]) }, /not based on Debian/],
  [
    'a broken layer',
    { 'manifest.json': manifest(['a']), a: Buffer.from('1f8b0000', 'hex') },
    /header|method/,
  ],
])('an archive with %s is refused', async (_, files, message) => {
  await expect(createImageBom(await write(files as Record<string, string>))).rejects.toThrow(message)
})

test('a file that does not exist is named', async () => {
  await expect(createImageBom('/nowhere/backend.tar')).rejects.toThrow(/ENOENT.*backend\.tar/)
})
