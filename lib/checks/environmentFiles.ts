import { describeExposed, findExposedFiles } from '../config/exposedFiles.ts'
import { type Check, pass, warn } from './check.ts'

export const environmentFiles: Check = {
  id: 'env-file',
  title: 'Who can read .env',
  tags: ['doctor', 'login'],
  needs: 'nothing',
  async run({ context: { config } }) {
    const files = await findExposedFiles(config.folder, config.environment)
    if (files.length === 0) return pass('not every user of this machine')
    const { detail, next } = describeExposed(files)
    return warn(detail, next)
  },
}
