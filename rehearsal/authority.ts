import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { argv, runOrThrow } from './processes.ts'

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
  const [keyFile, certificateFile] = [join(folder, 'ca.key'), join(folder, 'ca.pem')]
  await runOrThrow(argv`
    openssl req -x509 ${newKey(keyFile)} -sha256 -days ${CA_DAYS} -subj ${'/CN=Codex Dominion rehearsal CA'}
      -addext keyUsage=critical,keyCertSign,cRLSign -out ${certificateFile}`)
  let issued = 0
  return {
    certificate: readFileSync(certificateFile, 'utf8'),
    certificateFile,
    async issue(names, validity) {
      if (names.length === 0) throw new Error('A certificate needs at least one name.')
      const base = join(folder, `${++issued}-${names[0]!.replace(/[^\w.-]/g, '_')}`)
      return issue(base, names, { keyFile, certificateFile, folder }, validity)
    },
  }
}

/** The arguments of `openssl req` for a new key, which is stored in the file. */
function newKey(file: string): string[] {
  writeFileSync(file, '', { mode: 0o600 })
  return argv`-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ${file}`
}

async function issue(
  base: string,
  names: string[],
  ca: { keyFile: string; certificateFile: string; folder: string },
  { from, to } = { from: new Date(), to: new Date(Date.now() + LEAF_DAYS * 86_400_000) },
): Promise<Issued> {
  const [keyFile, certificateFile, request] = [`${base}.key`, `${base}.pem`, `${base}.csr`]
  // The subject's CN holds at most 64 characters; clients read only the alternative names.
  const subject = '/O=Codex Dominion rehearsal'
  await runOrThrow(argv`openssl req -new ${newKey(keyFile)} -subj ${subject} -out ${request}`)
  writeFileSync(`${base}.index`, '')
  writeFileSync(
    `${base}.cnf`,
    `[ca]
default_ca = own
[own]
new_certs_dir = ${ca.folder}
database = ${base}.index
rand_serial = yes
default_md = sha256
policy = any
x509_extensions = server
[any]
organizationName = optional
[server]
subjectAltName = critical,${names.map((name) => `${isIP(name) ? 'IP' : 'DNS'}:${name}`).join(',')}
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`,
  )
  // Unlike `openssl x509` before OpenSSL 3.4, `openssl ca` can set the start.
  const generalized = (date: Date) => date.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  await runOrThrow(argv`
    openssl ca -batch -notext -config ${base}.cnf -cert ${ca.certificateFile} -keyfile ${ca.keyFile}
      -startdate ${generalized(from)} -enddate ${generalized(to)} -in ${request} -out ${certificateFile}`)
  return {
    ...{ keyFile, certificateFile },
    ...{ key: readFileSync(keyFile, 'utf8'), certificate: readFileSync(certificateFile, 'utf8') },
  }
}
