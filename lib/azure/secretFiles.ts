import { readFileSync } from 'node:fs'
import path from 'node:path'
import { usageError } from '../util/errors.ts'
import { createNamedTest, type Packed } from './buildContext.ts'

/** Names that files with secrets have, in any folder and in any case. */
const secretNames = [
  /^\.env$/i,
  /^\.env\.(?!example$)/i,
  /\.(pem|key|p12|pfx|dump|pgpass)$/i,
  /^id_(rsa|dsa|ecdsa|ed25519)(?!.*\.pub$)/i,
  /^\.(netrc|git-credentials)$/i,
]

/** The settings of npm that hold a token or a password (npmrc(5)). */
const npmSecret = /^\s*([^#;=]*:)?_(auth|authToken|password)\s*=/m

/**
 * Throws (exit 2) when the image would contain a file that holds a secret by its name. A rule with `!` in .dockerignore
 * that names the file allows it; one that ends with stars only, such as `!app/**`, names nothing.
 */
export function assertNoSecretFiles(folder: string, dockerfile: string, packed: readonly Packed[]): void {
  const isNamed = createNamedTest(folder, dockerfile)
  const found = packed
    // A link is packed as a link, without the content of its target.
    .filter(({ path: file, kind }) => kind === 'file' && holdsSecret(folder, file) && !isNamed(file))
    .map(({ path: file }) => file)
  if (found.length === 0) return
  const more = found.length > 5 ? ` and ${found.length - 5} more` : ''
  throw usageError(
    `The image would contain files that hold secrets by their names: ${found.slice(0, 5).join(', ')}${more}`,
    `Remove them from ${folder}, or exclude them with lines such as ${found[0]} in its .dockerignore. If a file belongs in the image, name it there after an exclamation mark: !${found[0]}`,
  )
}

function holdsSecret(folder: string, file: string): boolean {
  const name = path.posix.basename(file)
  if (name === '.npmrc') return npmSecret.test(readFileSync(path.join(folder, file), 'utf8'))
  return secretNames.some((pattern) => pattern.test(name))
}
