import { atLeast } from '../../config/version.ts'
import { type Check, fine, wrong } from '../check.ts'

const oldest = '22.18.0'

/** The Node that runs the scripts; package.json's engines. */
export const node: Check = {
  id: 'node',
  title: 'Node',
  category: 'tools',
  next: 'npm ci in the folder of the scripts: it brings its own Node.',
  async look() {
    const { node: version } = process.versions
    return atLeast(version, oldest) ? fine(version) : wrong(`${version}, needed: ${oldest}`)
  },
}
