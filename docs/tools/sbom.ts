/*
 * Writes a software bill of materials in CycloneDX's format:
 *
 *   npm run sbom                   of the toolbox, into dominion.cdx.json; npm itself makes it from package-lock.json
 *   npm run sbom -- backend.tar    of an image in an archive (docker save), into backend.cdx.json
 */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { createImageBom } from './imageBom.ts'

const home = path.join(import.meta.dirname, '..', '..')
const [archive] = process.argv.slice(2)
/** npm starts its scripts in the project's folder and says where it was started. */
const folder = process.env.INIT_CWD ?? process.cwd()

/**
 * npm's own list of what package-lock.json lists, for all platforms; packages that only tests and tools need have the
 * property cdx:npm:package:development. With --omit=dev, npm 11 also leaves out packages that both need, such as nodemailer.
 */
function createToolBom(): string {
  const npm = process.env.npm_execpath
  if (!npm) throw new Error('Start this with npm run sbom.')
  const options = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only']
  const { status, stdout, stderr } = spawnSync(process.execPath, [npm, 'sbom', ...options], {
    ...{ cwd: home, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  })
  if (status !== 0) throw new Error(`npm sbom: ${stderr}`)
  return stdout
}

try {
  const file = `${archive ? path.basename(archive, path.extname(archive)) : 'dominion'}.cdx.json`
  const bom = archive ? await createImageBom(path.resolve(folder, archive)) : createToolBom()
  writeFileSync(path.join(folder, file), bom)
  console.log(`Wrote ${file}`)
} catch (error) {
  console.error(`✖ ${(error as Error).message}`)
  process.exitCode = 1
}
