import type { ImageMarks } from '../azure/image.ts'
import type { Context } from '../tasks/context.ts'
import type { Difference, Task } from '../tasks/task.ts'
import { badReleases } from '../vps/badReleases.ts'

/** The marks of bad images, which the VPS keeps. A VPS that is not set up yet has none; one that is silent throws. */
export const imageMarks =
  (context: Context): (() => Promise<ImageMarks>) =>
  async () =>
    (await badReleases(context)).backend

/**
 * The steps, the switch of the pages saying so when it would bring back a release that is marked as bad. One that this
 * run uploads is new, and nobody can have marked it.
 */
export function warnIfMarkedBad(context: Context, steps: readonly Task[]): Task[] {
  let wasThere = false

  async function withMark(difference: Difference): Promise<Difference> {
    if (!wasThere || (difference.state !== 'change' && difference.state !== 'create')) return difference
    const release = difference.fields?.find(({ name }) => name === 'live release')?.after ?? ''
    const mark = (await badReleases(context)).frontend.get(release)
    if (!mark) return difference
    return {
      ...difference,
      what: `${difference.what}; it is marked as bad (${mark.why}), and published all the same`,
    }
  }

  return steps.map((step) => ({
    ...step,
    async inspect(ahead) {
      const difference = await step.inspect(ahead)
      if (step.id === 'frontend-upload') wasThere = difference.state === 'ok'
      return step.id === 'frontend-switch' ? withMark(difference) : difference
    },
  }))
}
