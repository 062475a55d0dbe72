import { local } from '../../shell/template.ts'
import { type Check, pass } from '../check.ts'

/** The dashboard is built with npm. */
export const npm: Check = {
  id: 'npm',
  title: 'npm',
  tags: ['doctor', 'tools'],
  needs: 'nothing',
  advice: 'Install Node.js with npm: the dashboard is built with it.',
  async run({ context }) {
    const { stdout } = await context.runner.run(local`npm --version`)
    return pass(stdout.trim())
  },
}
