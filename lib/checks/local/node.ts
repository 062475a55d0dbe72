import { isAtLeast } from '../../util/semver.ts'
import { type Check, fail, pass } from '../check.ts'

/** What the way through a proxy (http.Agent, proxyEnv) came with, on each line that has it. */
const oldest = { 22: '22.21.0', newer: '24.5.0' }

/** The Node that runs the scripts; package.json's engines. */
export const node: Check = {
  id: 'node',
  title: 'Node',
  tags: ['doctor', 'tools'],
  needs: 'nothing',
  advice: 'npm ci in the folder of the scripts: it brings its own Node.',
  async run() {
    const { node: version } = process.versions
    const wanted = version.startsWith('22.') ? oldest[22] : oldest.newer
    return isAtLeast(version, wanted) ? pass(version) : fail(`${version}, needed: ${wanted}`)
  },
}
