import { siteChecks } from '../../checks/quickChecks.ts'
import { formatUtc } from '../../util/time.ts'
import type { StoredSample } from '../store/samples.ts'
import { formatDayLabel, formatIncidentTitle, formatList, getSubject, isVisible } from './labels.ts'
import type { Condition, Headline } from './types.ts'

/** The fields of a target's newest sample that the page uses. */
export type LastSeen = Pick<StoredSample, 'target' | 'at' | 'until' | 'verdict' | 'keptOut'>

interface Situation {
  now: number
  newest: readonly LastSeen[]
  /** Visible targets of a confirmed outage that is ongoing. */
  failing: readonly string[]
  /** Those of them that answer again, but not yet often enough to end the outage. */
  awaited: readonly string[]
  /** True when the latest check ran during planned maintenance. */
  maintenance: boolean
}

const conditions: Readonly<Record<LastSeen['verdict'], Condition>> = {
  OK: 'works',
  WARNING: 'slow',
  CRITICAL: 'down',
  UNKNOWN: 'unknown',
}

/** The current condition of a target; unknown when its newest sample is no longer valid. */
export function getCondition(seen: LastSeen | undefined, now: number): Condition {
  if (!seen || now >= seen.until) return 'unknown'
  return seen.keptOut && seen.verdict === 'CRITICAL' ? 'planned' : conditions[seen.verdict]
}

/** The condition of the site: its pages and its API combined. */
export function siteCondition(newest: readonly LastSeen[], now: number): Condition {
  const parts = selectMain(newest).map((seen) => getCondition(seen, now))
  const order: Condition[] = ['down', 'planned', 'unknown', 'slow', 'works']
  return order.find((condition) => parts.includes(condition)) ?? 'unknown'
}

const selectMain = (seen: readonly LastSeen[]): LastSeen[] =>
  seen.filter(({ target }) => siteChecks.some(({ id }) => id === target))

type HeadlineText = Omit<Headline, 'seenAt'>
const headline = (level: Headline['level'], title: string, text: string): HeadlineText => ({
  level,
  title,
  text,
})

/** Summarises the state in one sentence. Unknown is never reported as working. */
export function getHeadline(situation: Situation): Headline {
  const visible = situation.newest.filter(({ target }) => isVisible(target))
  if (visible.length === 0)
    return { ...headline('unknown', 'No data yet', 'No checks have run so far.'), seenAt: undefined }
  const text = staleHeadline(visible, situation) ?? currentHeadline(visible, situation)
  return { ...text, seenAt: Math.max(...visible.map(({ at }) => at)) }
}

const currentHeadline = (visible: readonly LastSeen[], situation: Situation): HeadlineText =>
  plannedHeadline(visible, situation) ??
  faultHeadline(visible, situation) ??
  normalHeadline(visible, situation)

function staleHeadline(visible: readonly LastSeen[], situation: Situation): HeadlineText | undefined {
  const main = selectMain(visible)
  if ((main.length > 0 ? main : visible).some(({ until }) => situation.now < until)) return undefined
  const last = Math.max(...visible.map(({ at }) => at))
  const { title } = currentHeadline(visible, { ...situation, now: last })
  const [date, time] = formatUtc(last).split(' ')
  return headline(
    'unknown',
    `No data since ${formatDayLabel(date!)}, ${time} UTC`,
    `No check has run since then. Its result was: “${title}”.`,
  )
}

/** A fault explained by maintenance or a deploy is not an outage, and what maintenance hides is not unknown. */
function plannedHeadline(
  visible: readonly LastSeen[],
  { now, maintenance }: Situation,
): HeadlineText | undefined {
  if (maintenance)
    return headline(
      'planned',
      'Planned maintenance',
      'The site is closed for planned work and will reopen when it is finished.',
    )
  const explained = visible.filter((seen) => getCondition(seen, now) === 'planned')
  if (explained.length === 0) return undefined
  const text = `${formatNames(explained)}: not available during the deploy.`
  return headline('planned', 'A new release is being deployed', text)
}

/** Based on the latest samples: faults of other targets that keep the incident open are not an outage of these. */
function faultHeadline(
  visible: readonly LastSeen[],
  { now, failing, awaited }: Situation,
): HeadlineText | undefined {
  const down = visible.filter((seen) => getCondition(seen, now) === 'down')
  const confirmed = down.filter(({ target }) => failing.includes(target))
  const targets = confirmed.map(({ target }) => target)
  const title = formatIncidentTitle(targets, 3, false)
  if (title) {
    const level = selectMain(confirmed).length > 0 ? 'down' : 'trouble'
    return headline(level, title, `${formatNames(down)}: failed the last check.`)
  }
  if (down.length > 0) {
    const text = `${formatNames(down)}: failed. Further checks will confirm whether this is an outage.`
    return headline('trouble', 'A check has just failed', text)
  }
  const again = visible.filter((seen) => awaited.includes(seen.target) && getCondition(seen, now) === 'works')
  if (again.length === 0) return undefined
  const { text, plural } = getSubject(again.map(({ target }) => target))
  return headline(
    'slow',
    `${text} ${plural ? 'are' : 'is'} recovering`,
    'The last check succeeded; the outage ends after further successful checks.',
  )
}

function normalHeadline(visible: readonly LastSeen[], { now }: Situation): HeadlineText {
  const are = (condition: Condition) => visible.filter((seen) => getCondition(seen, now) === condition)
  const [slow, unknown] = [are('slow'), are('unknown')]
  const rest = unknown.length > 0 ? ` Currently unknown: ${formatNames(unknown)}.` : ''
  if (unknown.length === visible.length)
    return headline(
      'unknown',
      'Currently unknown',
      'The last check was inconclusive; the network of the checking machine may be down.',
    )
  if (slow.length > 0) {
    const text = `${formatNames(slow)}: slower than expected.${rest}`
    return headline('slow', 'Working, slower than usual', text)
  }
  return unknown.length > 0
    ? headline('works', 'Everything that could be checked works', rest.trim())
    : headline('works', 'Everything works', 'All parts respond normally.')
}

const formatNames = (seen: readonly LastSeen[]): string => formatList(seen.map(({ target }) => target))
