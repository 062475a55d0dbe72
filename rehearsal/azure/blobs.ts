import type { Call, Reply } from './http.ts'
import { findRunByLog } from './registryRuns.ts'
import type { World } from './world.ts'

const common = (): Record<string, string> => ({
  'x-ms-version': '2019-12-12',
  'x-ms-blob-type': 'AppendBlob',
  'Last-Modified': new Date().toUTCString(),
  'Accept-Ranges': 'bytes',
})

const problem = (status: number, code: string, message: string): Reply => ({
  status,
  headers: { 'x-ms-error-code': code, 'Content-Type': 'application/xml' },
  body: `<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`,
})

/** The log of a run: `x-ms-meta-Complete` makes `az` stop reading. */
function readLog(world: World, call: Call): Reply {
  const run = findRunByLog(world, call.path)
  if (!run) return problem(404, 'BlobNotFound', 'The specified blob does not exist.')
  const bytes = Buffer.from(run.log)
  const ends = { Succeeded: 'successful', Failed: 'failed', Queued: undefined, Running: undefined }
  const complete = ends[run.status]
  const headers: Record<string, string> = {
    ...common(),
    ETag: `"0x${bytes.length.toString(16)}"`,
    'Content-Type': 'text/plain',
    ...(complete ? { 'x-ms-meta-Complete': complete } : {}),
  }
  if (call.method === 'HEAD')
    return { status: 200, headers: { ...headers, 'Content-Length': String(bytes.length) } }
  const range = /bytes=(\d+)-(\d*)/.exec(String(call.headers['x-ms-range'] ?? call.headers.range ?? ''))
  if (!range) return { status: 200, headers, body: bytes }
  const start = Number(range[1])
  const end = Math.min(range[2] ? Number(range[2]) : bytes.length - 1, bytes.length - 1)
  if (start > end)
    return problem(416, 'InvalidRange', 'The range is invalid for the current size of the resource.')
  headers['Content-Range'] = `bytes ${start}-${end}/${bytes.length}`
  return { status: 206, headers, body: bytes.subarray(start, end + 1) }
}

/** `*.blob.core.windows.net`: uploads of build contexts and logs of runs, by the addresses that ARM handed out. */
export function blobs(world: World, call: Call): Reply {
  if (['GET', 'HEAD'].includes(call.method)) return readLog(world, call)
  if (call.method !== 'PUT')
    return problem(405, 'UnsupportedHttpVerb', 'The resource does not support this HTTP verb.')
  const key = `${call.path}?${call.query.get('sig')}`
  if (!world.blobs.has(key))
    return problem(403, 'AuthenticationFailed', 'Server failed to authenticate the request.')
  // Large contexts arrive in blocks (Put Block, then Put Block List), in the order in which they are named.
  const kind = call.query.get('comp')
  if (kind === 'block') world.blobs.set(`${key}#${call.query.get('blockid')}`, call.body)
  else if (kind === 'blocklist') {
    const ids = call.body.toString().matchAll(/<(?:Latest|Uncommitted|Committed)>([^<]+)</g)
    const parts = Array.from(ids, ([, id]) => world.blobs.get(`${key}#${id}`) ?? Buffer.alloc(0))
    world.blobs.set(key, Buffer.concat(parts))
  } else world.blobs.set(key, call.body)
  return { status: 201, headers: { ...common(), ETag: '"0x1"' } }
}
