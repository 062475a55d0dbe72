// Plain JavaScript: these functions must run on the machine's own Node, however old.
import crypto from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const home = path.dirname(path.dirname(fileURLToPath(import.meta.url)))

/**
 * The packages that contain Node, of which npm installs the one that fits the machine (optionalDependencies), each with
 * the SHA-256 of its executable. docs/security.md says where the checksums come from.
 */
const { sha256 } = JSON.parse(fs.readFileSync(path.join(home, 'bin', 'nodeChecksums.json'), 'utf8'))

const executable = process.platform === 'win32' ? 'node.exe' : 'node'
const packages = Object.entries(sha256).map(([name, checksum]) => ({
  file: path.join(home, 'node_modules', name, 'bin', executable),
  checksum,
}))

/** The path of the Node that npm installed with the project; undefined when there is none. */
export function findProjectNode() {
  return packages.map(({ file }) => file).find((file) => fs.existsSync(file))
}

/**
 * Whether a file is the executable that the project was released with: true or false for one of its packages,
 * undefined for any other Node.
 */
export function hasKnownChecksum(node) {
  const real = fs.realpathSync(node)
  const its = packages.find(({ file }) => fs.existsSync(file) && fs.realpathSync(file) === real)
  return its && getChecksum(real) === its.checksum
}

function getChecksum(file) {
  const hash = crypto.createHash('sha256')
  const buffer = Buffer.allocUnsafe(2 ** 20)
  const descriptor = fs.openSync(file)
  try {
    for (;;) {
      const length = fs.readSync(descriptor, buffer)
      if (length === 0) return hash.digest('hex')
      hash.update(buffer.subarray(0, length))
    }
  } finally {
    fs.closeSync(descriptor)
  }
}
