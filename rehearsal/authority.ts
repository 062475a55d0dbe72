import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { runOrThrow } from './processes.ts'

/** A certificate with its key, as PEM and as files (the key's file is 0600). */
export interface Issued {
  keyFile: string
  certificateFile: string
  key: string
  certificate: string
}

/** A certificate authority that only this rehearsal knows. */
export interface Authority {
  /** PEM. */
  certificate: string
  certificateFile: string
  /**
   * Issues a server certificate for DNS names (wildcards allowed) and IP addresses.
   * @param validity may be in the past (default: from now on)
   */
  issue(names: string[], validity?: { from: Date; to: Date }): Promise<Issued>
}

const CA_DAYS = 3650
/** Apple and browsers accept at most 398 days; clients of the rehearsal may be as strict. */
const LEAF_DAYS = 397

/** Creates a new authority (ECDSA P-256, `openssl`) with its files below `folder`. */
export async function createAuthority(folder: string): Promise<Authority> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const keyFile = join(folder, 'ca.key')
  const certificateFile = join(folder, 'ca.pem')
  await newKey(keyFile)
  await runOrThrow(
    ['openssl', 'req', '-x509', '-new', '-key', keyFile, '-sha256', '-days', String(CA_DAYS)].concat(
      ['-subj', '/CN=Codex Dominion rehearsal CA', '-out', certificateFile],
      ['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
    ),
  )
  let issued = 0
  return {
    certificate: readFileSync(certificateFile, 'utf8'),
    certificateFile,
    async issue(names, validity) {
      if (names.length === 0) throw new Error('A certificate needs at least one name.')
      const base = join(folder, `${++issued}-${names[0]!.replace(/[^\w.-]/g, '_')}`)
      return issue(base, names, { key: keyFile, certificate: certificateFile, folder }, validity)
    },
  }
}

async function issue(
  base: string,
  names: string[],
  ca: { key: string; certificate: string; folder: string },
  validity: { from: Date; to: Date } | undefined,
): Promise<Issued> {
  const keyFile = `${base}.key`
  const certificateFile = `${base}.pem`
  await newKey(keyFile)
  const request = `${base}.csr`
  // The subject's CN holds at most 64 characters; clients read only the alternative names.
  await runOrThrow([
    'openssl',
    'req',
    '-new',
    '-key',
    keyFile,
    '-subj',
    '/O=Codex Dominion rehearsal',
    '-out',
    request,
  ])
  const extensions = `${base}.ext`
  writeFileSync(
    extensions,
    [
      `subjectAltName=critical,${names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',')}`,
      'basicConstraints=CA:FALSE',
      'keyUsage=critical,digitalSignature',
      'extendedKeyUsage=serverAuth',
      'subjectKeyIdentifier=hash',
      'authorityKeyIdentifier=keyid',
    ].join('\n'),
  )
  await runOrThrow(
    validity
      ? datedArgv(ca, { request, extensions, certificateFile }, validity)
      : [
          'openssl',
          'x509',
          '-req',
          '-in',
          request,
          '-CA',
          ca.certificate,
          '-CAkey',
          ca.key,
          '-sha256',
        ].concat(
          ['-days', String(LEAF_DAYS), '-set_serial', serial()],
          ['-extfile', extensions, '-out', certificateFile],
        ),
  )
  return {
    keyFile,
    certificateFile,
    key: readFileSync(keyFile, 'utf8'),
    certificate: readFileSync(certificateFile, 'utf8'),
  }
}

/**
 * Before OpenSSL 3.4, every certificate of `openssl x509` starts now; `openssl ca` can set the start but
 * needs a folder with a database.
 */
function datedArgv(
  ca: { key: string; certificate: string; folder: string },
  files: { request: string; extensions: string; certificateFile: string },
  { from, to }: { from: Date; to: Date },
): string[] {
  const file = (name: string, text: string) => {
    writeFileSync(join(ca.folder, name), text)
    return join(ca.folder, name)
  }
  const config = file(
    'ca.cnf',
    [
      ...[
        '[ca]',
        'default_ca = own',
        '[own]',
        `new_certs_dir = ${ca.folder}`,
        `database = ${file('ca.index', '')}`,
      ],
      ...[
        `serial = ${file('ca.serial', serial().slice(2))}`,
        'default_md = sha256',
        'policy = any',
        '[any]',
        'organizationName = optional',
      ],
    ].join('\n'),
  )
  const generalized = (date: Date) => date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return [
    ...['openssl', 'ca', '-batch', '-notext', '-config', config, '-cert', ca.certificate, '-keyfile', ca.key],
    ...['-startdate', generalized(from), '-enddate', generalized(to)],
    ...['-in', files.request, '-extfile', files.extensions, '-out', files.certificateFile],
  ]
}

async function newKey(file: string): Promise<void> {
  writeFileSync(file, '', { mode: 0o600 })
  await runOrThrow([
    'openssl',
    'genpkey',
    '-algorithm',
    'EC',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-out',
    file,
  ])
}

/** 16 random octets, as RFC 5280 (4.1.2.2) allows: positive and at most 20 octets. */
function serial(): string {
  const octets = crypto.getRandomValues(new Uint8Array(16))
  return `0x01${Buffer.from(octets).toString('hex')}`
}
