import { existsSync, readFileSync } from 'node:fs'
import type { Reply } from './http.ts'

/* Answers of a registry to a pull. Source: the distribution specification of the Open Container Initiative. */

export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
export const configType = 'application/vnd.oci.image.config.v1+json'

export const problem = (status: number, code: string, message: string, headers = {}): Reply => ({
  status,
  headers,
  body: { errors: [{ code, message, detail: null }] },
})

/** The parts of a path below /v2/; a repository's name may contain slashes. */
export function parsePath(path: string): { name: string; kind?: string | undefined; reference: string } {
  const [, name = '', kind, reference = ''] = /^(.+)\/(manifests|tags|blobs)\/(.+)$/.exec(path) ?? []
  return { name, kind, reference }
}

export const sendManifest = (digest: string, text: string): Reply => ({
  status: 200,
  headers: { 'Content-Type': manifestType, 'Docker-Content-Digest': digest },
  body: text,
})

export const sendBlob = (file: string): Reply =>
  existsSync(file)
    ? { status: 200, headers: { 'Content-Type': 'application/octet-stream' }, body: readFileSync(file) }
    : problem(404, 'BLOB_UNKNOWN', 'blob unknown to registry')
