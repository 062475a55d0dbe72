import { look } from '../../shell/command.ts'
import { type Check, pass } from './check.ts'

/** The dashboard is built with npm. */
export const npm: Check = {
  id: 'npm',
  title: 'npm',
  category: 'tools',
  next: 'Install Node.js with npm: the dashboard is built with it.',
  async look({ context }) {
    const { stdout } = await context.runner.run(look(['npm', '--version']))
    return pass(stdout.trim())
  },
}
