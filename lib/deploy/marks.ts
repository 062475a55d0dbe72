import type { ImageMarks } from '../azure/image.ts'
import { badReleases } from '../ionos/badReleases.ts'
import type { Context } from '../steps/context.ts'
import type { Step } from '../steps/step.ts'

/** The marks of bad images, which the VPS keeps. A VPS that is not set up yet has none; one that is silent throws. */
export const imageMarks =
  (context: Context): (() => Promise<ImageMarks>) =>
  async () =>
    (await badReleases(context)).backend

/** The steps, the switch of the pages saying so when it would bring back a release that is marked as bad. */
export const tellingMarks = (context: Context, steps: readonly Step[]): Step[] =>
  steps.map((step) => (step.id === 'frontend-switch' ? tellingMark(context, step) : step))

const tellingMark = (context: Context, step: Step): Step => ({
  ...step,
  async inspect(ahead) {
    const difference = await step.inspect(ahead)
    if (difference.state !== 'change' && difference.state !== 'create') return difference
    const release = difference.fields?.find(({ name }) => name === 'live release')?.after ?? ''
    const mark = (await badReleases(context)).frontend.get(release)
    if (!mark) return difference
    return {
      ...difference,
      what: `${difference.what}; it is marked as bad (${mark.why}), and published all the same`,
    }
  },
})
