import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import path from 'node:path'

export interface Certificate {
  key: string
  /** Self-signed, so it is its own certificate authority. */
  cert: string
}

/** A self-signed certificate for these names and addresses, valid for `days`, made by openssl. */
export function createCertificate(folder: string, names: readonly string[], days = 2): Certificate {
  const [key, cert] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')]
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
      ...['-days', String(days), '-subj', `/CN=${names[0]}`, '-keyout', key, '-out', cert],
      ...[
        '-addext',
        `subjectAltName=${names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',')}`,
      ],
    ],
    { stdio: 'ignore' },
  )
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
}
