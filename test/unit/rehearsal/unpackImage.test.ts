import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { pack } from 'tar-stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findRemoved } from '../../../rehearsal/azure/unpackImage.ts'

/* What a layer removes first; test/system/imageBuilds.test.ts unpacks the layers of buildah. */

let folder: string
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'dominion-layer-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

test('whiteouts, folders whose content was replaced, and what was written; folders stay', async () => {
  const layer = pack()
  layer.entry({ name: 'etc/', type: 'directory' })
  layer.entry({ name: 'etc/.wh.issue' }, '')
  layer.entry({ name: 'srv/data/', type: 'directory' })
  layer.entry({ name: 'srv/data/.wh..wh..opq' }, '')
  layer.entry({ name: 'srv/data/new' }, 'new')
  layer.entry({ name: 'opt', type: 'symlink', linkname: 'srv' })
  layer.finalize()
  const file = path.join(folder, 'layer.tar')
  await pipeline(layer, createWriteStream(file))
  expect(await findRemoved(file)).toEqual(['etc/issue', 'srv/data', 'srv/data/new', 'opt'])
})
